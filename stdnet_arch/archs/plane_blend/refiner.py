"""PlaneBlend's refiner: low-resolution depth without the steps of its sensor, and its planes."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from stdnet_arch.archs.plane_blend.candidates import fill_by_means, look_around
from stdnet_arch.archs.plane_blend.head import start_at_zero
from stdnet_arch.archs.plane_blend.trunk import UNet
from stdnet_arch.ops.local_planes import LocalPlanes, fit_local_planes
from stdnet_arch.ops.precision import at_least_float32

AROUND = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3) if dy or dx]
SEEN = 2 * len(AROUND) + 3
"""Channels that the refiner sees."""
MOST_STEPS = 0.6
"""Steps by which depth may be moved: half of one, and some noise."""
MOST_SHARE = 0.02
"""Share of the depth by which it may be moved, too: noise."""
LEFT_OVER = 0.4
"""Steps that may be wrong after it; planes are fitted with this tolerance."""
FINEST = 1e-3
"""Share of the depth below which steps look alike."""


class Refiner(nn.Module):
    """Moves each LR depth to where its own surface lies, by 0.6 steps and 2 % of it at most.

    A slanted wall in coarse steps is a staircase. Only its edges say where the wall lies, and they
    are up to dozens of pixels away: more than a plane's window sees. So a U-Net looks at the LR
    depth alone, in units of its step, where every staircase looks alike. Free of scale. Untrained
    it gives its input. Relatives: bit-depth enhancement (Byun et al., BitNet, 2018).

    Args:
        num_feat: channels of the finest of three sizes; the others have twice as many.
    """

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(SEEN, num_feat, 3, padding=1)
        self.body = UNet((num_feat, 2 * num_feat, 2 * num_feat), (2, 4, 4))
        self.move = nn.Sequential(nn.LeakyReLU(0.1), start_at_zero(nn.Conv2d(num_feat, 2, 1)))

    def forward(self, lq: Tensor, measured: Tensor, step: Tensor) -> Tensor:
        """Refine frames.

        Args:
            lq: holes filled, ``(n, 1, h, w)``, any unit.
            measured: bool, same shape.
            step: quantisation step of ``lq``, in its unit, ``(n,)``; 0: continuous.

        Returns:
            Depth in the unit of ``lq``, same shape.
        """
        unit = step[:, None, None, None]
        seen = _see(lq, measured, unit)
        by_steps, by_share = at_least_float32(self.move(self.body(self.enter(seen)))).split(1, 1)
        share = MOST_SHARE * lq * torch.tanh(by_share)
        return lq + MOST_STEPS * unit * torch.tanh(by_steps) + share

    def alone(self, lq: Tensor, guide: Tensor, step: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """Refine a clip: what a training of this part alone calls.

        Args:
            lq: ``(b, t, 1, h, w)``, >= 0; 0: a hole.
            guide: RGB, not looked at.
            step: step of each clip, ``(b,)``.

        Returns:
            ``surface``, 0 in holes, and ``limit``, by how much it may have been moved,
            ``(b, t, 1, h, w)`` both.
        """
        frames = at_least_float32(lq.flatten(0, 1))
        measured = frames > 0
        steps = step.to(frames).repeat_interleave(lq.shape[1])
        refined = self(fill_by_means(frames, measured), measured, steps)
        limit = MOST_STEPS * steps[:, None, None, None] + MOST_SHARE * frames
        maps = {"surface": refined * measured, "limit": limit}
        return {name: value.unflatten(0, lq.shape[:2]) for name, value in maps.items()}


def make_refiner(num_feat: int) -> Refiner | None:
    """Build a refiner of so many channels; 0: none.

    Raises:
        ValueError: ``num_feat`` is negative.
    """
    if num_feat < 0:
        raise ValueError(f"refine must be a number of channels, 0: none; got {num_feat}")
    return Refiner(num_feat) if num_feat else None


def _see(lq: Tensor, measured: Tensor, unit: Tensor) -> Tensor:
    """Depth around each pixel in steps and in shares of the depth, ``(n, SEEN, h, w)``."""
    own = lq.clamp_min(1e-6)
    offset = look_around(lq, AROUND) - lq
    known = measured.to(lq.dtype)
    parts = (
        (offset / torch.maximum(unit, FINEST * own)).clamp(-3, 3),
        (25 * offset / own).clamp(-3, 3),
        (20 * unit / own).clamp(0, 4),
        look_around(known, AROUND).mean(1, keepdim=True),
        known,
    )
    return torch.cat([part.expand(-1, -1, *lq.shape[-2:]) for part in parts], 1)


class SeenSurfaces(NamedTuple):
    """Describe what low-resolution depth says of the surfaces, ``(n, 1, h, w)`` each."""

    depth: Tensor
    """Holes filled, refined if there is a refiner."""
    planes: LocalPlanes
    """See :class:`~stdnet_arch.ops.local_planes.LocalPlanes`."""
    measured: Tensor
    """False in holes."""


def find_surfaces(lq: Tensor, step: Tensor, refiner: Refiner | None) -> SeenSurfaces:
    """Fill holes, refine depth, and fit a plane to each pixel's own surface.

    Args:
        lq: low-resolution depth, ``(n, 1, h, w)``, >= 0; 0: a hole.
        step: quantisation step of ``lq``, in its unit, ``(n,)``; 0: continuous.
        refiner: refiner to ask; None: depth stays as it is.
    """
    measured = lq > 0
    depth = fill_by_means(lq, measured)
    if refiner is None:
        return SeenSurfaces(depth, fit_local_planes(depth, step, measured), measured)
    refined = refiner(depth, measured, step)
    depth = refined.detach()
    # Without steps the nearest neighbours tell the slope: a third of the time, no less accurate.
    planes = fit_local_planes(depth, LEFT_OVER * step, measured, radius=1, rounds=1)
    # The refiner learns from the depth of its own planes alone. With gradients through slopes and
    # through what the trunk sees, too, a training from scratch ended above bilinear.
    planes = planes._replace(depth=planes.depth + (refined - depth))
    return SeenSurfaces(depth, planes, measured)
