"""PlaneBlend, one frame of a stream at a time, its memory in the open."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stdnet_arch.archs.plane_blend.candidates import CELL
from stdnet_arch.archs.plane_blend.motion import COARSE, MotionMemory
from stdnet_arch.archs.streaming.step import StreamStep

if TYPE_CHECKING:
    from stdnet_arch.archs.plane_blend_arch import PlaneBlend


class PlaneBlendStep(StreamStep):
    """See :class:`~stdnet_arch.archs.streaming.step.StreamStep`; also for one that carries nothing.

    The quantisation step of depth is the network's own ``step``.

    Args:
        net: the network.
    """

    net: "PlaneBlend"

    def start(self, h: int, w: int) -> dict[str, Tensor]:
        """See :class:`StreamStep`."""
        if not self.net.temporal:
            return {}
        like, (H, W) = next(self.net.parameters()), (h * self.net.scale, w * self.net.scale)
        feat = self.net.motion.log_sharpness.new_zeros
        num_feat = self.net.motion.num_feat
        return {
            "guide": like.new_zeros(1, 3, H, W),
            "pred": like.new_zeros(1, 1, H, W),
            "error": like.new_zeros(1, 1, H, W),
            "fine": feat(1, num_feat, H // CELL, W // CELL),
            "coarse": feat(1, num_feat, -(-H // COARSE), -(-W // COARSE)),
            "known": like.new_zeros(1, 1, 1, 1),  # whether there was a frame
        }

    def forward(self, lq: Tensor, guide: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """See :class:`StreamStep`."""
        memory = MotionMemory(*state) if state else None
        out, memory = self.net.advance(lq[:, None], guide[:, None], memory=memory)
        maps = out["pred"][:, 0], out["error"][:, 0]
        if memory is None:
            return maps
        known = torch.ones_like(state[-1])
        kept = memory.guide, memory.pred, memory.error, memory.fine, memory.coarse
        return *maps, *kept, known
