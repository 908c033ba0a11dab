"""DFlow (Propagating Difference Flows for Efficient Video Super-Resolution, BMVC 2022): RGB."""

import math

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.dflow.distillation import DistillationTrunk
from stdnet_arch.archs.dflow.motion import ClipFlow
from stdnet_arch.archs.dflow.propagation import propagate
from stdnet_arch.archs.shared.blocks import leaky_relu
from stdnet_arch.ops.resize import upsample
from stdnet_arch.utils.shapes import check_frames


@ARCH_REGISTRY.register()
class DFlow(nn.Module):
    """Light bidirectional recurrence whose flow is estimated once and then only changed.

    Features run back through the clip and then forth, the second pass seeing those of the first,
    each aligned by its own flow. There is no pretrained flow network.

    Args:
        scale: H / h, a power of 2; 4 in the paper.
        num_feat: channels, a multiple of 4; 64 in the paper.
        num_block: distillation blocks of each of three stages; 2 in the paper.
        is_linear: the flow of each frame is a linear function of the one before, as published;
            False puts an activation into it.

    Raises:
        ValueError: ``scale`` or ``num_feat`` is not one of these.
    """

    halo = None  # recurrent in both directions
    multiple_of = 1  # lq sides must be divisible by this
    lq_channels = 3
    idle_parameters = r"\.conv_each\.bias$"  # it cancels in a difference: published, never trained

    def __init__(
        self, scale: int = 4, num_feat: int = 64, num_block: int = 2, is_linear: bool = True
    ) -> None:
        super().__init__()
        check_sizes(scale, num_feat)
        self.scale, self.num_feat = scale, num_feat
        self.backward_flow = ClipFlow(num_feat, is_linear)
        self.forward_flow = ClipFlow(num_feat, is_linear)
        self.backward_trunk = DistillationTrunk(3 + num_feat, num_feat, num_block)
        self.forward_trunk = DistillationTrunk(3 + 2 * num_feat, num_feat, num_block)
        self.fusion = nn.Sequential(nn.Conv2d(2 * num_feat, num_feat, 1), leaky_relu())
        steps: list[nn.Module] = []
        for _ in range(int(math.log2(scale))):
            conv = nn.Conv2d(num_feat, 4 * num_feat, 3, padding=1)
            steps += [conv, nn.PixelShuffle(2), leaky_relu()]
        self.upsample = nn.Sequential(*steps)
        self.head = nn.Sequential(
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, 3, 3, padding=1),
        )

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve a clip of any length.

        Args:
            lq: ``(b, t, 3, h, w)`` RGB in [0, 1].
            guide: none; the argument is there for the common call.

        Returns:
            ``pred``, ``(b, t, 3, H, W)``; and, for ``FlowWarpLoss``, ``frames`` (``lq``),
            ``(b, t, 3, h, w)``, and flows [px], (dx, dy), ``(b, t - 1, 2, h, w)``:
            ``flow_to_next`` of all frames but the last, ``flow_to_before`` of all but the first.

        Raises:
            TypeError, ValueError: see :mod:`stdnet_arch.utils.shapes`; or there is a guide.
        """
        if guide is not None:
            raise TypeError("DFlow takes no guide, got one; leave it out")
        check_frames(lq, "lq", self.lq_channels)
        to_next = self.backward_flow(lq.flip(1)).flip(1)
        to_before = self.forward_flow(lq)
        start = lq.new_zeros(lq.shape[0], self.num_feat, *lq.shape[-2:])
        back = propagate(self.backward_trunk, lq.flip(1), to_next.flip(1), start).flip(1)
        ahead = propagate(self.forward_trunk, lq, to_before, start, back)
        fused = self.fusion(torch.cat((back, ahead), 2).flatten(0, 1))
        out = self.head(self.upsample(fused)).unflatten(0, lq.shape[:2])
        return {
            "pred": out + upsample(lq, self.scale, "bilinear"),
            "frames": lq,
            "flow_to_next": to_next,
            "flow_to_before": to_before,
        }


def check_sizes(scale: int, num_feat: int) -> None:
    """Raise ValueError unless ``scale`` is a power of 2 and ``num_feat`` a multiple of 4."""
    if scale < 2 or scale & (scale - 1):
        raise ValueError(f"scale must be a power of 2 (4 in the paper), got {scale}")
    if num_feat < 4 or num_feat % 4:
        raise ValueError(f"num_feat must be a multiple of 4 (taps of the trunk), got {num_feat}")
