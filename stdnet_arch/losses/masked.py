"""The mean over valid pixels, safe where there are none."""

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
