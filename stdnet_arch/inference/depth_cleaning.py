"""Depth as a sensor gives it -> as the network may see it; holes are filled and remembered."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.recording import Frame
from stdnet_arch.utils.hole_filling import fill_holes

FARTHEST_PLAUSIBLE = 10
"""Median of a frame, in ranges of the network, above which the unit must be wrong."""
NEAREST_PLAUSIBLE = 1e-3
USUAL_M = 20.0
"""Range that stands for a network of any range in these two."""

Depth = NDArray[np.floating]


class SensorFrame(NamedTuple):
    """One frame, ready for the network."""

    lq_m: NDArray[np.float32]
    """Depth [m], ``(h, w)``, finite, in (0, range]; 0 before the first measured pixel, and in
    holes if the network takes them."""
    measured: NDArray[np.bool_]
    """Where the sensor saw something, ``(h, w)``."""
    rgb: NDArray[np.uint8]
    """``(H, W, 3)``."""


@dataclass
class SensorReport:
    """What was found in the frames so far."""

    frames: int = 0
    pixels: int = 0
    holes: int = 0
    """Pixels without depth."""
    blank: int = 0
    """Frames without a single measured pixel."""
    beyond: int = 0
    """Measured pixels beyond the network's range."""
    farthest_m: float = 0.0
    kept_holes: bool = False
    """The network handles holes by itself."""

    def lines(self, range_m: float) -> list[str]:
        """What a user should know, a sentence each."""
        said = []
        if self.holes:
            share = 100 * self.holes / self.pixels
            saw = "a hole" if self.kept_holes else "the nearest measured pixel of the frame"
            said.append(
                f"{share:.3g} % of the depth pixels hold no depth; the network saw {saw} there"
            )
        if self.blank:
            said.append(f"{self.blank} frames hold no depth at all; the frame before stood in")
        if self.beyond:
            share = 100 * self.beyond / self.pixels
            said.append(
                f"{share:.3g} % of the depth pixels are beyond the network's range of {range_m:g} "
                f"m (up to {self.farthest_m:g} m); the network saw {range_m:g} m there"
            )
        return said


class SensorCleaner:
    """Prepares the frames of one clip, in order.

    No depth is: 0, negative, NaN, inf, beyond ``max_m``. Such a pixel takes the depth of the
    nearest measured pixel of its frame (Euclidean distance); a frame without any takes the frame
    before, and 0 if there is none. Depth beyond the network's range becomes the range, as in
    training.

    Args:
        range_m: the network's range [m].
        max_m: depths beyond it are no measurement [m]; None: all are.
        keep_holes: leave 0 in holes, for a network that takes them.
        any_range: leave depth beyond the range as it is, for a network that is free of scale.
    """

    def __init__(
        self,
        range_m: float,
        max_m: float | None = None,
        *,
        keep_holes: bool = False,
        any_range: bool = False,
    ) -> None:
        self.range_m = np.inf if any_range else range_m
        self.max_m = max_m
        self.keep_holes = keep_holes
        self.report = SensorReport(kept_holes=keep_holes)
        self._before: NDArray[np.float32] | None = None
        self._plausible = False

    def measured(self, depth_m: Depth) -> NDArray[np.bool_]:
        """Where a frame ``(h, w)`` holds depth."""
        seen = np.isfinite(depth_m) & (depth_m > 0)
        return seen if self.max_m is None else seen & (depth_m <= self.max_m)

    def clean(self, depth_m: Depth) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """One frame ``(h, w)`` as the network may see it, and where it was measured.

        Raises:
            ValueError: the first depths of the clip cannot be in metres.
        """
        measured = self.measured(depth_m)
        if not self._plausible and measured.any():
            check_plausible(depth_m[measured], self.range_m)
            self._plausible = True
        self._count(depth_m, measured)
        if measured.any():
            if self.keep_holes:
                filled = np.where(measured, depth_m, 0).astype(np.float32)
            else:
                filled = fill_holes(depth_m, measured)
            filled = np.minimum(filled, np.float32(self.range_m))
        elif self._before is not None:
            filled = self._before
        else:
            filled = np.zeros(depth_m.shape, np.float32)
        self._before = filled
        return filled, measured

    def frames(self, frames: Iterable[Frame]) -> Iterator[SensorFrame]:
        """Prepare a clip lazily."""
        for depth_m, rgb in frames:
            yield SensorFrame(*self.clean(depth_m), rgb)

    def _count(self, depth_m: Depth, measured: NDArray[np.bool_]) -> None:
        report = self.report
        report.frames += 1
        report.pixels += measured.size
        report.holes += int(measured.size - measured.sum())
        report.blank += not measured.any()
        beyond = depth_m[measured & (depth_m > self.range_m)]
        if beyond.size:
            report.beyond += beyond.size
            report.farthest_m = max(report.farthest_m, float(beyond.max()))


def check_plausible(measured_m: Depth, range_m: float) -> None:
    """Raise if depths are thousands of times too large or too small for a network.

    Args:
        measured_m: the measured depths of a frame [m], at least one.
        range_m: the network's range [m]; inf: any.
    """
    median_m = float(np.median(measured_m))
    usual_m = range_m if np.isfinite(range_m) else USUAL_M
    if NEAREST_PLAUSIBLE * usual_m < median_m < FARTHEST_PLAUSIBLE * usual_m:
        return
    large = median_m > usual_m
    wanted = f", for a network of 0..{range_m:g} m" if np.isfinite(range_m) else ""
    raise ValueError(
        f"depth must be in metres{wanted}; the first measured frame has a median of "
        f"{median_m:.4g} m, so its unit is too {'large' if large else 'small'}: "
        f"check the depth unit (--depth-unit mm, m, or metres per stored unit)"
    )
