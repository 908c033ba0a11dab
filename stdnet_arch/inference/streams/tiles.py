"""Frames that do not fit: cut into tiles on the CPU, blended where tiles overlap.

Approximate: a network that pools over the frame, as STDNet's channel attention does, sees a tile.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

import torch
from torch import Tensor, nn

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.inference.streams.push_stream import NetworkFrame, Outputs, PushStream

CPU = torch.device("cpu")


class Span(NamedTuple):
    """Pixels ``start`` to ``stop`` of one side of the low-resolution frame."""

    start: int
    stop: int


def plan_spans(length: int, tile: int, overlap: int) -> list[Span]:
    """Cut a side into spans of equal length that share at least ``overlap`` pixels.

    Args:
        length: pixels of the side.
        tile: pixels of a span; the whole side if that is shorter.
        overlap: below ``tile``.
    """
    if length <= tile:
        return [Span(0, length)]
    count = -(-(length - overlap) // (tile - overlap))
    starts = [round(i * (length - tile) / (count - 1)) for i in range(count)]
    return [Span(start, start + tile) for start in starts]


def span_weights(spans: Sequence[Span], scale: int) -> list[Tensor]:
    """Weigh each span at each of its high-resolution pixels.

    A span rises from its border to where the neighbour ends, linearly; the weights of all spans
    that hold a pixel sum to 1.

    Returns:
        ``(scale * (stop - start),)`` each.
    """
    raw = []
    for i, span in enumerate(spans):
        pixel = torch.arange(scale * span.start, scale * span.stop) + 0.5
        weight = torch.ones_like(pixel)
        if i > 0:
            shared = scale * (spans[i - 1].stop - span.start)
            weight = weight.minimum((pixel - scale * span.start) / max(shared, 1))
        if i + 1 < len(spans):
            shared = scale * (span.stop - spans[i + 1].start)
            weight = weight.minimum((scale * span.stop - pixel) / max(shared, 1))
        raw.append(weight)
    total = torch.zeros(scale * spans[-1].stop)
    for span, weight in zip(spans, raw, strict=True):
        total[scale * span.start : scale * span.stop] += weight
    return [
        weight / total[scale * span.start : scale * span.stop]
        for span, weight in zip(spans, raw, strict=True)
    ]


class Tile(NamedTuple):
    """One tile of a frame, and its stream."""

    rows: Span
    columns: Span
    weight: Tensor  # (H of the tile, W of the tile)
    opened: PushStream


class TiledStream(PushStream):
    """A stream per tile; frames stay on the CPU, and so does what waiting tiles keep.

    Args:
        net: the network, on its device.
        open_one: makes the stream of a tile.
        tile: side of a tile in pixels of ``lq``.
        overlap: pixels of ``lq`` that neighbours share; None: a quarter of ``tile``.

    Raises:
        ValueError: ``tile`` is no multiple of the network's ``multiple_of``, or ``overlap`` more
            than half of it.
    """

    def __init__(
        self,
        net: nn.Module,
        open_one: Callable[[], PushStream],
        tile: int,
        overlap: int | None = None,
    ) -> None:
        super().__init__(net)
        self.tile, self.overlap = check_tiles(tile, overlap, contract_of(net).multiple_of)
        self.open_one = open_one
        self.tiles: list[Tile] = []
        self.scale = 1

    def push_outputs(self, frames: Sequence[NetworkFrame]) -> list[Outputs]:
        """See :class:`PushStream`; maps come on the CPU.

        Raises:
            RuntimeError: a tile failed; it is named. Too little memory stays
                ``torch.OutOfMemoryError``.
        """
        if not frames:
            return []
        self._check(frames)
        frames = [(lq.to(CPU), guide.to(CPU)) for lq, guide in frames]
        if not self.tiles:
            self._plan(*frames[0])
        return self._blend([self._run(tile, frames) for tile in self.tiles])

    def flush_outputs(self) -> list[Outputs]:
        """See :class:`PushStream`."""
        return self._blend([self._run(tile, None) for tile in self.tiles])

    def move(self, device: torch.device | str) -> None:
        """See :class:`PushStream`."""
        for tile in self.tiles:
            tile.opened.move(device)

    def _plan(self, lq: Tensor, guide: Tensor) -> None:
        """Cut the frame: ``lq (1, h, w)``, ``guide (3, H, W)``."""
        self.scale = guide.shape[-1] // lq.shape[-1]
        sides = [plan_spans(length, self.tile, self.overlap) for length in lq.shape[-2:]]
        weights = [span_weights(spans, self.scale) for spans in sides]
        grid = itertools.product(*(zip(*both, strict=True) for both in zip(sides, weights)))  # noqa: B905
        self.tiles = [
            Tile(rows, columns, vertical[:, None] * horizontal, self.open_one())
            for (rows, vertical), (columns, horizontal) in grid
        ]

    def _run(self, tile: Tile, frames: Sequence[NetworkFrame] | None) -> list[Outputs]:
        """Push the tile's part of frames, or flush it for None; what it gives, on the CPU."""
        try:
            if frames is None:
                ready = tile.opened.flush_outputs()
            else:
                ready = tile.opened.push_outputs([self._cut(tile, *frame) for frame in frames])
            tile.opened.move(CPU)
            return [{name: x.to(CPU) for name, x in outputs.items()} for outputs in ready]
        except RuntimeError as error:
            _raise_for(tile, error)

    def _cut(self, tile: Tile, lq: Tensor, guide: Tensor) -> NetworkFrame:
        (top, bottom), (left, right), s = tile.rows, tile.columns, self.scale
        large = guide[:, s * top : s * bottom, s * left : s * right]
        return lq[:, top:bottom, left:right], large

    def _blend(self, parts: Sequence[list[Outputs]]) -> list[Outputs]:
        """Whole frames, ``(1, H, W)`` of each map, from those of all tiles."""
        if not parts or not parts[0] or self.shapes is None:
            return []
        H, W = self.shapes[1][-2:]
        whole = [{name: torch.zeros(1, H, W) for name in outputs} for outputs in parts[0]]
        s = self.scale
        for tile, made in zip(self.tiles, parts, strict=True):
            (top, bottom), (left, right) = tile.rows, tile.columns
            for frame, outputs in zip(whole, made, strict=True):
                for name, value in outputs.items():
                    place = frame[name][:, s * top : s * bottom, s * left : s * right]
                    place += tile.weight * value.float()
        return whole


def check_tiles(tile: int, overlap: int | None, multiple_of: int) -> tuple[int, int]:
    """The side and the overlap of tiles, if they are possible; see :class:`TiledStream`."""
    overlap = tile // 4 if overlap is None else overlap
    if tile < 2 or tile % multiple_of or not 0 <= overlap <= tile // 2:
        raise ValueError(
            f"a tile needs a side of at least 2 depth pixels, a multiple of {multiple_of}, and an "
            f"overlap of 0 to half of it; got side {tile}, overlap {overlap}"
        )
    return tile, overlap


def _raise_for(tile: Tile, error: RuntimeError) -> NoReturn:
    """Raise a tile's error once more, with its place."""
    memory = isinstance(error, torch.OutOfMemoryError)
    kind = torch.OutOfMemoryError if memory else RuntimeError
    (top, bottom), (left, right) = tile.rows, tile.columns
    place = f"depth rows {top} to {bottom}, columns {left} to {right}"
    raise kind(f"the tile of {place} failed: {error}") from error
