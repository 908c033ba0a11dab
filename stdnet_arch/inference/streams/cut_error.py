"""Difference between cut and whole: what a stream, an overlap or tiles cost, measured."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.inference.streams.push_stream import NetworkFrame, device_of
from stdnet_arch.inference.streams.streaming import stream


class Difference(NamedTuple):
    """Between two predictions of the same frames, in the network's unit."""

    frames: int
    size: tuple[int, int]
    """Height and width that were compared, in pixels of ``lq``."""
    largest: float
    mean: float

    def in_words(self, depth_range_m: float) -> str:
        """For people, in centimetres."""
        largest_cm, mean_cm = (100 * depth_range_m * x for x in (self.largest, self.mean))
        return (
            f"largest difference {largest_cm:.3g} cm, mean {mean_cm:.3g} cm, from whole frames and "
            f"the whole clip (measured on {self.frames} frames, {self.size[1]}x{self.size[0]} "
            "depth pixels)"
        )


@torch.no_grad()
def measure_difference(
    net: nn.Module,
    frames: Sequence[NetworkFrame],
    chunk: int = 1,
    overlap: int | None = None,
    tile: int | None = None,
    tile_overlap: int | None = None,
) -> Difference:
    """Compare :func:`stdnet_arch.inference.stream` with one forward of all frames.

    Args:
        net: a network of this plugin, on its device.
        frames: a clip that fits: ``(lq (1, h, w), guide (3, H, W))``, at least one.
        chunk: chunk of the stream, as the other arguments.
        overlap: see :func:`stdnet_arch.inference.open_stream`.
        tile: see there. Of larger frames, the middle is compared. It is just large enough for two
            tiles side by side and two on top of each other (and a ``multiple_of``).
        tile_overlap: see there.

    Raises:
        torch.OutOfMemoryError: the clip does not fit.
    """
    if tile is not None:
        shared = tile // 4 if tile_overlap is None else tile_overlap
        side = round_up(2 * tile - shared, contract_of(net).multiple_of)
        frames = [crop_middle(frame, side) for frame in frames]
    lq, guide = (torch.stack(side)[None] for side in zip(*frames, strict=True))
    device = device_of(net, "cpu")
    whole = net(lq.to(device), guide.to(device))["pred"][0].float().cpu()
    parts = stream(net, frames, chunk, overlap, tile, tile_overlap)
    cut = torch.stack([pred.float().cpu() for pred in parts])
    difference = (cut - whole).abs()
    h, w = lq.shape[-2:]
    return Difference(len(frames), (h, w), float(difference.max()), float(difference.mean()))


def round_up(length: int, multiple_of: int) -> int:
    """The next multiple at or above ``length``."""
    return -(-length // multiple_of) * multiple_of


def crop_middle(frame: NetworkFrame, side: int) -> NetworkFrame:
    """The middle of a frame, ``side`` pixels of ``lq`` in height and width or all there are."""
    lq, guide = frame
    scale = guide.shape[-1] // lq.shape[-1]
    for axis in (-2, -1):
        length = min(side, lq.shape[axis])
        start = (lq.shape[axis] - length) // 2
        lq = lq.narrow(axis, start, length)
        guide = guide.narrow(axis, scale * start, scale * length)
    return lq, guide
