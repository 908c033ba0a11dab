"""The two differences STDNet is named after: from the smooth self, and from the future."""

import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.ops.precision import at_least_float32


def spatial_difference(feat: Tensor, step: int = 2) -> Tensor:
    """Measure how far features are from their smooth version: large at edges (paper: sigma).

    Args:
        feat: features, ``(b, c, h, w)``; ``h`` and ``w`` at least ``step``.
        step: factor by which the smooth version is shrunk (bilinear, no antialias) and enlarged.

    Returns:
        Absolute difference, ``(b, c, h, w)``, >= 0.

    Raises:
        ValueError: a side is smaller than ``step``.

    Example:
        >>> import torch
        >>> flat, edge = torch.zeros(1, 1, 2, 4), torch.tensor([0.0, 0, 0, 4]).expand(1, 1, 2, 4)
        >>> spatial_difference(flat).amax().item(), spatial_difference(edge).amax().item()
        (0.0, 2.0)
    """
    h, w = feat.shape[-2:]
    if min(h, w) < step:
        raise ValueError(f"spatial_difference needs sides of at least {step}, got {h}x{w}")
    full = at_least_float32(feat)  # a smooth version rounded to half precision would be the error
    small = F.interpolate(full, size=(h // step, w // step), mode="bilinear", align_corners=False)
    smooth = F.interpolate(small, size=(h, w), mode="bilinear", align_corners=False)
    return (full - smooth).abs().to(feat.dtype)


def temporal_difference(feat: Tensor, step: int = 1) -> Tensor:
    """Measure how much each feature changes in ``step`` frames (STDNet paper: phi).

    Args:
        feat: a clip of maps, ``(b, t, c, h, w)``.
        step: distance in frames.

    Returns:
        ``|feat[:, i + step] - feat[:, i]|``, ``(b, max(t - step, 0), c, h, w)``, >= 0.

    Example:
        >>> import torch
        >>> clip = torch.tensor([1.0, 1, 4]).view(1, 3, 1, 1, 1)
        >>> [temporal_difference(clip, step).flatten().tolist() for step in (1, 2)]
        [[0.0, 3.0], [3.0]]
    """
    return (feat[:, step:] - feat[:, :-step]).abs()
