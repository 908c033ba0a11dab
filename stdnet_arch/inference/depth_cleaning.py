"""Depth as a sensor gives it -> as the network may see it; holes are filled and remembered."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.recording import Frame
from stdnet_arch.utils.depth_maps import fill_holes

FARTHEST_PLAUSIBLE = 10
"""Median of a frame, in ranges of the network, above which the unit must be wrong."""
NEAREST_PLAUSIBLE = 1e-3
"""The same, below which it must be."""
NEARLY_ALL = 0.9
"""Share of measured depth beyond the range from which the network would see a flat wall."""
NEAREST_M, FARTHEST_M = 1e-3, 100.0
"""Medians that no recording has, for a network of any range."""

Depth = NDArray[np.floating]


class SensorFrame(NamedTuple):
    """One frame, ready for the network."""

    lq_m: NDArray[np.float32]
    """Depth [m], ``(h, w)``, finite, in (0, range]; 0 in holes if the network takes them."""
    measured: NDArray[np.bool_]
    """Pixels where the sensor saw something, ``(h, w)``."""
    rgb: NDArray[np.uint8]
    """``(H, W, 3)``."""


@dataclass
class SensorReport:
    """Counts of holes and far pixels in the frames so far."""

    frames: int = 0
    pixels: int = 0
    holes: int = 0
    """Pixels without depth."""
    marked: int = 0
    """Pixels whose value by itself means "no depth" (65535, 1e10); readers make them inf."""
    negative: int = 0
    lowest_m: float = 0.0
    blank: int = 0
    """Frames without a single measured pixel, for which the frame before stood in."""
    early: int = 0
    """The same before the first measured frame, which stood in."""
    beyond: int = 0
    """Measured pixels beyond the network's range."""
    farthest_m: float = 0.0
    kept_holes: bool = False
    """The network handles holes by itself."""

    def lines(self, range_m: float) -> list[str]:
        """Say what a user should know, a sentence each."""
        said = []
        if self.holes:
            saw = "a hole" if self.kept_holes else "the nearest measured pixel of the frame"
            said.append(
                f"{self._percent(self.holes)} of the depth pixels hold no depth; the network saw "
                f"{saw} there"
            )
        if self.marked:
            said.append(
                f"{self._percent(self.marked)} of the depth pixels hold a value that means 'no "
                "depth' (inf, 65535 or the largest of the file's type, or beyond 1000 km); "
                "--invalid VALUE names another one instead, --invalid 0 none"
            )
        if self.negative:
            said.append(
                f"{self._percent(self.negative)} of the depth pixels are negative (down to "
                f"{self.lowest_m:.4g} m) and count as no depth"
            )
        if self.early:
            said.append(
                f"frames before frame {self.early} hold no depth at all ({self.early} of them); "
                f"frame {self.early}, the first one with depth, stood in"
            )
        if self.blank:
            said.append(f"{self.blank} frames hold no depth at all; the frame before stood in")
        if self.beyond:
            said.append(
                f"{self._percent(self.beyond)} of the depth pixels are beyond the network's range "
                f"of {range_m:g} m (up to {self.farthest_m:g} m); the network saw {range_m:g} m "
                "there"
            )
        return said

    def _percent(self, pixels: int) -> str:
        return f"{100 * pixels / self.pixels:.3g} %"


