"""Depth of the RGB's size: made coarse for the network, and kept where it was measured well.

Most RGB-D data are registered: depth and RGB have one size. The network then sees one depth of each
block, and its answer fills the holes and replaces what no neighbour supports.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_io import DepthReader
from stdnet_arch.data.recordings.recording import About, Frame, Recording
from stdnet_arch.data.recordings.wrapped_recording import WrappedRecording
from stdnet_arch.inference.lq_origin import Origin
from stdnet_arch.inference.predictor import Prediction
from stdnet_arch.utils.input_errors import InputError

RULES = ("median", "nth")
NOISE_FLOOR_M, NOISE_PER_M2 = 2e-3, 1.5e-3
"""Standard deviation of depth cameras: so much, and so much times the squared depth (Kinect)."""
SIGMAS = 3.0
SUPPORT = 2
"""Neighbours of eight that must agree with a pixel that the network contradicts."""

Depth = NDArray[np.floating]


@dataclass(frozen=True)
class Refinement:
    """Settings of the refinement of depth of the RGB's size.

    Args:
        scale: the network's: pixels along a side of a block.
        rule: ``median``: the lower median of the measured depths of each block; ``nth``: its middle
            pixel (row and column ``scale // 2``), measured or not.
    """

    scale: int
    rule: str = "median"

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.rule not in RULES:
            raise ValueError(f"depth is made coarse by {' or '.join(RULES)}; got {self.rule!r}")

    def coarse(self, depth_m: Depth) -> NDArray[np.float32]:
        """Make the network's input.

        Args:
            depth_m: ``(H, W)``; "no depth" is 0, negative, NaN or inf.

        Returns:
            ``(ceil(H / scale), ceil(W / scale))``; 0 where a block holds no depth.
        """
        if self.rule == "nth":
            whole = _padded(np.asarray(depth_m, np.float32), self.scale, None)
            first = self.scale // 2
            return np.ascontiguousarray(whole[first :: self.scale, first :: self.scale])
        blocks = _blocks(_padded(np.asarray(depth_m, np.float32), self.scale, np.nan), self.scale)
        seen = np.isfinite(blocks) & (blocks > 0)
        ordered = np.sort(np.where(seen, blocks, np.float32(np.inf)), axis=-1)
        middle = np.maximum(seen.sum(axis=-1) - 1, 0) // 2
        chosen = np.take_along_axis(ordered, middle[..., None], axis=-1)[..., 0]
        return np.where(seen.any(axis=-1), chosen, np.float32(0))

    def padded_rgb(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Repeat the last row and column of RGB ``(H, W, 3)`` up to whole blocks."""
        return _padded(rgb, self.scale, None)

    def merge(self, pred_m: NDArray[np.float32], depth_m: Depth) -> NDArray[np.float32]:
        """Keep what was measured where it agrees, within its noise, with the network or neighbours.

        Args:
            pred_m: the network's answer [m], at least ``(H, W)``; cut to that.
            depth_m: measured depth [m], ``(H, W)``; 0 is no depth.

        Returns:
            Depth [m], ``(H, W)``.
        """
        height, width = depth_m.shape
        pred_m = pred_m[:height, :width]
        seen = np.isfinite(depth_m) & (depth_m > 0)
        measured_m = np.where(seen, depth_m, 0).astype(np.float32)
        near_m = SIGMAS * noise_m(measured_m)
        keep = seen & (np.abs(measured_m - pred_m) <= near_m)
        keep |= seen & (_supporters(measured_m, near_m) >= SUPPORT)
        return np.where(keep, measured_m, pred_m)

    def finish(self, prediction: Prediction, depth_m: Depth) -> Prediction:
        """Merge a whole prediction with what was measured; see :meth:`merge`."""
        merged_m = self.merge(prediction.depth_m, depth_m)
        height, width = depth_m.shape
        error_m = prediction.error_m
        if error_m is not None:
            kept = merged_m != prediction.depth_m[:height, :width]
            error_m = np.where(kept, noise_m(merged_m), error_m[:height, :width])
        return Prediction(merged_m, np.isfinite(depth_m) & (depth_m > 0), error_m)


def noise_m(depth_m: Depth) -> NDArray[np.float32]:
    """Return the standard deviation that a depth camera has at a depth [m]."""
    return np.asarray(NOISE_FLOOR_M + NOISE_PER_M2 * depth_m**2, np.float32)


def check_origin(rule: str | None, register: bool, origin: Origin) -> None:
    """Refuse what takes depth pixels for the middles of their blocks if they are said not to be.

    Args:
        rule: rule of the refinement; None: there is none.
        register: RGB is moved onto the depth.
        origin: pixel of its RGB block that a depth pixel is said to show.

    Raises:
        InputError: they contradict each other.
    """
    if origin == "middle":
        return
    takers = {"--refine makes depth of": rule is not None, "--register compares with": register}
    for option, used in takers.items():
        if used:
            raise InputError(
                f"{option} the middle of its blocks, --lq-origin {origin} says otherwise: leave "
                "one of them out"
            )


class RefinedRecording(WrappedRecording):
    """A recording of depth and RGB of one size, as the network needs it.

    Args:
        recording: depth and RGB of one size.
        refinement: settings of the refinement.

    Raises:
        ValueError: they are not of one size.
    """

    def __init__(self, recording: Recording, refinement: Refinement) -> None:
        super().__init__(recording)
        self.refinement = refinement
        self.full: DepthReader = recording.depth
        size, rgb = self.full.read(0).shape, next(iter(recording.colors())).shape[:2]
        if size != rgb:
            raise ValueError(
                f"--refine is for depth and RGB of one size; depth is {size[1]}x{size[0]}, RGB is "
                f"{rgb[1]}x{rgb[0]}: leave it out"
            )
        self.depth: DepthReader = CoarseDepth(self.full, refinement)
        self._whole: dict[int, Depth] = {}

    @property
    def about(self) -> About:
        """Return the facts that were found out."""
        about, refinement = self.recording.about, self.refinement
        how = "the lower median" if refinement.rule == "median" else "the middle"
        note = f"refined from {how} of each {refinement.scale}x{refinement.scale} block"
        return replace(about, layout=f"{about.layout}, {note}")

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield coarse depth [m] and RGB of whole blocks from frame ``start`` on."""
        for i, (depth_m, rgb) in enumerate(self.recording.frames(start), start):
            self._whole[i] = depth_m
            yield self.refinement.coarse(depth_m), self.refinement.padded_rgb(rgb)

    def refined(self, i: int, prediction: Prediction) -> Prediction:
        """Merge the network's answer with what was measured.

        Args:
            i: the frame; it must have come out of :meth:`frames`, and later calls ask for later
                ones.
            prediction: prediction of the coarse frame.
        """
        depth_m = self._whole.pop(i)
        for before in [j for j in self._whole if j < i]:
            del self._whole[before]
        return self.refinement.finish(prediction, depth_m)


class CoarseDepth:
    """Depth of whole frames, a value per block."""

    def __init__(self, depth: DepthReader, refinement: Refinement) -> None:
        self.depth, self.refinement = depth, refinement

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.depth)

    def read(self, i: int) -> NDArray[np.float32]:
        """Read frame ``i`` [m], ``(h, w)``."""
        return self.refinement.coarse(self.depth.read(i))

    def name(self, i: int) -> str:
        """Return what frame ``i`` is called."""
        return self.depth.name(i)


def _padded(image: NDArray[Any], scale: int, value: float | None) -> NDArray[Any]:
    """Fill up to whole blocks below and to the right: with a value, or the last row and column."""
    bottom, right = (-side % scale for side in image.shape[:2])
    widths = [(0, bottom), (0, right), *[(0, 0)] * (image.ndim - 2)]
    if value is None:
        return np.pad(image, widths, mode="edge")
    return np.pad(image, widths, constant_values=value)


def _blocks(image: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """Cut ``(h * scale, w * scale)`` into ``(h, w, scale * scale)``."""
    height, width = (side // scale for side in image.shape)
    cut = image.reshape(height, scale, width, scale).transpose(0, 2, 1, 3)
    return cut.reshape(height, width, scale * scale)


def _supporters(depth_m: NDArray[np.float32], near_m: NDArray[np.float32]) -> NDArray[np.intp]:
    """Count the neighbours, of eight, that lie within ``near_m`` of a pixel."""
    around = np.pad(depth_m, 1)  # 0 is far from any measured depth
    height, width = depth_m.shape
    count = np.zeros(depth_m.shape, np.intp)
    for i in range(3):
        for j in range(3):
            if (i, j) != (1, 1):
                neighbour_m = around[i : i + height, j : j + width]
                count += np.abs(neighbour_m - depth_m) <= near_m
    return count
