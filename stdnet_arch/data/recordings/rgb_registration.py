"""RGB that lies beside the depth: found by edges of both, told, and moved if that is wanted.

Two cameras whose pictures were never brought together differ by a zoom (focal lengths) and a shift
(principal points, and parallax of what is far). Between two depth pixels of two surfaces lies an
edge, and mostly one of colour, too: the zoom and shift sought bring most of them together.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_io import DepthReader
from stdnet_arch.data.recordings.recording import About, Frame, Intrinsics, Recording
from stdnet_arch.data.recordings.wrapped_recording import WrappedRecording
from stdnet_arch.utils.depth_maps import EDGE, neighbour_steps
from stdnet_arch.utils.depth_step import estimate_step_m

LOOKED_AT = range(0, 31, 10)
"""Frames of a recording that are looked at to register it."""
ZOOMS = (0.84, 1.16, 0.02)
"""First, last, step."""
FARTHEST, STEP = 0.042, 0.006
"""Largest shift and its step, as parts of the longer side."""
FINER = 5
"""Parts of a step in the second search."""
GAIN = 0.2
"""Edges must agree so much better for a picture to count as one that lies beside its depth."""
FEWEST_EDGES = 200
"""Depth edges in all frames below which nothing can be told."""
MOST_EDGES = 2000
"""Depth edges of a frame and direction beyond which every n-th is taken."""
LEAST_INSIDE = 0.6
"""Part of the depth edges that must stay within the picture."""
STEEPER = 2.5
"""An edge is so many times as steep as what lies on either side of it: slopes are none."""
STRONGEST = 4.0
"""Colour edges count at most so many times as much as what is usual around them."""
AROUND = 0.1
"""Side of the square that is "around them", as part of the picture's longer side."""
FAINT = 8.0
"""Steps of colour, of 255, that hardly count as edges."""


