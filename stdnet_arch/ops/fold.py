"""Exact algebra on convolutions: what is linear twice in a row is one convolution."""

import torch
from torch import Tensor


def fold_pointwise(
    weight: Tensor,
    bias: Tensor | None,
    pointwise_weight: Tensor,
    pointwise_bias: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """A convolution followed by a 1x1 convolution, as one.

    Folded in float64, so that folding itself rounds once; autocast does not touch it.

    Args:
        weight: weight of the first convolution, ``(m, c, k, k)``.
        bias: bias of the first convolution, ``(m,)``, or None.
        pointwise_weight: weight of the second convolution, ``(o, m, 1, 1)``.
        pointwise_bias: bias of the second convolution, ``(o,)``, or None.

    Returns:
        Weight, ``(o, c, k, k)``, and bias, ``(o,)``; dtype and layout of ``weight``.
    """
    with torch.autocast(weight.device.type, enabled=False):
        matrix = pointwise_weight.flatten(1).double()
        joint = (matrix @ weight.flatten(1).double()).unflatten(1, weight.shape[1:])
        constant = matrix.new_zeros(matrix.shape[0])
        if bias is not None:
            constant = constant + matrix @ bias.double()
        if pointwise_bias is not None:
            constant = constant + pointwise_bias.double()
    layout = torch.contiguous_format if weight.is_contiguous() else torch.channels_last
    return joint.to(weight.dtype, memory_format=layout), constant.to(weight.dtype)
