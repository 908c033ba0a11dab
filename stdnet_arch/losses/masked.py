"""What masked losses share: the mean over valid pixels, and enough precision to take it."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """``x``, in float32 if it came in half precision (a mean over a clip needs the mantissa)."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean of ``values`` where ``valid``; 0 (with zero gradients) where nothing is valid.

    Args:
        values: any shape; may be NaN or inf where not valid.
        valid: bool, shape of ``values``.

    Returns:
        A scalar.
    """
    return values.where(valid, 0).sum() / valid.sum().clamp(min=1)
