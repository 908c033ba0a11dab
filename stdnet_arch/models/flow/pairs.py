"""Pairs of frames with the exact motion between them: layered scenes, and textures that move."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.synthetic.layers import LayerScenes
from stdnet_arch.ops.warp import lands_inside

SMALL_MOTION_PX = 2.0
"""Largest motion of a texture along an axis at its middle: what one level of SPyNet has to find."""
OCTAVES = (2, 4, 8, 16, 32)
"""Cells of a texture's noise along a side of 32 px: structure of every size, nothing flat."""


class Pairs(NamedTuple):
    """Two frames and the motion from the one to the other."""

    frame: Tensor
    """RGB in [0, 1], ``(n, 3, H, W)``."""
    other: Tensor
    """The same shape."""
    flow_px: Tensor
    """(dx, dy), ``(n, 2, H, W)``."""
    valid: Tensor
    """Bool, ``(n, 1, H, W)``: the point is seen in ``other``."""


def draw_pairs(scenes: LayerScenes, batch: int, size: int) -> Pairs:
    """Draw pairs of neighbouring frames of new scenes."""
    clips = scenes.draw(batch, 2, (size, size))
    return Pairs(clips.rgb[:, 0], clips.rgb[:, 1], clips.flow_px[:, 0], clips.visible[:, 0])


def shift_pairs(pairs: Pairs, most_px: int, random: torch.Generator) -> Pairs:
    """Cut the middle out of the first frames, and of the others what lies beside it.

    Small shifts are more frequent than large ones. Flow stays exact, since they are whole pixels.

    Args:
        pairs: frames of ``(H + 2 * most_px, W + 2 * most_px)``.
        most_px: largest shift along each axis.
        random: source of the shifts.

    Returns:
        Pairs of ``(H, W)``; where a point leaves the other frame it is not valid.
    """
    n, _, height, width = pairs.frame.shape
    h, w = height - 2 * most_px, width - 2 * most_px
    drawn = torch.rand(2, n, 2, generator=random)
    shifts = (most_px * drawn[0] * (2 * drawn[1] - 1)).round().int().tolist()
    frame, flow, valid = (
        x[..., most_px : most_px + h, most_px : most_px + w]
        for x in (pairs.frame, pairs.flow_px, pairs.valid)
    )
    other = torch.stack([
        each[:, most_px + dy : most_px + dy + h, most_px + dx : most_px + dx + w]
        for each, (dx, dy) in zip(pairs.other, shifts, strict=True)
    ])  # fmt: skip
    flow = flow - torch.tensor(shifts, dtype=flow.dtype)[:, :, None, None]
    return Pairs(frame, other, flow, valid & lands_inside(flow))


def draw_textures(batch: int, size: int, random: torch.Generator) -> Tensor:
    """Draw noise of all sizes as RGB in [0, 1], ``(batch, 3, size, size)``.

    Amplitudes fall with the square root of the frequency, so that fine structure counts.
    """
    texture = torch.zeros(batch, 3, size, size)
    for octave in OCTAVES:
        cells = max(round(octave * size / 32), 2)
        noise = torch.randn(batch, 3, cells, cells, generator=random)
        grown = F.interpolate(noise, size=(size, size), mode="bicubic", align_corners=False)
        texture += grown * octave**-0.5
    spread = texture.std(dim=(1, 2, 3), keepdim=True)
    return (0.5 + 0.2 * texture / spread).clamp_(0, 1)


def draw_small_motions(batch: int, size: int, random: torch.Generator) -> Pairs:
    """Draw textures that move by up to :data:`SMALL_MOTION_PX`, turn, shear and grow.

    Args:
        batch: number of pairs.
        size: side of the frames [px].
        random: source of textures and motions.

    Returns:
        Pairs of ``(size, size)``, where ``frame(x) = other(x + flow(x))`` for an affine flow.
    """
    margin = int(3 * SMALL_MOTION_PX)
    texture = draw_textures(batch, size + 2 * margin, random)
    most = SMALL_MOTION_PX * torch.rand(batch, 1, 1, generator=random)
    # Middle, change to the right edge, change to the lower edge; each of (dx, dy).
    drawn = 2 * torch.rand(batch, 2, 3, generator=random) - 1
    affine = most * drawn * torch.tensor([1.0, 0.5, 0.5])
    along = torch.linspace(-1, 1, size)
    x, y = along.expand(size, size), along[:, None].expand(size, size)
    flow = torch.einsum("nck,khw->nchw", affine, torch.stack([torch.ones_like(x), x, y]))
    middle, half = (size + 2 * margin - 1) / 2, (size - 1) / 2
    points = (torch.stack([x, y]) * half + flow) / middle
    frame = F.grid_sample(
        texture, points.permute(0, 2, 3, 1), mode="bicubic", align_corners=True
    ).clamp(0, 1)
    other = texture[..., margin:-margin, margin:-margin]
    return Pairs(frame, other, flow, lands_inside(flow))
