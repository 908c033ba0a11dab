"""A line of text below a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT = 22
"""Rows of the line."""
_SIZE, _BASE = 0.42, 15


def add_caption(picture: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """Put a line below a picture; what does not fit is cut off.

    Args:
        picture: ``(H, W, 3)``, RGB.
        text: ASCII.

    Returns:
        ``(H + HEIGHT, W, 3)``.
    """
    line = np.zeros((HEIGHT, picture.shape[1], 3), np.uint8)
    cv2.putText(
        line, text, (4, _BASE), cv2.FONT_HERSHEY_SIMPLEX, _SIZE, (230, 230, 230), 1, cv2.LINE_AA
    )
    return np.concatenate([picture, line])
