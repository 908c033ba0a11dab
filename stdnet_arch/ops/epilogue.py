"""Epilogue of a convolution, in one pass over its result: bias, activation, factor, skip.

On a card each of them by itself costs as much as all together. At channels_last PyTorch's addition
of a bias runs at a quarter of the memory's rate: a third of STDNet's time went there.
"""

import os

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.ops.deform.choice import has_triton

VARIABLE = "STDNET_EPILOGUE"


def fuses(x: Tensor) -> bool:
    """Tell whether :func:`finish_` is one kernel for what is made of ``x``: on CUDA, no gradients.

    Only with ``STDNET_EPILOGUE=triton`` in the environment: the kernel has not run on a card yet.
    Compilers fuse by themselves.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    if not x.is_cuda or x.dtype == torch.float64 or torch.is_grad_enabled():
        return False
    return has_triton() and os.environ.get(VARIABLE) == "triton"


def finish_(
    x: Tensor,
    bias: Tensor | None = None,
    slope: float = 1.0,
    factor: Tensor | None = None,
    skip: Tensor | None = None,
    *,
    skip_first: bool = False,
) -> Tensor:
    """``leaky_relu(x + bias) * factor + skip``, in the place of ``x``.

    Args:
        x: ``(b, c, h, w)``; may be some of the channels of a larger map.
        bias: ``(c,)``.
        slope: slope of the activation where negative; 1: none, 0: ReLU.
        factor: ``(b, c, 1, 1)``.
        skip: ``(b, c, h, w)``.
        skip_first: add ``skip`` before the activation.

    Returns:
        ``x``.
    """
    if fuses(x) and is_by_pixel(x) and (skip is None or is_by_pixel(skip)):
        # Imported where used: triton is not installed everywhere.
        from stdnet_arch.ops.epilogue_triton import finish_rows

        finish_rows(x, bias, slope, factor, skip, skip_first)
        return x
    if bias is not None:
        x += bias[:, None, None]
    if skip is not None and skip_first:
        x += skip
    if slope != 1:
        F.leaky_relu(x, slope, inplace=True)
    if factor is not None:
        x *= factor
    if skip is not None and not skip_first:
        x += skip
    return x


def is_by_pixel(x: Tensor) -> bool:
    """Tell whether a map lies in memory pixel by pixel at one distance, channels side by side."""
    b, c, h, w = x.shape
    if c > 1 and x.stride(1) != 1:
        return False
    step = x.stride(3) if w > 1 else x.stride(2) if h > 1 else x.stride(0)
    down = h == 1 or w == 1 or x.stride(2) == w * step
    return down and step >= c and (b == 1 or x.stride(0) == h * w * step)
