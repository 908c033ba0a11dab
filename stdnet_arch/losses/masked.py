"""Means over valid values and pixels, safe where there are none."""

from torch import Tensor


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean of ``values`` where ``valid``; 0 (with zero gradients) where nothing is valid.

    Args:
        values: any shape; may be NaN or inf where not valid.
        valid: bool, shape of ``values``.

    Returns:
        A scalar.
    """
    return values.where(valid, 0).sum() / valid.sum().clamp(min=1)


def mean_over_pixels(cost: Tensor, valid: Tensor) -> Tensor:
    """Mean over pixels of what their channels cost together, the papers' ``(1 / N) sum |d|^2``.

    Args:
        cost: ``(..., c, H, W)``; may be NaN or inf where not valid.
        valid: bool, ``(..., 1, H, W)`` or the shape of ``cost``: a pixel counts if all its channels
            do.

    Returns:
        A scalar; 0 (with zero gradients) where no pixel is valid.
    """
    whole = valid.all(dim=-3, keepdim=True)
    return masked_mean(cost.where(whole, 0).sum(dim=-3, keepdim=True), whole)
