"""The two differences STDNet is named after: from the smooth self, and from the future."""

import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.ops.precision import at_least_float32


def spatial_difference(feat: Tensor, step: int = 2) -> Tensor:
    """How far each feature is from its smooth version: large at edges (sigma in the STDNet paper).

    Args:
        feat: features, ``(b, c, h, w)``; ``h`` and ``w`` at least ``step``.
        step: how much the smooth version is shrunk (bilinear, no antialias) before it is enlarged.

    Returns:
        Absolute difference, ``(b, c, h, w)``, >= 0.

    Raises:
        ValueError: a side is smaller than ``step``.
    """
    h, w = feat.shape[-2:]
    if min(h, w) < step:
        raise ValueError(f"spatial_difference needs sides of at least {step}, got {h}x{w}")
    full = at_least_float32(feat)  # a smooth version rounded to half precision would be the error
    small = F.interpolate(full, size=(h // step, w // step), mode="bilinear", align_corners=False)
    smooth = F.interpolate(small, size=(h, w), mode="bilinear", align_corners=False)
    return (full - smooth).abs().to(feat.dtype)


def temporal_difference(feat: Tensor, step: int = 1) -> Tensor:
    """How much each feature changes in ``step`` frames (phi in the STDNet paper).

    Args:
        feat: a clip of maps, ``(b, t, c, h, w)``.
        step: distance in frames.

    Returns:
        ``|feat[:, i + step] - feat[:, i]|``, ``(b, max(t - step, 0), c, h, w)``, >= 0.
    """
    return (feat[:, step:] - feat[:, :-step]).abs()
