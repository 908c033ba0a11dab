"""Faults of cameras: blur, noise, exposure, white balance, gamma, JPEG blocks, shifts.

Batched, on any device; every function takes and gives clips ``(b, t, 3, H, W)`` in [0, 1],
and one value of each effect per clip.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 8
# Annex K.1 of ITU-T T.81 (JPEG): how coarse each frequency of brightness may become.
_LUMINANCE_STEPS = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip


def _per_clip(value: Tensor) -> Tensor:
    return value[:, None, None, None, None]


def blur(rgb: Tensor, amount: Tensor) -> Tensor:
    """Mix with a 3x3 binomial mean: ``amount`` ``(b,)`` from 0 (sharp) to 1."""
    b, t, c, H, W = rgb.shape
    padded = F.pad(rgb.reshape(b * t, c, H, W), (1, 1, 1, 1), mode="replicate")
    across = (padded[..., :-2] + padded[..., 2:]) / 4 + padded[..., 1:-1] / 2
    mean = (across[..., :-2, :] + across[..., 2:, :]) / 4 + across[..., 1:-1, :] / 2
    return torch.lerp(rgb, mean.view(b, t, c, H, W), _per_clip(amount))


def add_noise(rgb: Tensor, read: Tensor, shot: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian noise of variance ``read^2 + shot^2 * value``, both ``(b,)``."""
    spread = (_per_clip(read) ** 2 + _per_clip(shot) ** 2 * rgb.clamp(0, 1)).sqrt()
    noise = torch.randn(rgb.shape, generator=generator, device=rgb.device)
    return rgb + spread * noise


def develop(rgb: Tensor, gain: Tensor, gamma: Tensor) -> Tensor:
    """Exposure and white balance (``gain`` ``(b, 3)``), soft highlights, ``gamma`` ``(b,)``."""
    bright = rgb * gain[:, None, :, None, None]
    # Above 0.8 the curve bends towards 1, as cameras' do; below it is the identity.
    bent = 1 - 0.2 * torch.exp(-(bright - 0.8).clamp_min(0) / 0.2)
    bright = torch.where(bright > 0.8, bent, bright)
    return bright.clamp(1e-4, 1) ** _per_clip(gamma)


def vignette(rgb: Tensor, strength: Tensor, middle: Tensor) -> Tensor:
    """Darken with the squared distance from ``middle`` ``(b, 2)`` (x, y; the crop is [-1, 1]^2)."""
    H, W = rgb.shape[-2:]
    x = torch.linspace(-1, 1, W, device=rgb.device) - middle[:, 0, None]
    y = torch.linspace(-1, 1, H, device=rgb.device) - middle[:, 1, None]
    fall = strength[:, None, None] * (x[:, None, :] ** 2 + y[:, :, None] ** 2) / 2
    return rgb / (1 + fall)[:, None, None]


def _cosines(device: torch.device) -> Tensor:
    """The orthonormal discrete cosine transform of 8 values, ``(8, 8)``."""
    k = torch.arange(BLOCK, dtype=torch.float64)[:, None]
    n = torch.arange(BLOCK, dtype=torch.float64)
    rows = torch.cos(math.pi * (2 * n + 1) * k / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    rows[0] /= math.sqrt(2)
    return rows.float().to(device)


def jpeg_blocks(rgb: Tensor, quality: Tensor) -> Tensor:
    """Round the frequencies of 8x8 blocks as JPEG of that quality does, without subsampling.

    Args:
        rgb: ``(b, t, 3, H, W)`` in [0, 1].
        quality: 1 to 100, ``(b,)``, as libjpeg's.
    """
    b, t, _, H, W = rgb.shape
    tall, wide = -H % BLOCK, -W % BLOCK
    flat = F.pad(rgb.reshape(b * t, 3, H, W), (0, wide, 0, tall), mode="replicate")
    luma = torch.tensor([0.299, 0.587, 0.114], device=rgb.device).view(1, 3, 1, 1)
    y = (flat * luma).sum(1, keepdim=True)
    planes = torch.cat([y, flat[:, :1] - y, flat[:, 2:] - y], 1)
    blocks = planes.unflatten(3, (-1, BLOCK)).unflatten(2, (-1, BLOCK)).transpose(3, 4)
    D = _cosines(rgb.device)
    waves = D @ blocks @ D.T
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    table = torch.tensor(_LUMINANCE_STEPS, device=rgb.device).view(1, BLOCK, BLOCK)
    steps = (table * percent[:, None, None] / 100).clamp_min(1) / 255
    steps = steps.repeat_interleave(t, 0)[:, None, None, None]
    blocks = D.T @ ((waves / steps).round() * steps) @ D
    back = blocks.transpose(3, 4).flatten(4, 5).flatten(2, 3)[..., :H, :W]
    y, r, blue = back.unbind(1)
    r, blue = r + y, blue + y
    green = (y - 0.299 * r - 0.114 * blue) / 0.587
    return torch.stack([r, green, blue], 1).view(b, t, 3, H, W).clamp(0, 1)