@dataclass(frozen=True)
class Registration:
    """Place of a depth pixel in the RGB: ``centre + zoom * (x - centre) + shift``."""

    zoom: float = 1.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    """To the right and down, in pixels of the RGB."""
    gain: float = 0.0
    """Edges of both agree so much better, as part of how they agree as given."""

    def apply(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Move RGB ``(H, W, 3)`` onto the depth; its border is repeated beyond it."""
        height, width = rgb.shape[:2]
        x, y = self._first(width, 0), self._first(height, 1)
        to_rgb = np.array([[self.zoom, 0, x], [0, self.zoom, y]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        border = cv2.BORDER_REPLICATE
        moved = cv2.warpAffine(rgb, to_rgb, (width, height), flags=flags, borderMode=border)
        return np.asarray(moved, np.uint8)

    def camera(self, camera: Intrinsics, size: tuple[int, int]) -> Intrinsics:
        """Return the camera of moved pictures.

        Args:
            camera: that of the RGB as given.
            size: height and width of the RGB.
        """
        x, y = self._first(size[1], 0), self._first(size[0], 1)
        fx, fy, cx, cy = camera
        return Intrinsics(
            fx / self.zoom, fy / self.zoom, (cx - x) / self.zoom, (cy - y) / self.zoom
        )

    def farthest_px(self, size: tuple[int, int]) -> float:
        """Return how far a corner of the picture, height and width ``size``, moves at most."""
        x, y = (abs(1 - self.zoom) * side / 2 for side in reversed(size))
        return math.hypot(x + abs(self.shift_px[0]), y + abs(self.shift_px[1]))

    def _first(self, side: int, axis: int) -> float:
        """Place of the depth's first pixel along an axis."""
        return (1 - self.zoom) * (side - 1) / 2 + self.shift_px[axis]


class _Edges(NamedTuple):
    """Edges of one frame: those between columns, or those between rows."""

    places_px: NDArray[np.float64]
    """Depth edges as places in the RGB, x and y from the picture's centre, ``(n, 2)``."""
    colour: NDArray[np.float32]
    """Strength of the colour edge at each pixel, ``(H, W)``; about 1 where it is usual."""
    axis: int
    """Axis of the picture that they cut: 1 for edges between columns."""


def find_registration(frames: Iterable[Frame]) -> Registration | None:
    """Tell where the RGB lies beside the depth.

    Args:
        frames: some frames of one clip: depth [m] ``(h, w)``, RGB ``(H, W, 3)``; all of one size.

    Returns:
        None if they fit within about a depth pixel, or if edges are too few or do not tell.
    """
    edges: list[_Edges] = []
    block_px, side_px = 1.0, 1
    for depth_m, rgb in frames:
        edges += _edges_of(depth_m, rgb)
        block_px, side_px = rgb.shape[1] / depth_m.shape[1], max(rgb.shape[:2])
    if sum(len(one.places_px) for one in edges) < FEWEST_EDGES:
        return None
    step_px = STEP * side_px
    first, last, zoom_step = ZOOMS
    zooms = np.arange(first, last + zoom_step / 2, zoom_step)
    steps = math.floor(FARTHEST / STEP)
    shifts_px = _grid((0.0, 0.0), step_px, steps)
    agreement = _agreement(edges, zooms, shifts_px, max(block_px, step_px))
    near_px = max(block_px, step_px) + step_px / 2
    fitting = np.abs(zooms - 1) < 1.5 * zoom_step, np.abs(shifts_px).max(1) <= near_px
    as_given = agreement[np.ix_(*fitting)].max()
    i, j = np.unravel_index(agreement.argmax(), agreement.shape)
    ends = 0 < i < len(zooms) - 1, np.abs(shifts_px[j]).max() < (steps - 0.5) * step_px
    if not all(ends) or agreement[i, j] < (1 + GAIN) * as_given:
        return None
    finer = zooms[i] + zoom_step / FINER * np.arange(-FINER, FINER + 1)
    finer_px = _grid((shifts_px[j, 0], shifts_px[j, 1]), step_px / FINER, FINER)
    again = _agreement(edges, finer, finer_px, max(block_px, step_px / FINER))
    k, m = np.unravel_index(again.argmax(), again.shape)
    x, y = finer_px[m]
    gain = float(agreement[i, j] / as_given) - 1
    return Registration(float(finer[k]), (float(x), float(y)), gain)


def _edges_of(depth_m: NDArray[np.floating], rgb: NDArray[np.uint8]) -> list[_Edges]:
    """Find the edges of a frame: those between columns, and those between rows."""
    there = np.isfinite(depth_m) & (depth_m > 0)
    # Rounding makes edges of its own.
    coarse = 1.5 * (estimate_step_m(depth_m[there]) or 0) / np.where(there, depth_m, np.nan)
    size, blocks = rgb.shape[:2], [a / b for a, b in zip(rgb.shape, depth_m.shape, strict=False)]
    edges = []
    for axis in (1, 0):
        steep = _steep(*((depth_m, coarse) if axis == 1 else (depth_m.T, coarse.T)))
        row, column = np.nonzero(steep if axis == 1 else steep.T)
        place = np.stack([column, row], 1) + (0.5 + 0.5 * (axis == 1), 0.5 + 0.5 * (axis == 0))
        every = math.ceil(len(place) / MOST_EDGES) or 1
        place_px = place[::every] * blocks[::-1] - np.array(size[::-1]) / 2
        edges.append(_Edges(place_px, _colour_edges(rgb, axis), axis))
    return edges


def _steep(depth_m: NDArray[np.floating], coarse: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mark where a pixel ``(h, w)`` and its right neighbour belong to two surfaces.

    Args:
        depth_m: depth [m].
        coarse: difference of its logarithm that may come from rounding alone.
    """
    steps = neighbour_steps(depth_m)
    around = np.pad(np.nan_to_num(steps, nan=0.0), ((0, 0), (1, 1)))
    beside = np.maximum(around[:, :-2], around[:, 2:])
    real = steps > np.maximum(EDGE, coarse[:, 1:])  # NaN is not larger
    return np.asarray(real & (steps > STEEPER * beside))


def _colour_edges(rgb: NDArray[np.uint8], axis: int) -> NDArray[np.float32]:
    """Compare the colour edge at each pixel with those around it."""
    way = (1, 0) if axis == 1 else (0, 1)
    strength = np.abs(cv2.Sobel(rgb, cv2.CV_32F, *way)).max(-1)
    side = max(round(AROUND * max(rgb.shape[:2])), 1)
    usual = cv2.blur(strength, (side, side))
    return np.minimum(strength / (usual + FAINT), np.float32(STRONGEST))


def _grid(middle: tuple[float, float], step: float, steps: int) -> NDArray[np.float64]:
    """Places around a middle, ``((2 * steps + 1)^2, 2)``."""
    along = step * np.arange(-steps, steps + 1)
    return np.stack(np.meshgrid(along, along), -1).reshape(-1, 2) + middle


def _agreement(
    edges: Sequence[_Edges],
    zooms: NDArray[np.float64],
    shifts_px: NDArray[np.float64],
    length_px: float,
) -> NDArray[np.float64]:
    """Mean strength of colour at the depth edges, for each zoom and shift.

    Args:
        edges: edges of all frames.
        zooms: ``(z,)``.
        shifts_px: ``(n, 2)``.
        length_px: length that a depth edge may lie aside across its direction.

    Returns:
        ``(z, n)``; 0 where too many depth edges leave the picture.
    """
    total, inside = np.zeros((2, len(zooms), len(shifts_px)))
    length = max(round(length_px), 1)
    for places_px, colour, axis in edges:
        blurred = cv2.blur(colour, (length, 1) if axis == 1 else (1, length))
        height, width = blurred.shape
        for i, zoom in enumerate(zooms):
            place = zoom * places_px + (width / 2 - 0.5, height / 2 - 0.5)
            x, y = np.rint(place[:, None] + shifts_px).astype(np.intp).transpose(2, 0, 1)
            within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            total[i] += np.where(within, blurred[y % height, x % width], 0).sum(0)
            inside[i] += within.sum(0)
    count = sum(len(one.places_px) for one in edges)
    return np.where(inside >= LEAST_INSIDE * count, total / np.maximum(inside, 1), 0.0)


class RegisteredRecording(WrappedRecording):
    """A recording whose RGB is moved onto its depth, where edges say that it lies beside it.

    Args:
        recording: depth and RGB of one view, about.
    """

    @cached_property
    def registration(self) -> Registration | None:
        """The place of the depth in the RGB; None if they fit."""
        looked_at = islice(self.recording.frames(), LOOKED_AT.start, LOOKED_AT.stop, LOOKED_AT.step)
        return find_registration(looked_at)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the RGB."""
        height, width = next(iter(self.recording.colors())).shape[:2]
        return height, width

    @property
    def depth(self) -> DepthReader:
        """Return only the depth."""
        return self.recording.depth

    @property
    def about(self) -> About:
        """Return the facts that were found out."""
        about, found = self.recording.about, self.registration
        how = "RGB fits the depth" if found is None else f"RGB moved: {describe(found, self.size)}"
        return replace(about, layout=f"{about.layout or 'recording'}, {how}")

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield depth [m] and moved RGB from frame ``start`` on."""
        for depth_m, rgb in self.recording.frames(start):
            yield depth_m, self._moved(rgb)

    def colors(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """Yield moved RGB."""
        return map(self._moved, self.recording.colors(start))

    def intrinsics(self, i: int) -> Intrinsics | None:
        """Return the camera of frame ``i`` as the depth sees it."""
        camera, found = self.recording.intrinsics(i), self.registration
        return camera if camera is None or found is None else found.camera(camera, self.size)

    def _moved(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return rgb if self.registration is None else self.registration.apply(rgb)


def describe(found: Registration, size: tuple[int, int]) -> str:
    """Say how RGB of height and width ``size`` lies beside the depth."""
    x, y = found.shift_px
    return (
        f"up to {found.farthest_px(size):.0f} px (enlarged by {1 / found.zoom:.3f}, shifted by "
        f"{round(-x)} and {round(-y)} px; edges agree {100 * found.gain:.0f} % better)"
    )


def advice_on_fit(recording: Recording, i: int) -> str | None:
    """Warn of RGB that lies beside the depth in frame ``i``, unless it was looked for already."""
    if isinstance(recording, RegisteredRecording):
        return None
    frame = next(recording.frames(i))
    found = find_registration([frame])
    if found is None:
        return None
    size = frame[1].shape[:2]
    return (
        f"the RGB seems to lie beside the depth: they would fit with it moved by "
        f"{describe(found, size)}; --register does that"
    )
