"""DFlow's recurrence on depth guided by RGB: the fast network of this plugin."""

import torch
import torch.nn.functional as F
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.dflow.depth_parts import WORK, DepthHead, QuarterGuideEncoder, localize
from stdnet_arch.archs.dflow.depth_step import DFlowDepthStep
from stdnet_arch.archs.dflow.depth_stream import DFlowDepthStream
from stdnet_arch.archs.dflow.distillation import DistillationTrunk
from stdnet_arch.archs.dflow.memory import Memory
from stdnet_arch.archs.dflow.motion import PairFlow
from stdnet_arch.archs.dflow.propagation import propagate
from stdnet_arch.ops.resize import replicate_up, upsample
from stdnet_arch.utils.shapes import check_clip, check_sides


@ARCH_REGISTRY.register()
class DFlowDepth(nn.Module):
    """Depth by DFlow's recurrence: motion from RGB, a state of depth, a light trunk.

    Not in the paper. What differs, and why:

    - Motion is that of the RGB, and estimated again for each pair of frames: a stream has no end,
      and the errors of a flow that is only ever updated would add up.
    - There is one pass, forward in time: each prediction comes with its frame, and a camera can be
      followed without delay. ``bidirectional`` adds DFlow's backward pass, for whole clips.
    - It runs at a quarter of the output's size: one network serves x4, x8 and x16.
    - Depth is seen, and the residual on bilinear depth made, relative to the neighbourhood; see
      :func:`~stdnet_arch.archs.dflow.depth_parts.localize`.

    Args:
        scale: H / h: 2, or a multiple of 4.
        num_feat: channels, a multiple of 4.
        num_block: distillation blocks of each of three stages.
        bidirectional: see above; such a network cannot run on a stream.

    Raises:
        ValueError: ``scale`` or ``num_feat`` is not one of these.
    """

    halo = None  # every frame takes from all before it

    def __init__(
        self, scale: int, num_feat: int = 32, num_block: int = 1, bidirectional: bool = False
    ) -> None:
        super().__init__()
        if scale != 2 and (scale < 4 or scale % 4):
            raise ValueError(f"scale must be 2 or a multiple of 4 (4, 8, 16), got {scale}")
        if num_feat < 4 or num_feat % 4:
            raise ValueError(f"num_feat must be a multiple of 4 (trunk's taps), got {num_feat}")
        self.scale, self.num_feat = scale, num_feat
        self.multiple_of = 2 if scale == 2 else 1  # of lq: the work is done at H/4
        self.causal = not bidirectional  # no frame takes from later ones: it can be streamed
        seen = (8 if scale == 2 else 2) + num_feat
        self.guide_encoder = QuarterGuideEncoder(num_feat)
        if bidirectional:
            self.backward_flow = PairFlow(num_feat // 2)
            self.backward_trunk = DistillationTrunk(seen + num_feat, num_feat, num_block)
        self.forward_flow = PairFlow(num_feat // 2)
        passes = 2 if bidirectional else 1
        self.forward_trunk = DistillationTrunk(seen + passes * num_feat, num_feat, num_block)
        self.head = DepthHead(passes * num_feat, num_feat)

    def forward(self, lq: Tensor, guide: Tensor) -> dict[str, Tensor]:
        """Super-resolve a clip of any length.

        Args:
            lq: low-resolution depth, ``(b, t, 1, h, w)`` in [0, 1]; at x2, sides are even.
            guide: RGB, ``(b, t, 3, H, W)`` in [0, 1].

        Returns:
            ``pred``, ``(b, t, 1, H, W)``; and, for ``FlowWarpLoss``, ``frames`` (small RGB),
            ``(b, t, 3, H/4, W/4)``, and flows [px], (dx, dy), ``(b, t - 1, 2, H/4, W/4)``:
            ``flow_to_before`` of all frames but the first and, if bidirectional, ``flow_to_next``
            of all but the last.

        Raises:
            TypeError, ValueError: see :mod:`stdnet_arch.utils.shapes`.
        """
        return self.advance(lq, guide)[0]

    def open_stream(self) -> DFlowDepthStream:
        """Super-resolve frame by frame, without delay; see :class:`DFlowDepthStream`."""
        return DFlowDepthStream(self)

    def open_step(self) -> DFlowDepthStep:
        """One frame of a stream as a function of tensors; see :class:`DFlowDepthStep`."""
        return DFlowDepthStep(self)

    def advance(
        self, lq: Tensor, guide: Tensor, memory: Memory | None = None
    ) -> tuple[dict[str, Tensor], Memory]:
        """Super-resolve the next frames of a clip; see :meth:`forward`.

        Args:
            lq: see :meth:`forward`.
            guide: see :meth:`forward`.
            memory: memory of the frames before these; None: there are none.

        Returns:
            As :meth:`forward` (with a memory, flow from the first frame, too), and the memory.
        """
        check_clip(lq, guide, self.scale)
        check_sides(lq, "lq", self.multiple_of)
        small = F.avg_pool2d(guide.flatten(0, 1), WORK).unflatten(0, guide.shape[:2])
        seen, unit = self._see(lq, guide)
        start = lq.new_zeros(lq.shape[0], self.num_feat, *small.shape[-2:])
        maps, back = {}, None
        if not self.causal:
            maps["flow_to_next"] = self.backward_flow(small.flip(1)).flip(1)
            turned = maps["flow_to_next"].flip(1)
            back = propagate(self.backward_trunk, seen.flip(1), turned, start).flip(1)
        known = small if memory is None else torch.cat((memory.frame[:, None], small), 1)
        maps["flow_to_before"] = flow = self.forward_flow(known)
        start = start if memory is None else memory.state
        ahead = propagate(self.forward_trunk, seen, flow, start, back)
        states = ahead if back is None else torch.cat((back, ahead), 2)
        residual = self.head(states.flatten(0, 1), guide.flatten(0, 1)).unflatten(0, lq.shape[:2])
        pred = upsample(lq, self.scale, "bilinear") + unit * residual
        return {"pred": pred, "frames": small, **maps}, Memory(small[:, -1], ahead[:, -1])

    def _see(self, lq: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
        """Depth and RGB, ``(b, t, k, H/4, W/4)``; unit of the residual, ``(b, t, 1, H, W)``."""
        clip = lq.shape[:2]
        local = localize(lq.flatten(0, 1))
        depth = local.seen()
        if self.scale == 2:
            depth = F.pixel_unshuffle(depth, 2)
        else:
            depth = replicate_up(depth, self.scale // WORK)
        seen = torch.cat((depth, self.guide_encoder(guide.flatten(0, 1))), 1)
        unit = upsample(local.unit.unflatten(0, clip), self.scale, "bilinear")
        return seen.unflatten(0, clip), unit
