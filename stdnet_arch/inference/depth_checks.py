"""Refuse predictions that cannot be depth, and bring others into the range of their frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.utils.input_errors import InputError

FARTHEST_POSSIBLE = 100
"""Ranges of the network beyond which a prediction is no depth."""
ROUNDING = 1e-5
"""Share of the farthest depth by which rounding may leave the range of a frame."""


def check_possible(depth_m: NDArray[np.float32], number: int, range_m: float) -> None:
    """Refuse a predicted frame that cannot be depth: the weights are broken.

    Args:
        depth_m: prediction [m], ``(H, W)``.
        number: index of the frame among those that were predicted, from 0.
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
        f"{got}: the weights are broken, or bf16 or fp16 (--precision) is too coarse for them"
    )


@dataclass
class OutsideCount:
    """Predicted pixels nearer or farther than all depth of their frame, which cannot be."""

    pixels: int = 0
    outside: int = 0
    lowest_m: float = np.inf
    highest_m: float = -np.inf

    def clip(self, pred_m: NDArray[np.float32], lq_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring a prediction ``(H, W)`` into the range of its frame's depth, and count."""
        nearest_m, farthest_m = lq_m.min(), lq_m.max()
        outside = np.maximum(nearest_m - pred_m, pred_m - farthest_m)
        found = pred_m[outside > ROUNDING * farthest_m]
        self.pixels += pred_m.size
        if not found.size:
            return pred_m
        self.outside += found.size
        self.lowest_m = min(self.lowest_m, float(found.min()))
        self.highest_m = max(self.highest_m, float(found.max()))
        return np.clip(pred_m, nearest_m, farthest_m)

    def lines(self) -> list[str]:
        """Say how many there were, if any."""
        if not self.outside:
            return []
        share = self.outside / self.pixels
        return [
            f"{100 * share:.3g} % of the predicted pixels were outside the depth of their frame "
            f"({self.lowest_m:.4g} to {self.highest_m:.4g} m) and took its nearest or farthest"
        ]
