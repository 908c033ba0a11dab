"""Stage 2 on a video of any length: windows that overlap, one diffusion step each, in order."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stdnet_arch.ops.resize import resample
from stdnet_arch.utils.windows import overlapping_windows

SIDE_MULTIPLE = 64


class DiffusionStep(Protocol):
    """Refiner of a window; :class:`~stdnet_arch.stereodiff.svd.SVDStep` is one."""

    def refine(self, disparity: Tensor, rgb: Tensor, seed: int) -> Tensor:
        """Disparity in [0, 1] ``(t, 1, H, W)`` and RGB, uint8 ``(t, 3, H, W)`` -> disparity up to
        scale and shift, ``(t, 1, H, W)``.
        """


class DisparityFrame(NamedTuple):
    """One frame at the size of the network."""

    disparity: Tensor
    """In [0, 1], ``(1, H, W)``."""
    rgb: Tensor
    """uint8, ``(3, H, W)``."""


class Windows(NamedTuple):
    """Cuts of a video into windows."""

    size: int = 110
    overlap: int = 25


Frames = Callable[[int], Iterator[DisparityFrame]]


def refine_video(
    step: DiffusionStep, frames: Frames, length: int, windows: Windows, seed: int, first: int = 0
) -> Iterator[Tensor]:
    """Refine window by window; no latent goes from one to the next (the paper shares none).

    In an overlap the result goes over linearly from the earlier window to the later one. No more
    than one window of frames and one overlap of results are in memory.

    Args:
        step: refines a window.
        frames: the video from a frame on.
        length: frames of it.
        windows: cuts of the video.
        seed: seed of the noise; window ``k`` takes ``seed + k``.
        first: the first frame that is wanted; the result is that of a run from frame 0.

    Yields:
        ``(1, H, W)`` of every frame from ``first`` on.

    Raises:
        ValueError: the windows do not advance.
    """
    cuts = overlapping_windows(length, *windows)
    # Frame `first` is blended with the window before the one that yields it.
    begin = max(sum(cut.start <= first for cut in cuts) - 2, 0)
    if not cuts:
        return
    source, pieces = frames(cuts[begin].start), list[DisparityFrame]()
    tail: Tensor | None = None
    for k, cut in enumerate(cuts[begin:], begin):
        pieces += islice(source, cut.stop - cut.start - len(pieces))
        disparity, rgb = (torch.stack(parts) for parts in zip(*pieces, strict=True))
        refined = step.refine(disparity, rgb, seed + k)
        pieces = pieces[len(pieces) - windows.overlap :]
        done = refined if tail is None else blend(tail, refined)
        tail = refined[len(refined) - windows.overlap :]
        fresh = done if k == len(cuts) - 1 else done[: len(done) - windows.overlap]
        for i, frame in enumerate(fresh, cut.start):
            if i >= first:
                yield frame


def blend(before: Tensor, after: Tensor) -> Tensor:
    """``after`` with its first frames faded in over ``before``, the same frames: ``(t, ...)``."""
    overlap = len(before)
    share = torch.arange(1, overlap + 1, dtype=after.dtype, device=after.device) / (overlap + 1)
    share = share.view(-1, *[1] * (after.ndim - 1))
    return torch.cat([(1 - share) * before + share * after[:overlap], after[overlap:]])


def size_for_network(size: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """Sides divisible by 64 nearest to those of a picture that fits ``longest_px``.

    Raises:
        ValueError: ``longest_px`` is below 64.
    """
    if longest_px < SIDE_MULTIPLE:
        raise ValueError(f"longest_px must be at least {SIDE_MULTIPLE}, got {longest_px}")
    shrink = min(1.0, longest_px / max(size))
    longest = longest_px // SIDE_MULTIPLE
    height, width = (
        min(max(round(side * shrink / SIDE_MULTIPLE), 1), longest) * SIDE_MULTIPLE for side in size
    )
    return height, width


def to_piece(
    disparity: NDArray[np.float32], rgb: NDArray[np.uint8], size: tuple[int, int]
) -> DisparityFrame:
    """A frame at the size of the network: nearest for depth (the paper's), smooth for colours."""
    maps = torch.from_numpy(np.ascontiguousarray(disparity))[None, None]
    colors = torch.from_numpy(rgb.astype(np.float32)).permute(2, 0, 1)
    small = resample(colors, size, "bilinear", antialias=True).round().clamp(0, 255).byte()
    nearest = torch.nn.functional.interpolate(maps, size=size, mode="nearest-exact")[0]
    return DisparityFrame(nearest.float(), small)