class SensorCleaner:
    """Prepares the frames of one clip, in order.

    No depth is: 0, negative, NaN, inf, beyond ``max_m``. Such a pixel takes the depth of the
    nearest measured pixel of its frame (Euclidean distance). A frame without any takes the frame
    before, and the first measured one if there is none before. Depth beyond the network's range
    becomes the range, as in training.

    Args:
        range_m: the network's range [m]; inf: none.
        max_m: depths beyond it are no measurement [m]; None: all are.
        first_m: the first frame of the clip that holds depth, if it is known.
        keep_holes: leave 0 in holes, for a network that takes them.
        any_range: leave depth beyond the range as it is, for a network that is free of scale.
    """

    def __init__(
        self,
        range_m: float,
        max_m: float | None = None,
        first_m: Depth | None = None,
        *,
        keep_holes: bool = False,
        any_range: bool = False,
    ) -> None:
        self.range_m = np.inf if any_range else range_m
        self.max_m = max_m
        self.keep_holes = keep_holes
        self.report = SensorReport(kept_holes=keep_holes)
        self._before: NDArray[np.float32] | None = None
        self._first = None if first_m is None else self._fill(first_m, self.measured(first_m))
        self._plausible = False

    def measured(self, depth_m: Depth) -> NDArray[np.bool_]:
        """Find where a frame ``(h, w)`` holds depth."""
        seen = np.isfinite(depth_m) & (depth_m > 0)
        return seen if self.max_m is None else seen & (depth_m <= self.max_m)

    def clean(self, depth_m: Depth) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """One frame ``(h, w)`` as the network may see it, and where it was measured.

        Raises:
            ValueError: the first depths of the clip cannot be in metres, or the first frame holds
                none and no later one is known.
        """
        measured = self.measured(depth_m)
        if not self._plausible and measured.any():
            check_plausible(depth_m[measured], self.range_m, self.max_m)
            self._plausible = True
        self._count(depth_m, measured)
        if measured.any():
            self._before = self._fill(depth_m, measured)
            return self._before, measured
        stand_in = self._first if self._before is None else self._before
        if stand_in is None:
            raise ValueError(no_depth_message([depth_m]))
        self.report.early += self._before is None
        self.report.blank += self._before is not None
        return stand_in, measured

    def frames(self, frames: Iterable[Frame]) -> Iterator[SensorFrame]:
        """Prepare a clip lazily; frames before the first measured one wait for it.

        Raises:
            ValueError: no frame holds depth.
        """
        waiting: list[Frame] = []
        for depth_m, rgb in frames:
            if self._before is None and self._first is None:
                measured = self.measured(depth_m)
                if not measured.any():
                    waiting.append((depth_m, rgb))
                    continue
                self._first = self._fill(depth_m, measured)
            for early_m, early_rgb in waiting:
                yield SensorFrame(*self.clean(early_m), early_rgb)
            waiting.clear()
            yield SensorFrame(*self.clean(depth_m), rgb)
        if waiting:
            raise ValueError(no_depth_message([depth_m for depth_m, _ in waiting]))

    def _fill(self, depth_m: Depth, measured: NDArray[np.bool_]) -> NDArray[np.float32]:
        if self.keep_holes:
            filled = np.where(measured, depth_m, 0).astype(np.float32)
        else:
            filled = fill_holes(depth_m, measured)
        return np.minimum(filled, np.float32(self.range_m))

    def _count(self, depth_m: Depth, measured: NDArray[np.bool_]) -> None:
        report = self.report
        report.frames += 1
        report.pixels += measured.size
        report.holes += int(measured.size - measured.sum())
        report.marked += int((depth_m == np.inf).sum())
        negative = depth_m[np.isfinite(depth_m) & (depth_m < 0)]
        if negative.size:
            report.negative += negative.size
            report.lowest_m = min(report.lowest_m, float(negative.min()))
        beyond = depth_m[measured & (depth_m > self.range_m)]
        if beyond.size:
            report.beyond += beyond.size
            report.farthest_m = max(report.farthest_m, float(beyond.max()))


def no_depth_message(depths_m: Sequence[Depth]) -> str:
    """Say that no frame of a clip holds depth, and what it holds instead.

    Args:
        depths_m: the frames that were looked at, at least one.
    """
    values = np.concatenate([np.ravel(depth_m) for depth_m in depths_m])
    finite = values[np.isfinite(values)]
    found = "nothing but NaN and values that mean 'no depth'"
    if finite.size:
        found = f"values from {finite.min():.4g} to {finite.max():.4g} m"
        if finite.min() < 0:
            found += " (negative: does the camera look along -z? store the distance as positive)"
        elif finite.max() > 0:
            found += " (all beyond the largest depth that was allowed)"
    return f"no frame of the clip holds depth: expected values > 0; got {found}"


def check_plausible(measured_m: Depth, range_m: float, max_m: float | None = None) -> None:
    """Raise if depths cannot be in metres, or are nearly all beyond a network's range.

    Args:
        measured_m: the measured depths of a frame [m], at least one.
        range_m: the network's range [m]; inf: any.
        max_m: the largest depth that the user expects [m]; then a network of any range believes it.
    """
    median_m = float(np.median(measured_m))
    share = float((measured_m > range_m).mean())
    bounded = bool(np.isfinite(range_m))
    nearest_m = max(NEAREST_PLAUSIBLE * range_m, NEAREST_M) if bounded else NEAREST_M
    farthest_m = FARTHEST_PLAUSIBLE * range_m if bounded else max(FARTHEST_M, max_m or 0)
    if nearest_m < median_m < farthest_m and share < NEARLY_ALL:
        return
    expected = f", for a network of 0..{range_m:g} m" if bounded else ""
    other = (
        "the network's range (--depth-range)" if bounded else "say how far it goes (--max-depth)"
    )
    beyond = f"; {100 * share:.3g} % of it lies beyond that range" if share > 0 else ""
    raise ValueError(
        f"depth must be in metres{expected}; the first measured frame has a median of "
        f"{median_m:.4g} m, so its unit is too "
        f"{'small' if median_m <= nearest_m else 'large'}: check the depth unit (--depth-unit mm, "
        f"m, cm, or metres per stored unit) or {other}{beyond}"
    )
