"""The fast way on CUDA: Triton kernels over channels-last rows, forward and backward.

One program samples a block of pixels at one tap of one group, in all channels of all maps: corners
are found once, and neighbouring threads read neighbouring channels. Backward recomputes instead of
storing, and adds to the map's gradient in float32 atomically: its last bits depend on the order in
which programs run. ``TRITON_INTERPRET=1``, set before this file is imported, runs the kernels on a
CPU, for tests.
"""

# Kernels take addresses and sizes one by one.
# ruff: noqa: PLR0913

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import FunctionCtx

from stdnet_arch.ops.deform.layout import Sampler

MOST_CHANNELS = 64  # of one block; wider groups take several
BLOCK_VALUES = 2048  # of one block
MOST_PIXELS = 256  # of one block


@triton.jit
def _place(
    groups: tl.tensor, taps: tl.tensor, pixels: tl.tensor, BLOCK_P: tl.constexpr
) -> tuple[tl.tensor, ...]:
    """Find frame, group, tap and pixels of this program; all taps of a pixel are neighbours.

    The frame is 64 bits wide, so that addresses made from it do not overflow.
    """
    pid = tl.program_id(0)
    rest = pid // (taps * groups)
    blocks = tl.cdiv(pixels, BLOCK_P)
    pixel = (rest % blocks) * BLOCK_P + tl.arange(0, BLOCK_P)
    return (rest // blocks).to(tl.int64), (pid // taps) % groups, pid % taps, pixel


@triton.jit
def _low_corner(
    position: tl.tensor, pixel: tl.tensor, pixels: tl.tensor, H: tl.tensor, W: tl.tensor
) -> tuple[tl.tensor, ...]:
    """Row and column of the upper left corner, and how far down and right of it the sample is.

    Positions farther out than a pixel are brought to there, where all values are zero.
    """
    there = pixel < pixels
    y = tl.load(position + pixel, mask=there, other=-1.0)
    x = tl.load(position + pixels + pixel, mask=there, other=-1.0)
    on_map = (y > -1) & (y < H) & (x > -1) & (x < W) & there
    y = tl.where(on_map, y, -1.0)
    x = tl.where(on_map, x, -1.0)
    row = tl.floor(y)
    column = tl.floor(x)
    return row.to(tl.int32), column.to(tl.int32), y - row, x - column, on_map


@triton.jit
def _corner(
    row: tl.tensor, column: tl.tensor, on_map: tl.tensor, H: tl.tensor, W: tl.tensor
) -> tuple[tl.tensor, ...]:
    """Index of the pixel at a corner, and whether there is one."""
    there = on_map & (row >= 0) & (row < H) & (column >= 0) & (column < W)
    return (row * W + column).to(tl.int64), there


@triton.jit
def _forward_kernel(
    table: tl.tensor,
    position: tl.tensor,
    mask: tl.tensor,
    out: tl.tensor,
    H: tl.tensor,
    W: tl.tensor,
    pixels: tl.tensor,
    maps: tl.tensor,
    groups: tl.tensor,
    taps: tl.tensor,
    channels: tl.tensor,
    HAS_MASK: tl.constexpr,
    BLOCK_P: tl.constexpr,
    BLOCK_C: tl.constexpr,
) -> None:
    """``out (b, n, p, g, taps, c)`` from ``table (b, H, W, n, g, c)``."""
    frame, group, tap, pixel = _place(groups, taps, pixels, BLOCK_P)
    sample = (frame * groups + group) * taps + tap
    row, column, down, right, on_map = _low_corner(
        position + sample * 2 * pixels, pixel, pixels, H, W
    )
    share = tl.full((BLOCK_P,), 1.0, down.dtype)
    if HAS_MASK:
        share = tl.load(mask + sample * pixels + pixel, mask=pixel < pixels, other=0.0)
    per_pixel = maps * groups * channels
    for lane in range(0, maps * channels, BLOCK_C):
        # A lane is a channel of a map; the map's stride is that of all its groups.
        which = lane + tl.arange(0, BLOCK_C)
        wanted = which < maps * channels
        number = which // channels
        channel = which % channels
        source = table + frame * H * W * per_pixel + (number * groups + group) * channels + channel
        total = tl.zeros((BLOCK_P, BLOCK_C), down.dtype)
        for corner in tl.static_range(4):
            weight_y = down if corner // 2 == 1 else 1 - down
            weight_x = right if corner % 2 == 1 else 1 - right
            at, there = _corner(row + corner // 2, column + corner % 2, on_map, H, W)
            seen = tl.load(
                source[None, :] + at[:, None] * per_pixel,
                mask=there[:, None] & wanted[None, :],
                other=0.0,
            )
            total += seen.to(down.dtype) * (weight_y * weight_x * share)[:, None]
        at = ((frame * maps + number)[None, :] * pixels + pixel[:, None]) * groups + group
        tl.store(
            out + (at * taps + tap) * channels + channel[None, :],
            total.to(out.dtype.element_ty),
            mask=(pixel < pixels)[:, None] & wanted[None, :],
        )


@triton.jit
def _backward_kernel(
    grad: tl.tensor,
    table: tl.tensor,
    position: tl.tensor,
    mask: tl.tensor,
    table_grad: tl.tensor,
    position_grad: tl.tensor,
    mask_grad: tl.tensor,
    H: tl.tensor,
    W: tl.tensor,
    pixels: tl.tensor,
    maps: tl.tensor,
    groups: tl.tensor,
    taps: tl.tensor,
    channels: tl.tensor,
    HAS_MASK: tl.constexpr,
    BLOCK_P: tl.constexpr,
    BLOCK_C: tl.constexpr,
) -> None:
    """Gradients of :func:`_forward_kernel`; ``table_grad`` is added to, the others are written."""
    frame, group, tap, pixel = _place(groups, taps, pixels, BLOCK_P)
    sample = (frame * groups + group) * taps + tap
    row, column, down, right, on_map = _low_corner(
        position + sample * 2 * pixels, pixel, pixels, H, W
    )
    share = tl.full((BLOCK_P,), 1.0, down.dtype)
    if HAS_MASK:
        share = tl.load(mask + sample * pixels + pixel, mask=pixel < pixels, other=0.0)
    along_y = tl.zeros((BLOCK_P,), down.dtype)
    along_x = tl.zeros((BLOCK_P,), down.dtype)
    unmasked = tl.zeros((BLOCK_P,), down.dtype)
    per_pixel = maps * groups * channels
    for lane in range(0, maps * channels, BLOCK_C):
        which = lane + tl.arange(0, BLOCK_C)
        wanted = which < maps * channels
        number = which // channels
        channel = which % channels
        first = frame * H * W * per_pixel + (number * groups + group) * channels + channel
        at = ((frame * maps + number)[None, :] * pixels + pixel[:, None]) * groups + group
        upstream = tl.load(
            grad + (at * taps + tap) * channels + channel[None, :],
            mask=(pixel < pixels)[:, None] & wanted[None, :],
            other=0.0,
        ).to(down.dtype)
        for corner in tl.static_range(4):
            weight_y = down if corner // 2 == 1 else 1 - down
            weight_x = right if corner % 2 == 1 else 1 - right
            sign_y = 1 if corner // 2 == 1 else -1
            sign_x = 1 if corner % 2 == 1 else -1
            at, there = _corner(row + corner // 2, column + corner % 2, on_map, H, W)
            here = first[None, :] + at[:, None] * per_pixel
            both = there[:, None] & wanted[None, :]
            seen = tl.load(table + here, mask=both, other=0.0).to(down.dtype)
            product = tl.sum(seen * upstream, axis=1)
            unmasked += weight_y * weight_x * product
            along_y += sign_y * weight_x * product
            along_x += sign_x * weight_y * product
            tl.atomic_add(
                table_grad + here,
                upstream * (weight_y * weight_x * share)[:, None],
                mask=both,
                sem="relaxed",
            )
    there = pixel < pixels
    tl.store(position_grad + sample * 2 * pixels + pixel, along_y * share, mask=there)
    tl.store(position_grad + (sample * 2 + 1) * pixels + pixel, along_x * share, mask=there)
    if HAS_MASK:
        tl.store(mask_grad + sample * pixels + pixel, unmasked, mask=there)


@torch.library.custom_op("stdnet_arch::sample_rows", mutates_args=())
def sample_rows(table: Tensor, position: Tensor, mask: Tensor | None) -> Tensor:
    """Sample rows of channels at positions; one operator for autograd and ``torch.compile``.

    Args:
        table: ``(b, H, W, n, g, c)``, contiguous, any floating dtype.
        position: ``(b, g, taps, 2, h', w')``, contiguous, at least float32.
        mask: ``(b, g, taps, h', w')``, contiguous, dtype of ``position``, or None.

    Returns:
        ``(b, n, h' * w', g, taps, c)``, dtype of ``table``.
    """
    out = _like_sampled(table, position)
    if out.numel():
        sizes, blocks, programs = _launch(table, position)
        with torch.cuda.device_of(table):
            _forward_kernel[programs](
                table, position, position if mask is None else mask, out, *sizes, mask is not None,
                *blocks,
            )  # fmt: skip
    return out


@torch.library.custom_op("stdnet_arch::sample_rows_backward", mutates_args=())
def sample_rows_backward(
    grad: Tensor, table: Tensor, position: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of :func:`sample_rows`.

    Args:
        grad: gradient of the result, ``(b, n, h' * w', g, taps, c)``, contiguous.
        table: as given to :func:`sample_rows`.
        position: likewise.
        mask: likewise.

    Returns:
        Those of ``table``, ``position`` and ``mask`` (empty without one).
    """
    # Half-precision atomics would lose most of a sum over many samples.
    table_grad = torch.zeros_like(table, dtype=position.dtype)
    position_grad = torch.zeros_like(position)
    mask_grad = position.new_zeros(0) if mask is None else torch.zeros_like(mask)
    if grad.numel():
        sizes, blocks, programs = _launch(table, position)
        with torch.cuda.device_of(table):
            _backward_kernel[programs](
                grad, table, position, position if mask is None else mask, table_grad,
                position_grad, mask_grad, *sizes, mask is not None, *blocks,
            )  # fmt: skip
    return table_grad.to(table.dtype), position_grad, mask_grad


def _like_sampled(table: Tensor, position: Tensor) -> Tensor:
    b, _, _, maps, groups, channels = table.shape
    pixels = position.shape[-2] * position.shape[-1]
    return table.new_empty(b, maps, pixels, groups, position.shape[2], channels)


def _launch(table: Tensor, position: Tensor) -> tuple[tuple[int, ...], tuple[int, int], tuple[int]]:
    """Sizes, block sizes and number of programs of a kernel."""
    b, H, W, maps, groups, channels = table.shape
    taps, h, w = position.shape[2], *position.shape[-2:]
    block_c = min(triton.next_power_of_2(maps * channels), MOST_CHANNELS)
    block_p = min(BLOCK_VALUES // block_c, MOST_PIXELS)
    programs = b * groups * taps * triton.cdiv(h * w, block_p)
    return (H, W, h * w, maps, groups, taps, channels), (block_p, block_c), (programs,)


class _Context(FunctionCtx):
    """Values that autograd and forward leave for backward."""

    saved_tensors: tuple[Tensor, Tensor, Tensor | None]


def _remember(ctx: _Context, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:
    del output
    ctx.save_for_backward(*inputs)  # type: ignore[arg-type]


def _back(ctx: _Context, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    mask = ctx.saved_tensors[2]
    found = sample_rows_backward(grad.contiguous(), *ctx.saved_tensors)
    return found[0], found[1], None if mask is None else found[2]


sample_rows.register_autograd(_back, setup_context=_remember)
sample_rows.register_fake(lambda table, position, mask: _like_sampled(table, position))
sample_rows_backward.register_fake(
    lambda grad, table, position, mask: (
        torch.empty_like(table),
        torch.empty_like(position),
        position.new_empty(0) if mask is None else torch.empty_like(mask),
    )
)


def _prepare(x: Tensor) -> Tensor:
    """``(b, h, w, n, g, c)`` contiguous: no copy if the maps are channels_last in memory."""
    return x.permute(0, 4, 5, 1, 2, 3).contiguous()


def _columns(table: Tensor, position: Tensor, mask: Tensor | None, size: tuple[int, int]) -> Tensor:
    """Sample all taps; ``size`` is that of the table."""
    del size
    share = None if mask is None else mask.contiguous()
    rows = sample_rows(table, position.contiguous(), share)  # (b, n, p, g, taps, c)
    return rows.flatten(3).transpose(2, 3)


TRITON = Sampler(_prepare, _columns, taps_first=True)
