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
"""What a candidate loses that was filled instead of measured (in logits)."""
EXCLUDED = -1e4
"""Logit of a candidate that does not exist; finite in half precision."""
FURTHEST = 0.3
"""Share of a plane's depth by which it may change on the way to a pixel."""


class Blend(NamedTuple):
    """A softmax-weighted mean of candidates."""

    depth: Tensor
    """``(n, 16, H/4, W/4)``: the 16 pixels of each cell, as channels."""
    spread: Tensor
    """Mean absolute distance of the candidates from that mean, same shape."""
    weight: Tensor
    """``(n, j, 16, H/4, W/4)``, sums to 1 over ``j``."""


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
        Two maps ``(1, 16, H/4, W/4)`` in (-0.5, 0.5).
    """
    one = (torch.arange(scale, dtype=like.dtype, device=like.device) + 0.5) / scale - 0.5
    rows, columns = one.repeat(h)[:, None], one.repeat(w)[None]
    H, W = h * scale, w * scale
    return tuple(cells_of(m.expand(H, W)[None, None]) for m in (rows, columns))  # type: ignore[return-value]


def distance_prior(y: Tensor, x: Tensor, offsets: list[tuple[int, int]]) -> Tensor:
    """Logits of a sharp bilinear: minus squared distance to each candidate's centre.

    Returns:
        ``(1, j, 16, H/4, W/4)``.
    """
    squares = [(y - dy) ** 2 + (x - dx) ** 2 for dy, dx in offsets]
    return torch.stack(squares, 1) / (-2 * SHARPNESS**2)


def evaluate_planes(
    planes: LocalPlanes, y: Tensor, x: Tensor, offsets: list[tuple[int, int]], factor: int
) -> Tensor:
    """Depth of each neighbour's plane at each pixel.

    Args:
        planes: planes of the LR pixels, ``(n, 1, h, w)`` each.
        y: rows of :func:`places`.
        x: columns of :func:`places`.
        offsets: offsets of the candidates.
        factor: cells per LR pixel along a side (scale / 4).

    Returns:
        ``(n, j, 16, H/4, W/4)``, within 30 % of the plane's own depth.
    """
    depth, slope_x, slope_y = (look_around(part, offsets) for part in planes)
    # From the candidate's centre to the pixel's own: on the small grid, and without a tensor of
    # offsets, which a CUDA graph could not bring to the device.
    shift = [-(slope_y[:, j] * dy + slope_x[:, j] * dx) for j, (dy, dx) in enumerate(offsets)]
    maps = (depth, slope_x, slope_y, torch.stack(shift, 1))
    depth, slope_x, slope_y, moved = (replicate_up(m, factor)[:, :, None] for m in maps)
    change = moved + slope_y * y[:, None] + slope_x * x[:, None]
    limit = FURTHEST * depth
    return depth + torch.minimum(torch.maximum(change, -limit), limit)


def blend(logits: Tensor, candidates: Tensor) -> Blend:
    """Weigh candidates by the softmax of their logits, ``(n, j, 16, H/4, W/4)`` each."""
    weight = logits.softmax(1)
    depth = (weight * candidates).sum(1)
    spread = (weight * (candidates - depth[:, None]).abs()).sum(1)
    return Blend(depth, spread, weight)


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
        value, known = (
            F.avg_pool2d(m, 2, ceil_mode=True, count_include_pad=False) for m in (value, known)
        )
    value = value / known.clamp_min(1e-12)
    for fine, share in reversed(levels):
        h, w = fine.shape[-2:]
        coarse = replicate_up(value, 2)[..., :h, :w]
        value = torch.where(share > 0, fine / share.clamp_min(1e-12), coarse)
    return value
