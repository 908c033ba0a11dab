"""Columns times a matrix, with only a band of the columns in memory at a time.

The columns of a deformable convolution are k * k copies of its input. They are cheap to sample and
expensive to keep: forward drops each band once it is multiplied, backward samples it again.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from stdnet_arch.ops.deform.layout import Sampler

# Most values of columns in memory at once. On a CPU a band that stays in the cache is fastest (8 MB
# of float32). A GPU wants enough work per launch (512 MB of float32).
BAND_VALUES = {"cpu": 1 << 21, "cuda": 1 << 27}

Span = tuple[slice, slice]  # frames, rows of the output


def sampled_product(
    x: Tensor, position: Tensor, mask: Tensor | None, matrix: Tensor, sampler: Sampler
) -> Tensor:
    """Sample maps and multiply what each pixel sampled with a matrix.

    Args:
        x: ``(b, n, g, c, h, w)``, see :class:`Sampler`.
        position: ``(b, g, taps, 2, h', w')``.
        mask: ``(b, g, taps, h', w')`` or None.
        matrix: ``(c_out, g, c, taps)``, dtype of ``x``.
        sampler: function that samples.

    Returns:
        ``(b, n, c_out, h', w')``. Gradients reach all tensors, once (no double backward).
    """
    flat = matrix.transpose(2, 3) if sampler.taps_first else matrix
    flat = flat.flatten(1)  # (c_out, k)
    by_pixel = _is_by_pixel(x, sampler)
    if torch.compiler.is_compiling():
        # One graph without loops; what is kept is the compiler's business.
        columns = sampler.columns(sampler.prepare(x), position, mask, (x.shape[-2], x.shape[-1]))
        return _product(flat, columns, by_pixel).unflatten(-1, position.shape[-2:])
    tensors = (x, position, flat) if mask is None else (x, position, flat, mask)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return _LeanProduct.apply(x, position, mask, flat, sampler)
    return _multiply(x, position, mask, flat, sampler)


def _multiply(
    x: Tensor, position: Tensor, mask: Tensor | None, flat: Tensor, sampler: Sampler
) -> Tensor:
    """The forward pass, band by band."""
    b, maps = x.shape[:2]
    h, w = position.shape[-2:]
    by_pixel = _is_by_pixel(x, sampler)
    if by_pixel:
        out = x.new_empty(b, h, w, maps, flat.shape[0]).permute(0, 3, 4, 1, 2)
    else:
        out = x.new_empty(b, maps, flat.shape[0], h, w)
    for frames, bands in _spans(x, position):
        table = sampler.prepare(x[frames])
        for rows in bands:
            part = position[frames, ..., rows, :]
            share = None if mask is None else mask[frames, ..., rows, :]
            columns = sampler.columns(table, part, share, (x.shape[-2], x.shape[-1]))
            product = _product(flat, columns, by_pixel)
            out[frames, ..., rows, :] = product.unflatten(-1, (-1, w))
    return out


def _is_by_pixel(x: Tensor, sampler: Sampler) -> bool:
    """Tell whether maps and columns lie in memory pixel by pixel; then the result should, too."""
    return sampler.taps_first and x.stride(3) == 1 and x.shape[3] > 1


def _product(flat: Tensor, columns: Tensor, by_pixel: bool) -> Tensor:
    """``(c_out, k)`` times ``(f, n, k, p)``: ``(f, n, c_out, p)``, channels side by side or not."""
    if by_pixel:
        return (columns.transpose(2, 3).to(flat.dtype) @ flat.t()).transpose(2, 3)
    return flat @ columns.to(flat.dtype)


def _spans(x: Tensor, position: Tensor) -> Iterator[tuple[slice, list[slice]]]:
    """Groups of frames, and for each the bands of rows, that keep columns small."""
    b, (h, w) = x.shape[0], position.shape[-2:]
    per_row = max(x[0].numel() // max(x.shape[-2] * x.shape[-1], 1) * position.shape[2] * w, 1)
    most = BAND_VALUES.get(x.device.type, BAND_VALUES["cuda"])
    frames = max(most // (per_row * max(h, 1)), 1)
    rows = max(most // per_row, 1)
    bands = [slice(first, first + rows) for first in range(0, h, rows)]
    for first in range(0, b, frames):
        yield slice(first, first + frames), bands


class _Context(FunctionCtx):
    """Values that autograd and forward leave for backward."""

    saved_tensors: tuple[Tensor, Tensor, Tensor | None, Tensor]
    needs_input_grad: tuple[bool, ...]
    sampler: Sampler


class _LeanProduct(torch.autograd.Function):
    """:func:`sampled_product` with gradients, for the memory of its inputs."""

    @staticmethod
    def forward(
        ctx: _Context,
        x: Tensor,
        position: Tensor,
        mask: Tensor | None,
        flat: Tensor,
        sampler: Sampler,
    ) -> Tensor:
        """Multiply, and keep only the inputs."""
        ctx.save_for_backward(x, position, mask, flat)  # type: ignore[arg-type]
        ctx.sampler = sampler
        return _multiply(x, position, mask, flat, sampler)

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Sample each band again and go back through it at once."""
        x, position, mask, flat = ctx.saved_tensors
        way_back = _WayBack(x, position, mask, flat, ctx.sampler, ctx.needs_input_grad)
        with torch.autocast(grad.device.type, enabled=False):
            for frames, bands in _spans(x, position):
                for rows in bands:
                    # One band reads few rows of the map. To find them out makes a GPU wait.
                    cut = len(bands) > 1 and x.device.type == "cpu"
                    way_back.add_band(frames, rows, grad, cut=cut)
        return (*way_back.gradients(), None)


