"""PlaneBlend's way to depth as a head for other networks' features."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from stdnet_arch.archs.plane_blend.candidates import (
    CELL,
    neighbour_offsets,
    pixels_of,
    places,
)
from stdnet_arch.archs.plane_blend.choice import choice_among, choose
from stdnet_arch.archs.plane_blend.head import CellHead
from stdnet_arch.archs.plane_blend.refiner import find_surfaces, make_refiner
from stdnet_arch.ops.precision import at_least_float32


class PlanesOutput(NamedTuple):
    """Depth and its spread, ``(n, 1, H, W)``, in the unit of the input."""

    depth: Tensor
    spread: Tensor
    """Weighted mean distance of the candidates from ``depth``: an untrained error bar."""


class PlanesHead(nn.Module):
    """Depth as a softmax-weighted mean of planes of neighbouring low-resolution pixels.

    Untrained it is a sharp bilinear interpolation; see
    :class:`~stdnet_arch.archs.plane_blend_arch.PlaneBlend`.

    Args:
        num_feat: channels of the features, which live on cells of 4x4 pixels.
        scale: H / h, a multiple of 4.
        reach: see :func:`~stdnet_arch.archs.plane_blend.candidates.neighbour_offsets`.
        refine: see :class:`~stdnet_arch.archs.plane_blend_arch.PlaneBlend`.
    """

    def __init__(self, num_feat: int, scale: int, reach: int = 1, refine: int = 0) -> None:
        super().__init__()
        self.scale = scale
        self.offsets = neighbour_offsets(reach)
        self.head = CellHead(num_feat, len(self.offsets))
        self.refiner = make_refiner(refine)

    def forward(self, lq: Tensor, feat: Tensor, step: Tensor | float = 0.0) -> PlanesOutput:
        """Weigh the planes of each pixel's neighbourhood.

        Args:
            lq: low-resolution depth, ``(n, 1, h, w)``, >= 0; 0: a hole.
            feat: ``(n, num_feat, H/4, W/4)``.
            step: quantisation step of ``lq``, in its unit: a number, or ``(n,)``; 0: continuous.
        """
        lq = at_least_float32(lq)
        factor = self.scale // CELL
        steps = torch.as_tensor(step, dtype=lq.dtype, device=lq.device).expand(len(lq))
        found = find_surfaces(lq, steps, self.refiner)
        place = places(lq.shape[-2], lq.shape[-1], self.scale, lq)
        choice = choice_among(found.planes, found.measured.to(lq.dtype), self.offsets, place)
        made = choose(at_least_float32(self.head(feat)), choice, factor)
        return PlanesOutput(pixels_of(made.depth), pixels_of(made.spread))

    def of_clip(self, lq: Tensor, feat: Tensor, step: Tensor | float = 0.0) -> dict[str, Tensor]:
        """Weigh the planes of a clip, frame by frame.

        Args:
            lq: ``(b, t, 1, h, w)``.
            feat: ``(b, t, num_feat, H/4, W/4)``.
            step: see :meth:`forward`; a tensor has a number for each clip, ``(b,)``.

        Returns:
            ``pred`` and ``error`` (the spread, at least a quarter of a step), ``(b, t, 1, H, W)``.
        """
        steps = torch.as_tensor(step, dtype=torch.float32, device=lq.device)
        steps = steps.expand(len(lq)).repeat_interleave(lq.shape[1])
        made = self(lq.flatten(0, 1), feat.flatten(0, 1), steps)
        floor = 0.25 * steps.view(-1, 1, 1, 1)
        maps = {"pred": made.depth, "error": torch.maximum(made.spread, floor)}
        return {name: value.unflatten(0, lq.shape[:2]) for name, value in maps.items()}
