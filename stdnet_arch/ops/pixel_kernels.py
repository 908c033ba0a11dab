"""Filtering with another kernel at every pixel."""

import math

import torch.nn.functional as F
from torch import Tensor


def apply_pixel_kernels(feat: Tensor, kernels: Tensor) -> Tensor:
    """Filter every channel with its own k x k kernel at every pixel; zero outside.

    One shifted view per tap, summed in place: the k*k-fold copy that ``unfold`` makes is never in
    memory.

    Args:
        feat: ``(b, c, h, w)``.
        kernels: ``(b, c, k * k, h, w)``, taps row by row, k odd.

    Returns:
        ``out[y, x] = sum over taps of kernels[tap, y, x] * feat[y + dy, x + dx]``, ``(b, c, h,
        w)``.

    Raises:
        ValueError: the number of taps is not the square of an odd number.

    Example:
        >>> import torch
        >>> feat, kernels = torch.arange(4.0).view(1, 1, 2, 2), torch.zeros(1, 1, 9, 2, 2)
        >>> kernels[:, :, 4] = 10  # the middle one of nine taps
        >>> apply_pixel_kernels(feat, kernels)[0, 0].tolist()
        [[0.0, 10.0], [20.0, 30.0]]
    """
    h, w = feat.shape[-2:]
    side = math.isqrt(kernels.shape[2])
    if side * side != kernels.shape[2] or side % 2 == 0:
        raise ValueError(f"kernels must have an odd square of taps, got {kernels.shape[2]}")
    padded = F.pad(feat, [side // 2] * 4)
    taps = kernels.unbind(2)
    out = padded[..., :h, :w] * taps[0]
    for i, tap in enumerate(taps[1:], start=1):
        dy, dx = divmod(i, side)
        out.addcmul_(padded[..., dy : dy + h, dx : dx + w], tap)
    return out
