"""Colour cameras by name, batched on any device: what they do to pictures, clip by clip."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.lq import rgb_disturbance as disturbance


class Faults(NamedTuple):
    """Largest faults of a camera; each clip draws its own between none and these."""

    exposure: float  # logarithm of brightness, either way
    white_balance: float  # standard deviation of the gain of each channel
    gamma: float  # logarithm of the exponent, either way
    blur: float  # mix with a 3x3 mean, at most 1
    read: float  # standard deviation of noise in the dark
    shot: float  # of noise that grows with the root of brightness
    quality: tuple[float, float]  # of JPEG
    shift_px: float  # of the whole picture, either way along each axis
    flicker: float  # of brightness, from frame to frame and in bands of rows


CAMERAS: dict[str, Faults] = {
    "phone": Faults(0.2, 0.02, 0.15, 0.5, 0.006, 0.012, (75, 97), 0.7, 0.02),
    "webcam": Faults(0.4, 0.06, 0.3, 1.0, 0.02, 0.03, (30, 85), 2.0, 0.06),
    "dark": Faults(2.0, 0.06, 0.3, 1.0, 0.03, 0.05, (50, 95), 1.0, 0.05),
}
"""``phone``: mild; ``webcam``: cheap, badly aligned, compressed; ``dark``: little light, noisy."""


@torch.no_grad()
def disturb_rgb(
    rgb: Tensor,
    camera: str,
    generator: torch.Generator,
    noise_generator: torch.Generator | None = None,
    first: int = 0,
) -> Tensor:
    """Look through another camera.

    Depth stays where it is: with a shift, colours are misaligned by so many pixels.

    Args:
        rgb: clips ``(b, t, 3, H, W)`` in [0, 1].
        camera: a name of :data:`CAMERAS`.
        generator: draws the faults of each clip.
        noise_generator: draws the noise; None: ``generator``.
        first: number of the first frame, for what changes over time.

    Returns:
        Clips of the same shape in [0, 1].

    Raises:
        ValueError: an unknown camera, or another shape.
    """
    if camera not in CAMERAS:
        raise ValueError(f"the camera must be one of {', '.join(CAMERAS)}; got {camera!r}")
    if rgb.ndim != 5 or rgb.shape[2] != 3:
        raise ValueError(f"expected clips (b, t, 3, H, W); got {tuple(rgb.shape)}")
    faults, b = CAMERAS[camera], len(rgb)

    def draw(lo: float, hi: float, *shape: int) -> Tensor:
        numbers = torch.rand((b, *shape), generator=generator, device=rgb.device)
        return lo + (hi - lo) * numbers

    moved = shift(rgb, draw(-faults.shift_px, faults.shift_px, 2))
    flickering = moved * flicker(draw(0, faults.flicker, 2), draw(0, 6.3, 4), rgb.shape, first)
    gain = draw(-faults.exposure, 0.3 * faults.exposure, 1).exp()
    # Three uniform numbers have a spread of 1/2: near enough to a normal one, and bounded.
    gain = gain * (1 + 2 * faults.white_balance * (draw(0, 1, 3, 3).sum(-1) - 1.5))
    out = disturbance.develop(flickering, gain, draw(-faults.gamma, faults.gamma).exp())
    out = disturbance.blur(out, draw(0, faults.blur))
    read, shot, quality = draw(0, faults.read), draw(0, faults.shot), draw(*faults.quality)
    out = disturbance.add_noise(out, read, shot, noise_generator or generator).clamp(0, 1)
    return disturbance.jpeg_blocks(out, quality)


def shift(rgb: Tensor, way_px: Tensor) -> Tensor:
    """Move clips ``(b, t, 3, H, W)`` by ``way_px`` ``(b, 2)`` (x, y), the border repeated."""
    b, t, _, H, W = rgb.shape
    x = (torch.arange(W, device=rgb.device) + 0.5 - way_px[:, :1]) * (2 / W) - 1
    y = (torch.arange(H, device=rgb.device) + 0.5 - way_px[:, 1:]) * (2 / H) - 1
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), -1)
    flat = rgb.flatten(1, 2)
    moved = F.grid_sample(flat, grid, padding_mode="border", align_corners=False)
    return moved.view(b, t, 3, H, W)


def flicker(amount: Tensor, phase: Tensor, shape: torch.Size, first: int) -> Tensor:
    """Brightness of frames and of rows: a shutter that rolls under lamps that flicker.

    Args:
        amount: amount of both, ``(b, 2)``.
        phase: phases and rates of both [rad], ``(b, 4)``.
        shape: shape of the clips.
        first: number of the first frame.
    """
    frame = first + torch.arange(shape[1], device=amount.device).view(1, -1, 1, 1, 1)
    row = torch.arange(shape[3], device=amount.device).view(1, 1, 1, -1, 1)
    of_frames, of_rows = amount.unbind(1)
    shape5 = (-1, 1, 1, 1, 1)
    turns = phase[:, 0].view(shape5) + frame * (0.05 + phase[:, 1].view(shape5) / 10)
    bands = phase[:, 2].view(shape5) + frame * phase[:, 3].view(shape5) + row * (20 / shape[3])
    return (1 + of_frames.view(shape5) * turns.sin()) * (1 + of_rows.view(shape5) * bands.sin())
