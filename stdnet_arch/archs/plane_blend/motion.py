"""PlaneBlend's memory: where each pixel was in the frame before, and how deep it was there."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.plane_blend.candidates import CELL, cells_of
from stdnet_arch.archs.plane_blend.trunk import SEEN_COLOUR, TINY
from stdnet_arch.archs.shared.blocks import leaky_relu
from stdnet_arch.ops.warp import warp_to_edges

COARSE = 2 * CELL
"""Pixels per step of the first search."""


class Traces(NamedTuple):
    """Hold the features by which the next frame finds this one again."""

    fine: Tensor
    """``(n, c, H/4, W/4)``."""
    coarse: Tensor
    """Unit vectors, ``(n, c, H/8, W/8)`` rounded up."""


@dataclass(frozen=True)
class MotionMemory:
    """Hold what the next frame needs of the frames before it."""

    guide: Tensor
    """RGB of the last frame, ``(b, 3, H, W)``."""
    pred: Tensor
    """Its prediction, ``(b, 1, H, W)``."""
    error: Tensor
    """The error that was expected of it, same shape."""
    fine: Tensor
    """See :class:`Traces`."""
    coarse: Tensor
    """See :class:`Traces`."""
    known: Tensor | None = None
    """1 where there was such a frame, else 0, ``(b, 1, 1, 1)``; None: there was."""


class Carried(NamedTuple):
    """The last prediction as the present frame sees it."""

    depth: Tensor
    """``(n, 16, H/4, W/4)``."""
    mismatch: Tensor
    """Mean absolute difference of colours, ``(n, 16, H/4, W/4)``."""
    error: Tensor
    """The error that was expected of it, ``(n, 16, H/4, W/4)``."""
    inside: Tensor
    """1 where it was in view, ``(n, 16, H/4, W/4)``."""


class FrameMotion(nn.Module):
    """A small optical flow from a frame to the one before.

    A search over all displacements on a grid of 8 pixels (soft-argmax of a correlation, as in
    GMFlow, Xu et al. 2022, but local), and two small corrections, the second on a grid of 4 pixels
    from the warped features (as in PWC-Net, Sun et al. 2018).

    Args:
        num_feat: channels of the features that are compared.
        radius: radius of the search, in steps of 8 pixels.
    """

    def __init__(self, num_feat: int = 24, radius: int = 3) -> None:
        super().__init__()
        self.num_feat, self.radius = num_feat, radius
        displacements = (2 * radius + 1) ** 2
        self.fine = nn.Sequential(nn.Conv2d(SEEN_COLOUR, num_feat, 3, padding=1), leaky_relu())
        self.coarse = nn.Sequential(
            nn.Conv2d(num_feat, num_feat, 3, stride=2, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
        )
        self.log_sharpness = nn.Parameter(torch.tensor(2.0))
        self.correct_coarse = nn.Sequential(
            nn.Conv2d(displacements + 2 + num_feat, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, 2, 3, padding=1),
        )
        self.correct_fine = nn.Sequential(
            nn.Conv2d(3 * num_feat + 2, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, 2, 3, padding=1),
        )

    def traces(self, seen: Tensor) -> Traces:
        """Features of a frame, from what :func:`see_colour` shows, ``(n, 64, H/4, W/4)``."""
        fine = self.fine(seen)
        return Traces(fine, F.normalize(self.coarse(fine).float(), dim=1, eps=1e-3))

    def forward(self, now: Traces, before: Traces) -> Tensor:
        """Find each cell of the present frame in the one before.

        Args:
            now: traces of the present frame.
            before: traces of the frame before.

        Returns:
            Flow [px of the full size], (dx, dy), ``(n, 2, H/4, W/4)``, float32.
        """
        likeness = correlate(now.coarse, before.coarse, self.radius)
        chance = (likeness * self.log_sharpness.exp()).softmax(1)
        side = torch.arange(-self.radius, self.radius + 1, device=chance.device, dtype=chance.dtype)
        dy, dx = torch.meshgrid(side, side, indexing="ij")
        # Sums instead of a matrix product, which autocast would run in half precision.
        flow = torch.stack(
            [(chance * d.view(-1, 1, 1)).sum(1) for d in (dx.flatten(), dy.flatten())], 1
        )
        known = torch.cat((likeness, flow, now.coarse), 1)
        flow = COARSE * (flow + self.correct_coarse(known).float())
        h, w = now.fine.shape[-2:]
        flow = F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=False)
        flow = flow[..., :h, :w]
        warped, _ = warp_to_edges(before.fine.float(), flow / CELL, "bilinear")
        fine = now.fine.float()
        known = torch.cat((fine, warped, (fine - warped).abs(), flow / COARSE), 1)
        return flow + CELL * self.correct_fine(known).float()


def correlate(now: Tensor, before: Tensor, radius: int) -> Tensor:
    """Dot products with all neighbours within ``radius``.

    Args:
        now: ``(n, c, h, w)``.
        before: ``(n, c, h, w)``.
        radius: radius of the search [px of these maps].

    Returns:
        ``(n, (2 radius + 1)^2, h, w)``, row by row; 0 outside of the frame.
    """
    h, w = now.shape[-2:]
    size = 2 * radius + 1
    padded = F.pad(before, [radius] * 4)
    found = [
        (now * padded[..., dy : dy + h, dx : dx + w]).sum(1)
        for dy in range(size)
        for dx in range(size)
    ]
    return torch.stack(found, 1)


def carry(memory: MotionMemory, guide: Tensor, flow: Tensor, own: Tensor) -> Carried:
    """Bring the last prediction to where its pixels are now.

    Depth is looked up at the nearest pixel: between two surfaces there is none.

    Args:
        memory: memory of the frame before.
        guide: RGB of the present frame, ``(n, 3, H, W)``.
        flow: result of :class:`FrameMotion`.
        own: see :func:`nothing_carried`.
    """
    flow = F.interpolate(flow, scale_factor=CELL, mode="bilinear", align_corners=False)
    colour, inside = warp_to_edges(memory.guide, flow, "bilinear")
    kept, _ = warp_to_edges(torch.cat((memory.pred, memory.error), 1), flow, "nearest")
    depth, error = kept.split(1, 1)
    mismatch = (colour - guide).abs().mean(1, keepdim=True)
    carried = Carried(*(cells_of(x) for x in (depth, mismatch, error, inside)))
    if memory.known is None:
        return carried
    nothing = nothing_carried(own)
    chosen = (torch.where(memory.known > 0, *both) for both in zip(carried, nothing, strict=True))
    return Carried(*chosen)


def nothing_carried(own: Tensor) -> Carried:
    """For the first frame of a clip: its own plane, of which nothing speaks for."""
    return Carried(own, torch.ones_like(own), own, torch.zeros_like(own))


SEEN_CARRIED = 4 * CELL**2
"""Channels of :func:`see_carried`."""


def see_carried(carried: Carried, own: Tensor) -> Tensor:
    """Carried depth relative to the pixel's own plane, how well its colour fits, and its error.

    Args:
        carried: see :func:`carry`.
        own: depth of the own plane at each pixel, ``(n, 16, H/4, W/4)``.

    Returns:
        ``(n, 64, H/4, W/4)``.
    """
    ratio = torch.log(carried.depth.clamp_min(TINY) / own.clamp_min(TINY))
    doubt = (20 * carried.error / own.clamp_min(TINY)).clamp(max=4)
    shown = (4 * ratio).clamp(-4, 4) * carried.inside
    return torch.cat((shown, 4 * carried.mismatch, doubt, carried.inside), 1)
