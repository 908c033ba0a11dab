"""Exact size changes: replication of low-resolution depth, and padding that is undone by a crop."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

PADDINGS = ("replicate", "zeros")


class Padding(NamedTuple):
    """Pixels that were added at the bottom and at the right."""

    bottom: int
    right: int


def replicate_up(x: Tensor, factor: int) -> Tensor:
    """Enlarge a map by repeating each pixel ``factor`` x ``factor`` times (no value is invented).

    Args:
        x: ``(..., h, w)``.
        factor: integer >= 1.

    Returns:
        ``(..., h * factor, w * factor)``; ``x`` itself when ``factor`` is 1.

    Example:
        >>> replicate_up(torch.tensor([[[[1.0, 2.0]]]]), 2)[0, 0].tolist()
        [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """
    if factor == 1:
        return x
    return x.repeat_interleave(factor, dim=-2).repeat_interleave(factor, dim=-1)


def pixel_shuffle(x: Tensor, factor: int) -> Tensor:
    """As PyTorch's, which leaves ``channels_last`` on CUDA: here maps keep their layout.

    Args:
        x: ``(b, c * factor**2, h, w)``.
        factor: integer >= 1.

    Returns:
        ``(b, c, h * factor, w * factor)``.

    Example:
        >>> pixel_shuffle(torch.arange(4.0).view(1, 4, 1, 1), 2)[0, 0].tolist()
        [[0.0, 1.0], [2.0, 3.0]]
    """
    if not x.is_cuda or x.is_contiguous() or torch.is_grad_enabled():
        return F.pixel_shuffle(x, factor)
    parts = x.permute(0, 2, 3, 1).unflatten(3, (-1, factor, factor))  # (b, h, w, c, i, j)
    rows = parts.permute(0, 1, 4, 2, 5, 3)  # (b, h, i, w, j, c)
    return rows.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)


def upsample(x: Tensor, factor: int, mode: str) -> Tensor:
    """Enlarge a clip of maps frame by frame (half-pixel centres, no antialias).

    Args:
        x: ``(b, t, c, h, w)``; ``t`` may be 0.
        factor: integer >= 1.
        mode: ``nearest``, ``bilinear`` or ``bicubic``.

    Returns:
        ``(b, t, c, h * factor, w * factor)``.

    Example:
        >>> upsample(torch.tensor([0.0, 4.0]).view(1, 1, 1, 1, 2), 2, "bilinear")[0, 0, 0].tolist()
        [[0.0, 1.0, 3.0, 4.0], [0.0, 1.0, 3.0, 4.0]]
    """
    b, t, c, h, w = x.shape
    if t == 0:
        return x.new_zeros(b, 0, c, h * factor, w * factor)
    align = None if mode == "nearest" else False
    up = F.interpolate(x.flatten(0, 1), scale_factor=factor, mode=mode, align_corners=align)
    return up.unflatten(0, (b, t))


def interleave(given: Tensor, between: Tensor) -> Tensor:
    """Put maps between maps, in turn.

    Args:
        given: ``(b, n, ...)``.
        between: ``(b, n - 1, ...)``.

    Returns:
        ``(b, 2n - 1, ...)``: ``given[0], between[0], given[1], ...``.

    Example:
        >>> interleave(torch.tensor([[1, 3, 5]]), torch.tensor([[2, 4]])).tolist()
        [[1, 2, 3, 4, 5]]
    """
    pairs = torch.stack((given[:, :-1], between), 2).flatten(1, 2)
    return torch.cat((pairs, given[:, -1:]), 1)


def fill_in_time(given: Tensor) -> Tensor:
    """Linear interpolation in time: ``(b, n, ...)`` -> ``(b, 2n - 1, ...)``.

    Example:
        >>> fill_in_time(torch.tensor([1.0, 3.0]).view(1, 2, 1, 1, 1)).flatten().tolist()
        [1.0, 2.0, 3.0]
    """
    return interleave(given, (given[:, :-1] + given[:, 1:]) / 2)


def resample(x: Tensor, size: tuple[int, int], mode: str, antialias: bool) -> Tensor:
    """Bring a map to any size, with half-pixel centres.

    The picture's borders stay where they are: output pixel ``i`` looks at input position
    ``(i + 0.5) * h / H - 0.5``.

    Args:
        x: ``(c, h, w)``.
        size: ``(H, W)``.
        mode: ``bilinear`` (stays within the range of its neighbours) or ``bicubic``.
        antialias: use as wide a kernel as shrinking needs.

    Returns:
        ``(c, H, W)``; ``x`` itself when it has that size.

    Example:
        >>> resample(torch.tensor([[[1.0, 3.0]]]), (1, 4), "bilinear", antialias=False).tolist()
        [[[1.0, 1.5, 2.5, 3.0]]]
    """
    if x.shape[-2:] == size:
        return x
    return F.interpolate(x[None], size=size, mode=mode, align_corners=False, antialias=antialias)[0]


def area_down(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Shrink a map by the mean over whole cells.

    Args:
        x: ``(..., h, w)``, floating point.
        size: ``(H, W)``; ``h`` and ``w`` are whole multiples of it.

    Returns:
        ``(..., H, W)``; ``x`` itself when it has that size.

    Raises:
        ValueError: a side is no whole multiple.

    Example:
        >>> area_down(torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]]), (1, 1)).item()
        4.0
    """
    (h, w), (H, W) = x.shape[-2:], size
    if (h, w) == (H, W):
        return x
    if h % H or w % W:
        raise ValueError(f"sides must be whole multiples of {H}x{W} to be averaged, got {h}x{w}")
    return x.unflatten(-1, (W, w // W)).unflatten(-3, (H, h // H)).mean((-3, -1))


def pad_to_multiple(x: Tensor, multiple: int, pad: str = "replicate") -> tuple[Tensor, Padding]:
    """Extend a map at the bottom and at the right until its sides are multiples of ``multiple``.

    Args:
        x: ``(..., h, w)``, any dtype.
        multiple: integer >= 1.
        pad: ``replicate`` repeats the last row and column, ``zeros`` adds zeros.

    Returns:
        The padded map and what :func:`unpad` needs to undo it.

    Example:
        >>> padded, padding = pad_to_multiple(torch.rand(1, 3, 1, 13, 18), 8)
        >>> tuple(padded.shape), tuple(unpad(padded, padding).shape)
        ((1, 3, 1, 16, 24), (1, 3, 1, 13, 18))
    """
    h, w = x.shape[-2:]
    padding = Padding(-h % multiple, -w % multiple)
    if pad == "zeros":
        return F.pad(x, (0, padding.right, 0, padding.bottom)), padding
    if padding.bottom:
        x = torch.cat((x, x[..., -1:, :].expand(*x.shape[:-2], padding.bottom, w)), dim=-2)
    if padding.right:
        x = torch.cat((x, x[..., -1:].expand(*x.shape[:-1], padding.right)), dim=-1)
    return x, padding


def unpad(x: Tensor, padding: Padding, scale: int = 1) -> Tensor:
    """Crop what :func:`pad_to_multiple` added, on a map that has since grown by ``scale``.

    Args:
        x: ``(..., H, W)``.
        padding: as returned by :func:`pad_to_multiple`.
        scale: ratio of the sides of ``x`` and of the map that was padded.

    Returns:
        ``(..., H - scale * bottom, W - scale * right)``, a view.

    Example:
        >>> padded, padding = pad_to_multiple(torch.zeros(1, 1, 5, 6), 4)
        >>> tuple(padded.shape), tuple(unpad(padded, padding).shape)
        ((1, 1, 8, 8), (1, 1, 5, 6))
    """
    H, W = x.shape[-2:]
    return x[..., : H - scale * padding.bottom, : W - scale * padding.right]
