"""The one interface of all samplers: maps in, columns out."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sampler:
    """One way to sample maps at given positions.

    ``prepare`` brings ``x``, ``(b, n, g, c, h, w)``, into the layout that the sampler reads: ``n``
    maps that share positions, ``g`` groups of ``c`` channels with positions of their own.

    ``columns(table, position, mask, size)`` samples it. ``position``: ``(b, g, taps, 2, h', w')``,
    (y, x) in pixels, as from :func:`tap_positions`; ``mask``: ``(b, g, taps, h', w')`` or None;
    ``size``: ``(h, w)``. Returns ``(b, n, k, h' * w')`` with ``k`` ordered (g, c, taps), or
    (g, taps, c) where ``taps_first``. Both are differentiable and the result need not be
    contiguous.

    Positions may be cut into bands of rows, so that a large map needs not be sampled at once.
    """

    prepare: Callable[[Tensor], Tensor]
    columns: Callable[[Tensor, Tensor, Tensor | None, tuple[int, int]], Tensor]
    taps_first: bool


def tap_positions(
    offset: Tensor, kernel: int, padding: int, dilation: int, groups: int, dtype: torch.dtype
) -> Tensor:
    """Place each tap, (y, x) in pixels.

    Args:
        offset: ``(b, 2 * groups * kernel**2, h', w')``.
        kernel: side of the window.
        padding: taps start at ``-padding``.
        dilation: distance between taps, pixels.
        groups: groups of channels with their own offsets.
        dtype: dtype of the result; half precision would be wrong by pixels.

    Returns:
        ``(b, groups, kernel**2, 2, h', w')``.
    """
    h, w = offset.shape[-2:]

    def axis(length: int) -> Tensor:
        return torch.arange(length, device=offset.device, dtype=dtype)

    tap = axis(kernel) * dilation - padding
    y = tap.repeat_interleave(kernel)[:, None, None] + axis(h)[:, None]
    x = tap.repeat(kernel)[:, None, None] + axis(w)
    base = torch.stack((y.expand(-1, h, w), x.expand(-1, h, w)), dim=1)
    return offset.to(dtype).unflatten(1, (groups, kernel * kernel, 2)) + base


def clamped_axes(position: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """y and x of ``position``, ``(b, g, taps, h', w')`` each, brought to within one pixel of the
    map.

    There, as anywhere farther out, the sampled value is zero, so only infinities change.
    """
    y, x = position.unbind(3)
    return y.clamp(-1, size[0]), x.clamp(-1, size[1])
