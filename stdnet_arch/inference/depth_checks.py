"""Refuse predictions that cannot be depth."""

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.utils.input_errors import InputError

FARTHEST_POSSIBLE = 100
"""Ranges of the network beyond which a prediction is no depth."""


def check_possible(depth_m: NDArray[np.float32], number: int, range_m: float) -> None:
    """Refuse a predicted frame that cannot be depth: the weights are broken.

    Args:
        depth_m: prediction [m], ``(H, W)``.
        number: of the frame among those that were predicted, from 0.
        range_m: depth [m] that the network knows as 1.

    Raises:
        InputError: NaN or inf, nothing above 0, or depth far beyond the network's range.
    """
    finite = np.isfinite(depth_m)
    if finite.all() and depth_m.max() > 0 and np.abs(depth_m).max() <= FARTHEST_POSSIBLE * range_m:
        return
    got = f"{depth_m.size - finite.sum()} pixels that are NaN or inf"
    if finite.all():
        got = f"{depth_m.min():.3g}..{depth_m.max():.3g} m"
    raise InputError(
        f"frame {number} of the prediction must be depth of a network of 0..{range_m:g} m; got "
        f"{got}: the weights are broken, or half precision (--amp) is too coarse for them"
    )
