"""Deformable sampling: values at k x k learned taps, masked (Dai et al. 2017; Zhu et al. 2019).

The one deformable primitive of this package. :func:`modulated_deform_conv` is this and one matrix
product. Offsets follow torchvision's order: per group, per tap, (dy, dx) in pixels.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Backend = Literal["grid_sample", "gather"]
COLUMN_VALUES = 1 << 25  # most values sampled at once without gradients: 128 MB of float32


def deform_sample(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None = None,
    *,
    kernel: int = 3,
    padding: int = 1,
    dilation: int = 1,
    groups: int = 1,
    backend: Backend = "grid_sample",
) -> Tensor:
    """Sample ``x`` bilinearly at the displaced taps of a ``kernel`` x ``kernel`` window; zero
    outside.

    Several maps that share offsets are sampled in one call: concatenate their channels
    (with ``groups`` > 1, group by group).

    Args:
        x: values, ``(b, c, h, w)``.
        offset: ``(b, 2 * groups * kernel**2, h', w')``, pixels, (dy, dx) per tap.
        mask: modulation, ``(b, groups * kernel**2, h', w')``, or None for ones.
        kernel: side of the window.
        padding: taps start at ``-padding``; stride is 1.
        dilation: distance between taps, pixels.
        groups: channel groups with their own offsets.
        backend: ``grid_sample`` (fast on every device) or ``gather`` (the readable reference, which
            also runs in any dtype).

    Returns:
        ``(b, c, kernel**2, h', w')``, dtype of ``x``. Gradients reach ``x``, ``offset`` and
        ``mask``.

    Raises:
        ValueError: channel counts of ``offset`` or ``mask``, groups or batch sizes do not fit.
    """
    taps = kernel * kernel
    _check(x, offset, mask, taps, groups)
    b = x.shape[0]
    position = _tap_positions(offset, kernel, padding, dilation, groups)  # (b*g, taps, h', w', 2)
    values = x.unflatten(1, (groups, -1)).flatten(0, 1)  # (b*g, c/g, h, w)
    sample = _by_grid_sample if backend == "grid_sample" else _by_gather
    sampled = sample(values, position)  # (b*g, c/g, taps, h', w')
    if mask is not None:
        sampled = sampled * mask.reshape(b * groups, 1, taps, *mask.shape[-2:]).to(sampled.dtype)
    return sampled.unflatten(0, (b, groups)).flatten(1, 2).to(x.dtype)


def modulated_deform_conv(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    padding: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """Modulated deformable convolution (DCNv2, Zhu et al. 2019), stride 1.

    Maps that share offsets **and** weights are convolved in one call: with ``c = n * c_in``
    channels in ``x``, each of the ``n`` blocks is convolved with ``weight`` on its own.

    Args:
        x: ``(b, n * c_in, h, w)``.
        offset: ``(b, 2 * groups * k * k, h', w')``, pixels.
        mask: ``(b, groups * k * k, h', w')`` or None.
        weight: ``(c_out, c_in, k, k)``.
        bias: ``(c_out,)`` or None.
        padding: see :func:`deform_sample`.
        dilation: see :func:`deform_sample`.
        groups: groups of ``c_in / groups`` channels, of each block, with their own offsets.

    Returns:
        ``(b, n * c_out, h', w')``.

    Raises:
        ValueError: ``x`` is not a whole number of ``c_in`` blocks, or see :func:`deform_sample`.
    """
    c_out, c_in, kernel, _ = weight.shape
    if x.shape[1] % c_in:
        raise ValueError(f"x must have a multiple of {c_in} channels (weight), got {x.shape[1]}")
    if c_in % groups:
        raise ValueError(f"weight must take a multiple of {groups} channels (groups), got {c_in}")
    h, w = offset.shape[-2:]
    blocks = x.shape[1] // c_in
    # Without gradients the sampled values are needed only until they are multiplied: a few frames
    # at a time keep k*k copies of a whole clip out of memory.
    at_once = x.shape[0]
    if not torch.is_grad_enabled():
        at_once = max(1, COLUMN_VALUES // (x.shape[1] * kernel * kernel * h * w))
    outs = []
    for start in range(0, x.shape[0], max(at_once, 1)):
        part = slice(start, start + at_once)
        taps = deform_sample(
            _swap_blocks(x[part], blocks, groups),
            offset[part],
            None if mask is None else mask[part],
            kernel=kernel,
            padding=padding,
            dilation=dilation,
            groups=groups,
        )
        taps = _swap_blocks(taps, groups, blocks)
        columns = taps.reshape(-1, c_in * kernel * kernel, h * w)  # one row per block of c_in
        outs.append(weight.flatten(1).to(columns.dtype) @ columns)
    out = torch.cat(outs) if len(outs) > 1 else outs[0]
    if bias is not None:
        out = out + bias[:, None].to(out.dtype)
    return out.reshape(x.shape[0], -1, h, w)


def _swap_blocks(x: Tensor, outer: int, inner: int) -> Tensor:
    """Channels ordered (outer, inner, rest) become (inner, outer, rest)."""
    if 1 in {outer, inner}:
        return x
    return x.unflatten(1, (outer, inner, -1)).transpose(1, 2).flatten(1, 3)


def _check(x: Tensor, offset: Tensor, mask: Tensor | None, taps: int, groups: int) -> None:
    """Say what does not fit together before an index error deep in a kernel does."""
    if x.shape[1] % groups:
        raise ValueError(f"x must have a multiple of {groups} channels (groups), got {x.shape[1]}")
    wanted = {"offset": 2 * groups * taps, "mask": groups * taps}
    for name, value in (("offset", offset), ("mask", mask)):
        if value is None:
            continue
        if value.shape[1] != wanted[name]:
            raise ValueError(f"{name} must have {wanted[name]} channels, got {value.shape[1]}")
        if value.shape[0] != x.shape[0]:
            raise ValueError(f"{name} must have x's batch {x.shape[0]}, got {value.shape[0]}")


def _tap_positions(offset: Tensor, kernel: int, padding: int, dilation: int, groups: int) -> Tensor:
    """Where each tap falls, (y, x) in pixels: ``(b*g, taps, h', w', 2)``, at least float32."""
    b, _, h, w = offset.shape
    dtype = torch.promote_types(offset.dtype, torch.float32)
    moved = offset.to(dtype).reshape(b * groups, kernel * kernel, 2, h, w)

    def axis(length: int) -> Tensor:
        return torch.arange(length, device=offset.device, dtype=dtype)

    tap = axis(kernel) * dilation - padding
    y = moved[:, :, 0] + (tap.repeat_interleave(kernel)[:, None, None] + axis(h)[:, None])
    x = moved[:, :, 1] + (tap.repeat(kernel)[:, None, None] + axis(w))
    return torch.stack((y, x), dim=-1)


def _by_grid_sample(values: Tensor, position: Tensor) -> Tensor:
    """All taps through one ``grid_sample``: ``(n, c, taps, h', w')``."""
    h, w = values.shape[-2:]
    taps, rows = position.shape[1:3]
    y, x = position.unbind(-1)
    grid = torch.stack(((2 * x + 1) / w - 1, (2 * y + 1) / h - 1), dim=-1)
    # Disabled autocast: grid_sample wants one dtype, and half-precision positions would be wrong
    # by pixels.
    with torch.autocast(values.device.type, enabled=False):
        sampled = F.grid_sample(
            values.to(grid.dtype),
            grid.flatten(1, 2),
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        )
    return sampled.unflatten(2, (taps, rows)).to(values.dtype)


def _by_gather(values: Tensor, position: Tensor) -> Tensor:
    """The definition: four corners, each weighted by its bilinear share, zero outside."""
    n, c, h, w = values.shape
    low = position.floor()
    fraction = (position - low).to(values.dtype)
    flat = values.flatten(2)  # (n, c, h*w)
    total = values.new_zeros(n, c, *position.shape[1:4])
    for dy in (0, 1):
        for dx in (0, 1):
            y = low[..., 0] + dy
            x = low[..., 1] + dx
            share = (fraction[..., 0] - (1 - dy)).abs() * (fraction[..., 1] - (1 - dx)).abs()
            inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
            index = (y.clamp(0, h - 1) * w + x.clamp(0, w - 1)).long().flatten(1)
            corner = flat.gather(2, index[:, None].expand(-1, c, -1)).unflatten(2, share.shape[1:])
            total = total + corner * (share * inside)[:, None]
    return total
