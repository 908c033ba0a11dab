"""The cameras of layered scenes: light to colours, with the mild faults of ordinary cameras."""

from typing import NamedTuple

import torch
from torch import Tensor

from stdnet_arch.data.lq import rgb_disturbance as disturbance
from stdnet_arch.data.synthetic.layers.draws import Draws
from stdnet_arch.data.synthetic.layers.geometry import Pinholes


class CameraResponse(NamedTuple):
    """Response of the cameras of a batch: light to numbers."""

    brightness: Tensor  # (b, 3) mean of the first picture
    gamma: Tensor  # (b,)
    vignette: Tensor  # (b,)
    middle: Tensor  # (b, 2) of the vignette; the crop is [-1, 1]^2
    blur: Tensor  # (b,)
    read: Tensor  # (b,)
    shot: Tensor  # (b,)
    quality: Tensor  # (b,) of JPEG


def draw_camera(d: Draws, view: Pinholes) -> CameraResponse:
    """Cameras of a batch; each fault in one of two."""
    b = len(view.focal_px)
    H, W = view.size
    half = torch.tensor([W / 2, H / 2], device=d.device)
    sometimes = d.chance(3, b, p=0.5)
    return CameraResponse(
        brightness=d.uniform(b, 1, lo=0.2, hi=0.65) * (1 + d.normal(b, 3, std=0.05)),
        gamma=d.uniform(b, lo=0.7, hi=1.4),
        vignette=d.uniform(b) * sometimes[0] * (half[0] / view.focal_px) ** 2,
        middle=(view.centre_px + 0.5) / half - 1,
        blur=d.uniform(b) * sometimes[1],
        read=d.uniform(b, hi=0.015) * sometimes[2],
        shot=d.uniform(b, hi=0.025) * sometimes[2],
        quality=d.uniform(b, lo=45, hi=98),
    )


def exposure(light: Tensor, camera: CameraResponse) -> Tensor:
    """Gains ``(b, 3)`` that give the first picture of ``light`` its brightness."""
    mean = light[:, 0].mean((1, 2, 3))[:, None]
    return (camera.brightness / mean.clamp_min(1e-3)).clamp_max(4)


def photograph(
    light: Tensor, camera: CameraResponse, gain: Tensor, compressed: int, generator: torch.Generator
) -> Tensor:
    """Turn light into the pictures of cameras.

    Args:
        light: ``(b, t, 3, H, W)``, >= 0.
        camera: their faults.
        gain: result of :func:`exposure`, ``(b, 3)``.
        compressed: the first so many clips get blocks like JPEG's.
        generator: generator of the noise.

    Returns:
        ``(b, t, 3, H, W)`` in [0, 1].
    """
    rgb = disturbance.vignette(light, camera.vignette, camera.middle)
    rgb = disturbance.develop(rgb, gain, camera.gamma)
    rgb = disturbance.blur(rgb, camera.blur)
    rgb = disturbance.add_noise(rgb, camera.read, camera.shot, generator).clamp(0, 1)
    if compressed:
        first = slice(compressed)
        rgb[first] = disturbance.jpeg_blocks(rgb[first], camera.quality[first])
    return rgb