class _WayBack:
    """Sums of the gradients of :func:`sampled_product`, band by band, in float32 at least."""

    def __init__(
        self,
        x: Tensor,
        position: Tensor,
        mask: Tensor | None,
        flat: Tensor,
        sampler: Sampler,
        needs: Sequence[bool],
    ) -> None:
        self.x, self.position, self.mask, self.flat = x, position, mask, flat
        self.sampler = sampler
        self.sums = [
            torch.zeros_like(each, dtype=torch.promote_types(each.dtype, torch.float32))
            if need and each is not None
            else None
            for each, need in zip((x, position, mask, flat), needs[:4], strict=True)
        ]

    def add_band(self, frames: slice, rows: slice, grad: Tensor, *, cut: bool) -> None:
        """Add what one band of the output, ``grad[frames, ..., rows, :]``, sends back."""
        part = (frames, ..., rows, slice(None))
        position = self.position[part]
        read = _rows_read(position, self.x.shape[-2]) if cut else slice(0, self.x.shape[-2])
        source = self._leaf(0, self.x[frames, ..., read, :])
        down = position.new_tensor((read.start, 0)).view(2, 1, 1)
        position = self._leaf(1, position - down)
        mask = None if self.mask is None else self._leaf(2, self.mask[part])
        with torch.enable_grad():
            table = self.sampler.prepare(source)
            size = source.shape[-2], source.shape[-1]
            columns = self.sampler.columns(table, position, mask, size)
        upstream = grad[part].flatten(3)  # (f, n, c_out, p)
        if self.sums[3] is not None:
            seen = columns.detach().to(self.flat.dtype).transpose(2, 3)
            self.sums[3] += (upstream @ seen).sum((0, 1), dtype=self.sums[3].dtype)
        leaves = (source, position, mask)
        wanted = [leaf for leaf in leaves if leaf is not None and leaf.requires_grad]
        if not wanted:
            return
        found = iter(torch.autograd.grad(columns, wanted, self._into_columns(columns, upstream)))
        for total, leaf, where in zip(
            self.sums, leaves, ((frames, ..., read, slice(None)), part, part), strict=False
        ):
            if total is not None and leaf is not None:
                total[where] += next(found)

    def _leaf(self, which: int, x: Tensor) -> Tensor:
        return x.detach().requires_grad_(self.sums[which] is not None)

    def _into_columns(self, columns: Tensor, upstream: Tensor) -> Tensor:
        """The gradient of the columns, laid out in memory as they are."""
        if self.sampler.taps_first:
            back = (upstream.transpose(2, 3) @ self.flat).transpose(2, 3)
        else:
            back = self.flat.t() @ upstream
        return back.to(columns.dtype)

    def gradients(self) -> list[Tensor | None]:
        """Gradients of x, position, mask and flat, in their dtypes."""
        return [
            None if total is None or each is None else total.to(each.dtype)
            for total, each in zip(
                self.sums, (self.x, self.position, self.mask, self.flat), strict=True
            )
        ]


def _rows_read(position: Tensor, h: int) -> slice:
    """The rows of the map, at least one, that positions ``(..., 2, h', w')`` reach."""
    least, most = (float(each) for each in position.select(3, 0).aminmax())
    if math.isnan(least + most):
        return slice(0, h)
    first = min(max(math.floor(max(least, -1)), 0), h - 1)
    return slice(first, max(min(math.floor(min(most, h)) + 2, h), first + 1))
