"""One of DVSR's two stages: encode the guide, propagate along its flow, reconstruct."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.dvsr.propagation import Propagation
from stdnet_arch.archs.shared.blocks import ResidualTrunk
from stdnet_arch.archs.shared.flow import SpyNetFlow, neighbor_flows
from stdnet_arch.archs.stdnet.stage import PASSES, encoder, prediction_head


class DVSRStageOutput(NamedTuple):
    """Result of a stage."""

    depth: Tensor  # (b, t, 1, H, W)
    confidence: Tensor  # logit, (b, t, 1, H, W)
    feat: Tensor  # fused features, (b, t, c, H/4, W/4)


class DVSRStage(nn.Module):
    """Depth and a guide in, better depth and its confidence out.

    Args:
        guide_channels: 3 for RGB, 2 for the depth and confidence of an earlier stage.
        num_feat: channels of every feature map, a multiple of 8.
        head_feat: channels of the prediction head at H x W.
        num_block: residual blocks of each pass.
        earlier_feat: channels of the earlier stage's fused features, 0 for the first stage.
    """

    def __init__(
        self,
        guide_channels: int,
        num_feat: int,
        head_feat: int,
        num_block: int,
        earlier_feat: int = 0,
    ) -> None:
        super().__init__()
        self.guide_encoder = encoder(guide_channels, num_feat, stride=2)
        self.trunk = ResidualTrunk(1 + num_feat + earlier_feat, num_feat, num_block=5)
        self.flow = SpyNetFlow()
        self.passes = nn.ModuleDict(
            {
                name: Propagation(num_feat, name.split("_")[0], i, num_block)
                for i, name in enumerate(PASSES)
            }
        )
        self.reconstruction = ResidualTrunk((1 + len(PASSES)) * num_feat, num_feat, num_block=5)
        self.prediction_head = prediction_head(num_feat, head_feat)

    def forward(
        self, base: Tensor, guide: Tensor, rgb: Tensor, earlier_feat: Tensor | None = None
    ) -> DVSRStageOutput:
        """Run the stage on a clip.

        Args:
            base: depth at a quarter of the output's size, ``(b, t, 1, H/4, W/4)``.
            guide: ``(b, t, guide_channels, H, W)``.
            rgb: frames in which motion is seen, ``(b, t, 3, H, W)``.
            earlier_feat: the earlier stage's ``feat``, ``(b, t, c, H/4, W/4)``, or None.

        Returns:
            See :class:`DVSRStageOutput`.
        """
        clip = base.shape[:2]
        known = [base.flatten(0, 1), self.guide_encoder(guide.flatten(0, 1))]
        known += [] if earlier_feat is None else [earlier_feat.flatten(0, 1)]
        feat = self.trunk(torch.cat(known, 1)).unflatten(0, clip)  # (b, t, c, H/4, W/4)
        to_next, to_before = (quarter_flow(x) for x in neighbor_flows(self.flow, rgb))
        lists = [feat]
        for run_pass in self.passes.values():
            flow = to_next if run_pass.direction == "backward" else to_before
            lists.append(run_pass(feat, lists[1:], flow))
        fused = self.reconstruction(torch.cat(lists, 2).flatten(0, 1))
        residual, confidence = self.prediction_head(fused).split(1, dim=1)
        up = F.interpolate(base.flatten(0, 1), scale_factor=4, mode="bilinear", align_corners=False)
        return DVSRStageOutput(*(x.unflatten(0, clip) for x in (residual + up, confidence, fused)))


def quarter_flow(flow: Tensor) -> Tensor:
    """Flow ``(b, t, 2, H, W)`` at a quarter of the size and of the length."""
    b, t = flow.shape[:2]
    if t == 0:
        H, W = flow.shape[-2:]
        return flow.new_zeros(b, 0, 2, H // 4, W // 4)
    small = F.interpolate(flow.flatten(0, 1), scale_factor=0.25, mode="bicubic")
    return small.unflatten(0, (b, t)) / 4
