"""Enough precision for sums and metres, whatever the precision of the features."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """``x``, in float32 if it came in half precision; float64 stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
