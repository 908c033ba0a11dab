"""The kernel of :mod:`stdnet_arch.ops.epilogue`: rows of channels, each read and written once."""

# Kernels take addresses and sizes one by one.
# ruff: noqa: PLR0913

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK_VALUES = 4096
MOST_CHANNELS = 1024
"""Most channels of one block."""


@triton.jit
def _finish_kernel(
    x: tl.tensor,
    bias: tl.tensor,
    factor: tl.tensor,
    skip: tl.tensor,
    rows: tl.tensor,
    channels: tl.tensor,
    x_step: tl.tensor,
    skip_step: tl.tensor,
    pixels: tl.tensor,
    factor_step: tl.tensor,
    slope: tl.tensor,
    HAS_BIAS: tl.constexpr,
    ACTIVATES: tl.constexpr,
    HAS_FACTOR: tl.constexpr,
    HAS_SKIP: tl.constexpr,
    SKIP_FIRST: tl.constexpr,
    BLOCK_R: tl.constexpr,
    BLOCK_C: tl.constexpr,
) -> None:
    """``BLOCK_R`` pixels in all channels, ``BLOCK_C`` at a time."""
    row = tl.program_id(0) * BLOCK_R + tl.arange(0, BLOCK_R)
    for first in range(0, channels, BLOCK_C):
        channel = first + tl.arange(0, BLOCK_C)
        there = (row < rows)[:, None] & (channel < channels)[None, :]
        here = x + row.to(tl.int64)[:, None] * x_step + channel[None, :]
        value = tl.load(here, mask=there, other=0.0).to(tl.float32)
        if HAS_BIAS:
            value += tl.load(bias + channel, mask=channel < channels, other=0.0).to(tl.float32)[
                None, :
            ]
        if HAS_SKIP:
            other = skip + row.to(tl.int64)[:, None] * skip_step + channel[None, :]
            added = tl.load(other, mask=there, other=0.0).to(tl.float32)
            if SKIP_FIRST:
                value += added
        if ACTIVATES:
            value = tl.where(value > 0, value, value * slope)
        if HAS_FACTOR:
            at = factor + (row // pixels)[:, None] * factor_step + channel[None, :]
            value *= tl.load(at, mask=there, other=0.0).to(tl.float32)
        if HAS_SKIP and not SKIP_FIRST:
            value += added
        tl.store(here, value.to(x.dtype.element_ty), mask=there)


def finish_rows(
    x: Tensor,
    bias: Tensor | None,
    slope: float,
    factor: Tensor | None,
    skip: Tensor | None,
    skip_first: bool,
) -> None:
    """See :func:`stdnet_arch.ops.epilogue.finish_`; maps lie pixel by pixel.

    Args:
        x: ``(b, c, h, w)``, changed in place.
        bias: ``(c,)`` or None.
        slope: slope of the activation.
        factor: ``(b, c, 1, 1)`` or None.
        skip: ``(b, c, h, w)`` or None.
        skip_first: add it before the activation.
    """
    b, c, h, w = x.shape
    rows = b * h * w
    if not rows or not c:
        return
    if bias is not None:
        bias = bias.contiguous()
    if factor is not None:
        factor = factor.flatten(1)
        factor = factor if factor.stride(1) == 1 else factor.contiguous()
    block_c = min(triton.next_power_of_2(c), MOST_CHANNELS)
    block_r = max(BLOCK_VALUES // block_c, 1)
    with torch.cuda.device_of(x):
        _finish_kernel[(triton.cdiv(rows, block_r),)](
            x, x if bias is None else bias, x if factor is None else factor,
            x if skip is None else skip, rows, c, _step(x), _step(x if skip is None else skip),
            h * w, 0 if factor is None else factor.stride(0), float(slope),
            bias is not None, slope != 1, factor is not None, skip is not None, skip_first,
            block_r, block_c,
        )  # fmt: skip


def _step(x: Tensor) -> int:
    """From a pixel to the next one, values."""
    if x.shape[3] > 1:
        return x.stride(3)
    return x.stride(2) if x.shape[2] > 1 else x.stride(0)
