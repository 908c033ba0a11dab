"""A frame as one picture: RGB | LR depth | prediction | expected error."""

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.inference.predictor import Prediction
from stdnet_arch.visual.colorize import DepthRange, colorize_depth, colorize_error, depth_range

Picture = NDArray[np.uint8]
Depth = NDArray[np.floating]
WIDEST = 480
"""Columns of a panel."""
ERROR_PERCENT = 95


class FramePainter:
    """Draws frames with one range of colours, which only grows: a live clip has no known range."""

    def __init__(self) -> None:
        self._seen: DepthRange | None = None
        self.error_cm = 1.0
        """Error of the last colour."""

    @property
    def limits(self) -> DepthRange:
        """Depths of the first and the last colour [m]."""
        return self._seen or DepthRange(0.0, 1.0)

    def draw(self, rgb: Picture, lq_m: Depth, prediction: Prediction) -> Picture:
        """Draw a frame.

        Args:
            rgb: ``(H, W, 3)``.
            lq_m: depth of the sensor [m], ``(h, w)``; what is not finite and > 0 is black.
            prediction: prediction of the frame.

        Returns:
            ``(height, panels * width, 3)``.
        """
        H, W = rgb.shape[:2]
        width = min(W, WIDEST)
        size = max(1, round(H * width / W)), width
        self._widen(lq_m)
        small_m, lq_m = (picked(depth_m, size) for depth_m in (prediction.depth_m, lq_m))
        panels = [picked(rgb, size), *(colorize_depth(x, self.limits) for x in (lq_m, small_m))]
        if prediction.error_m is not None:
            error_cm = 100 * picked(prediction.error_m, size)
            self.error_cm = max(self.error_cm, float(np.percentile(error_cm, ERROR_PERCENT)))
            panels.append(colorize_error(error_cm, self.error_cm))
        return np.concatenate(panels, axis=1)

    def _widen(self, lq_m: Depth) -> None:
        if (np.isfinite(lq_m) & (lq_m > 0)).any():
            near_m, far_m = depth_range(lq_m)
            before = self._seen or DepthRange(near_m, far_m)
            self._seen = DepthRange(min(near_m, before.near_m), max(far_m, before.far_m))


def picked(image: NDArray, size: tuple[int, int]) -> NDArray:
    """Take the pixel under the centre of each of ``size`` pixels: cheap, and no value is made up.

    Args:
        image: ``(H, W)`` or ``(H, W, c)``.
        size: height and width of the result.
    """
    rows, columns = (
        ((np.arange(small) + 0.5) * large / small).astype(np.intp)
        for small, large in zip(size, image.shape[:2], strict=True)
    )
    return image[rows[:, None], columns]
