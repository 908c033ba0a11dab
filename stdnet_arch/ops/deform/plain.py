"""Plain torch on any device: one ``grid_sample``, or the definition spelled out."""

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.ops.deform.layout import Sampler, clamped_axes


def _prepare(x: Tensor) -> Tensor:
    """``(b, g, n, c, h, w)``: channels that share positions stand side by side."""
    return x.transpose(1, 2)


def _in_columns(sampled: Tensor, mask: Tensor | None, table: Tensor) -> Tensor:
    """``(b * g, n * c, taps, p)`` becomes ``(b, n, g * c * taps, p)``."""
    if mask is not None:
        share = mask.flatten(3).flatten(0, 1)[:, None]  # (b*g, 1, taps, p)
        sampled = sampled * share.to(sampled.dtype)
    parts = sampled.unflatten(1, table.shape[2:4]).unflatten(0, table.shape[:2])
    return parts.transpose(1, 2).flatten(2, 4)  # of (b, n, g, c, taps, p)


def _grid_columns(
    table: Tensor, position: Tensor, mask: Tensor | None, size: tuple[int, int]
) -> Tensor:
    """All taps through one ``grid_sample``."""
    taps, rows = position.shape[2], position.shape[-2]
    y, x = clamped_axes(position, size)
    grid = torch.stack(((2 * x + 1) / size[1] - 1, (2 * y + 1) / size[0] - 1), dim=-1)
    grid = grid.flatten(0, 1).flatten(1, 2)  # (b*g, taps*h', w', 2)
    # Disabled autocast: grid_sample wants one dtype, and half-precision positions would be wrong
    # by pixels.
    with torch.autocast(table.device.type, enabled=False):
        sampled = F.grid_sample(
            table.to(grid.dtype).flatten(2, 3).flatten(0, 1),
            grid,
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        )
    sampled = sampled.unflatten(2, (taps, rows)).flatten(3)
    return _in_columns(sampled.to(table.dtype), mask, table)


def _gather_columns(
    table: Tensor, position: Tensor, mask: Tensor | None, size: tuple[int, int]
) -> Tensor:
    """The definition: four corners, each weighted by its bilinear share, zero outside."""
    h, w = size
    y, x = (axis.flatten(0, 1).flatten(2) for axis in clamped_axes(position, size))
    values = table.flatten(4).flatten(2, 3).flatten(0, 1)  # (b*g, n*c, h*w)
    total = values.new_zeros(1)
    for dy in (0, 1):
        for dx in (0, 1):
            row, column = y.detach().floor() + dy, x.detach().floor() + dx
            share = (1 - (y - row).abs()) * (1 - (x - column).abs())  # (b*g, taps, p)
            inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
            index = (row.clamp(0, h - 1) * w + column.clamp(0, w - 1)).nan_to_num().long()
            index = index.flatten(1)[:, None].expand(-1, values.shape[1], -1)
            corner = values.gather(2, index).unflatten(2, share.shape[1:])
            total = total + corner * (share * inside)[:, None].to(values.dtype)
    return _in_columns(total, mask, table)


GRID_SAMPLE = Sampler(_prepare, _grid_columns, taps_first=False)
GATHER = Sampler(_prepare, _gather_columns, taps_first=False)
