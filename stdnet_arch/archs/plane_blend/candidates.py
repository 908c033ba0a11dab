"""Candidates of PlaneBlend: planes of neighbouring low-resolution pixels, at each pixel."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.ops.local_planes import LocalPlanes
from stdnet_arch.ops.resize import replicate_up

CELL = 4
"""Side of a working cell in output pixels: all features live on a grid of ``H/4 x W/4``."""
SHARPNESS = 0.45
"""Spread of the prior around a candidate's centre [LR pixels]."""
HOLE_PENALTY = 4.0
"""Loss of a candidate that was filled instead of measured (in logits)."""
FURTHEST = 0.3
"""Share of a plane's depth by which it may change on the way to a pixel."""


def neighbour_offsets(reach: int) -> list[tuple[int, int]]:
    """(dy, dx) of the candidates [LR pixels]: 3x3, then rings of eight at distances 2 .. reach."""
    square = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    rings = [(r * dy, r * dx) for r in range(2, reach + 1) for dy, dx in square if dy or dx]
    return square + rings


def look_around(x: Tensor, offsets: list[tuple[int, int]]) -> Tensor:
    """Values of the neighbours: ``(n, 1, h, w)`` -> ``(n, j, h, w)``; the border is replicated."""
    h, w = x.shape[-2:]
    pad = max(max(abs(dy), abs(dx)) for dy, dx in offsets)
    padded = F.pad(x, [pad] * 4, mode="replicate")
    views = [padded[..., pad + dy : pad + dy + h, pad + dx : pad + dx + w] for dy, dx in offsets]
    return torch.cat(views, 1)


def cells_of(x: Tensor) -> Tensor:
    """Full-size maps to cells: ``(n, c, H, W)`` -> ``(n, c * 16, H/4, W/4)``."""
    return F.pixel_unshuffle(x, CELL)


def pixels_of(x: Tensor) -> Tensor:
    """Undo :func:`cells_of`: ``(n, c * 16, H/4, W/4)`` -> ``(n, c, H, W)``."""
    return F.pixel_shuffle(x, CELL)


def places(h: int, w: int, scale: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Place each pixel in its LR pixel, (y, x) from its centre [LR pixels].

    Returns:
        Rows ``(1, 16, H/4, 1)`` and columns ``(1, 16, 1, W/4)``, in (-0.5, 0.5): all that they
        depend on. At scale 4, where all cells are alike, ``(1, 16, 1, 1)`` both.
    """
    one = (torch.arange(scale, dtype=like.dtype, device=like.device) + 0.5) / scale - 0.5
    h, w = (1, 1) if scale == CELL else (h, w)
    rows, columns = one.repeat(h)[:, None], one.repeat(w)[None]
    y = cells_of(rows.expand(-1, CELL)[None, None])
    return y, cells_of(columns.expand(CELL, -1)[None, None])


def distance_prior(y: Tensor, x: Tensor, offsets: list[tuple[int, int]]) -> Tensor:
    """Logits of a sharp bilinear: minus squared distance to each candidate's centre.

    Args:
        y: rows of :func:`places`.
        x: columns of :func:`places`.
        offsets: offsets of the candidates.

    Returns:
        ``(1, j, 16, H/4, W/4)``; at scale 4 ``(1, j, 16, 1, 1)``.
    """
    squares = [(y - dy) ** 2 + (x - dx) ** 2 for dy, dx in offsets]
    return torch.stack(squares, 1) / (-2 * SHARPNESS**2)


class PlanesAround(NamedTuple):
    """The candidates' planes as each LR pixel sees them, ``(n, j, h, w)`` each."""

    middle: Tensor
    """Depth at the centre of this LR pixel."""
    slope_x: Tensor
    """See :class:`~stdnet_arch.ops.local_planes.LocalPlanes`."""
    slope_y: Tensor
    """See there."""
    lowest: Tensor
    """Bound that no pixel may go below."""
    highest: Tensor
    """Bound that no pixel may go beyond."""

    def rows(self, rows: slice) -> "PlanesAround":
        """Those of some rows of LR pixels."""
        return PlanesAround(*(part[:, :, rows] for part in self))


def planes_around(planes: LocalPlanes, offsets: list[tuple[int, int]]) -> PlanesAround:
    """Gather the planes of the neighbours; all arithmetic that can be is done on the small grid.

    Args:
        planes: planes of the LR pixels, ``(n, 1, h, w)`` each.
        offsets: offsets of the candidates.
    """
    depth, slope_x, slope_y = (look_around(part, offsets) for part in planes)
    # From the candidate's centre to the pixel's own; without a tensor of offsets, which a CUDA
    # graph could not bring to the device.
    shift = [slope_y[:, j] * dy + slope_x[:, j] * dx for j, (dy, dx) in enumerate(offsets)]
    limit = FURTHEST * depth
    middle = depth - torch.stack(shift, 1)
    return PlanesAround(middle, slope_x, slope_y, depth - limit, depth + limit)


def evaluate_planes(around: PlanesAround, y: Tensor, x: Tensor, factor: int) -> Tensor:
    """Depth of each neighbour's plane at each pixel.

    Args:
        around: result of :func:`planes_around`.
        y: rows of :func:`places`.
        x: columns of :func:`places`.
        factor: cells per LR pixel along a side (scale / 4).

    Returns:
        ``(n, j, 16, H/4, W/4)``, within 30 % of the plane's own depth.
    """
    parts = (replicate_up(part, factor)[:, :, None] for part in around)
    middle, slope_x, slope_y, lowest, highest = parts
    depth = torch.addcmul(middle, slope_y, y[:, None])
    return torch.clamp(torch.addcmul(depth, slope_x, x[:, None]), lowest, highest)


def fill_by_means(lq: Tensor, measured: Tensor) -> Tensor:
    """Give holes the mean of the measured pixels around them, from the finest level that has any.

    Args:
        lq: ``(n, 1, h, w)``.
        measured: bool, same shape.

    Returns:
        ``lq`` where measured; 0 everywhere in a frame without any measurement.
    """
    known = measured.to(lq.dtype)
    value, levels = lq * known, []
    while max(value.shape[-2:]) > 1:
        levels.append((value, known))
        # A window beyond a side of one pixel is the same, but not every runtime takes it.
        window = [min(2, side) for side in value.shape[-2:]]
        value, known = (
            F.avg_pool2d(m, window, ceil_mode=True, count_include_pad=False) for m in (value, known)
        )
    value = value / known.clamp_min(1e-12)
    for fine, share in reversed(levels):
        h, w = fine.shape[-2:]
        coarse = replicate_up(value, 2)[..., :h, :w]
        value = torch.where(share > 0, fine / share.clamp_min(1e-12), coarse)
    return value
