"""A window on a display that shows pictures as they come."""

import cv2
import numpy as np
from numpy.typing import NDArray

KEYS_TO_END = {27, ord("q")}
"""Escape and q."""


class ScreenWindow:
    """A window of OpenCV; it must be used in the main thread, on a machine with a display.

    Args:
        title: text above it.
    """

    name = "window"

    def __init__(self, title: str) -> None:
        self.title = title
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:  # a build without windows
            raise ImportError(
                "a window needs opencv-python, not opencv-python-headless; --screen page shows "
                f"the frames in a browser ({error})"
            ) from error
        self._sized = False

    def show(self, picture: NDArray[np.uint8]) -> bool:
        """Draw ``(H, W, 3)``, RGB; returns when it is drawn.

        Returns:
            False if the window was closed, or q or Escape pressed.
        """
        if not self._sized:
            cv2.resizeWindow(self.title, picture.shape[1], picture.shape[0])
            self._sized = True
        elif cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) < 1:
            return False
        cv2.imshow(self.title, picture[..., ::-1])
        return cv2.waitKey(1) & 0xFF not in KEYS_TO_END

    def close(self) -> None:
        """Close it."""
        cv2.destroyAllWindows()
