"""One of STDNet's two stages: encode, fuse in space, propagate in time, reconstruct."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from stdnet_arch.archs.shared.blocks import Activated, PixelShufflePack, ResidualTrunk, leaky_relu
from stdnet_arch.archs.stdnet.spatial_difference import SpatialDifference
from stdnet_arch.archs.stdnet.temporal_difference import PropagationPass
from stdnet_arch.ops.difference import temporal_difference
from stdnet_arch.ops.frame_parts import run_in_parts
from stdnet_arch.ops.precision import at_least_float32


def pass_names(num_round: int = 2, causal: bool = False) -> tuple[str, ...]:
    """The passes of a stage in order: a backward and a forward one per round, or only forward."""
    directions = ("forward",) if causal else ("backward", "forward")
    return tuple(f"{direction}_{i + 1}" for i in range(num_round) for direction in directions)


PASSES = pass_names()
"""Those of the paper."""
STAGES = 2
"""Stages of the network."""


class StageOutput(NamedTuple):
    """Result of a stage; maps at ``H/4 x W/4`` unless said."""

    depth: Tensor  # (b, t, 1, H, W)
    confidence: Tensor  # logit, (b, t, 1, H, W)
    feat: Tensor  # fused features, (b, t, c, H/4, W/4)
    sigma: Tensor  # spatial difference, (b, t, c, H/4, W/4)
    phi: list[Tensor]  # temporal differences at distance 1 and 2, (b, t - distance, c, H/4, W/4)


class Encoded(NamedTuple):
    """Features of frames before the passes, each ``(n, c, H/4, W/4)``."""

    feat: Tensor  # F0, of the trunk
    guide_feat: Tensor  # F_r
    attention: Tensor  # w
    sigma: Tensor  # spatial difference


def encoder(in_feat: int, num_feat: int, stride: int) -> nn.Sequential:
    """Two convolutions of the given stride, each followed by a residual trunk."""
    return Activated(
        nn.Conv2d(in_feat, num_feat, 3, padding=1),
        leaky_relu(),
        nn.Conv2d(num_feat, num_feat, 3, stride=stride, padding=1),
        leaky_relu(),
        ResidualTrunk(num_feat, num_feat, num_block=1),
        nn.Conv2d(num_feat, num_feat, 3, stride=stride, padding=1),
        leaky_relu(),
        ResidualTrunk(num_feat, num_feat, num_block=2),
    )


def prediction_head(num_feat: int, head_feat: int) -> nn.Sequential:
    """Features at a quarter of the size to depth residual and confidence logit at full size."""
    return Activated(
        PixelShufflePack(num_feat, num_feat),
        leaky_relu(),
        PixelShufflePack(num_feat, head_feat),
        leaky_relu(),
        nn.Conv2d(head_feat, head_feat, 3, padding=1),
        leaky_relu(),
        nn.Conv2d(head_feat, 2, 3, padding=1),
    )


class Stage(nn.Module):
    """Depth and a guide in, better depth and its confidence out.

    Args:
        guide_channels: 3 for RGB, 2 for the depth and confidence of an earlier stage.
        num_feat: channels of every feature map.
        head_feat: channels of the prediction head at H x W.
        earlier_feat: channels of the earlier stage's fused features, 0 for the first stage.
        num_block: residual blocks of the trunk and of the reconstruction; attention blocks where a
            neighbour is fused.
        passes: see :func:`pass_names`.
    """

    use_checkpoint = False
    """In training, keep only what goes from part to part; backward computes each part again."""

    def __init__(
        self,
        guide_channels: int,
        num_feat: int,
        head_feat: int,
        earlier_feat: int = 0,
        num_block: tuple[int, int] = (5, 2),
        passes: tuple[str, ...] = PASSES,
    ) -> None:
        super().__init__()
        self.num_feat, self.head_feat = num_feat, head_feat
        self.guide_encoder = encoder(guide_channels, num_feat, stride=2)
        self.depth_encoder = encoder(1, num_feat, stride=1)
        self.spatial_difference = SpatialDifference(num_feat)
        trunk_block, fusion_block = num_block
        self.trunk = ResidualTrunk(num_feat + earlier_feat, num_feat, trunk_block)
        self.passes = nn.ModuleDict(
            {name: PropagationPass(num_feat, name.split("_")[0], fusion_block) for name in passes}
        )
        self.reconstruction = ResidualTrunk((1 + len(passes)) * num_feat, num_feat, trunk_block)
        self.prediction_head = prediction_head(num_feat, head_feat)

    def forward(
        self, base: Tensor, guide: Tensor, earlier_feat: Tensor | None = None
    ) -> StageOutput:
        """Run the stage on a clip.

        Args:
            base: depth at a quarter of the output's size, ``(b, t, 1, H/4, W/4)``.
            guide: ``(b, t, guide_channels, H, W)``.
            earlier_feat: the earlier stage's ``feat``, ``(b, t, c, H/4, W/4)``, or None.

        Returns:
            See :class:`StageOutput`.
        """
        clip = base.shape[:2]
        earlier = None if earlier_feat is None else earlier_feat.flatten(0, 1)
        encoded = self._run(self.encode_all, base.flatten(0, 1), guide.flatten(0, 1), earlier)
        feat, guide_feat, attention, sigma = (x.unflatten(0, clip) for x in encoded)

        # Taken once, from the trunk's features, and the same for all passes.
        phi = [temporal_difference(feat, step) for step in (1, 2)]
        propagated = [feat]  # the trunk's features, then those of each pass
        for run_pass in self.passes.values():
            propagated.append(self._run(run_pass, propagated[-1], guide_feat, attention, phi))

        decoded = self._run(self._decode, propagated, base)
        depth, confidence, fused = (x.unflatten(0, clip) for x in decoded)
        return StageOutput(depth, confidence, fused, sigma, phi)

    def _run(self, part: Callable[..., Any], *inputs: Any) -> Any:  # noqa: ANN401  any part
        """Run a part; with ``use_checkpoint``, keep only its inputs for backward."""
        if self.use_checkpoint and torch.is_grad_enabled():
            # No part draws random numbers.
            return checkpoint(part, *inputs, use_reentrant=False, preserve_rng_state=False)
        return part(*inputs)

    def _decode(self, propagated: list[Tensor], base: Tensor) -> tuple[Tensor, ...]:
        """:meth:`reconstruct_all` of a clip; its input is joined here, so that nobody keeps it."""
        joint = torch.cat([feat.flatten(0, 1) for feat in propagated], dim=1)
        return self.reconstruct_all(joint, base.flatten(0, 1))

    def encode_all(self, base: Tensor, guide: Tensor, earlier_feat: Tensor | None) -> Encoded:
        """:meth:`encode`, as many frames at a time as is fastest."""
        widest = guide[0, 0].numel() * self.num_feat
        return Encoded(*run_in_parts(self.encode, (base, guide, earlier_feat), widest))

    def reconstruct_all(self, joint: Tensor, base: Tensor) -> tuple[Tensor, ...]:
        """:meth:`reconstruct`, as many frames at a time as is fastest."""
        widest = 16 * base[0].numel() * self.head_feat
        return run_in_parts(self.reconstruct, (joint, base), widest)

    def encode(self, base: Tensor, guide: Tensor, earlier_feat: Tensor | None) -> Encoded:
        """Encode each frame by itself, before the passes.

        Args:
            base: frames of depth, ``(n, 1, H/4, W/4)``.
            guide: ``(n, guide_channels, H, W)``.
            earlier_feat: the earlier stage's fused features, ``(n, c, H/4, W/4)``, or None.
        """
        # Depth is encoded at a quarter of the size, without strides: there its edges are sharp.
        guide_feat = self.guide_encoder(guide)
        feat, attention, sigma = self.spatial_difference(self.depth_encoder(base), guide_feat)
        if earlier_feat is not None:
            feat = torch.cat((feat, earlier_feat), dim=1)
        return Encoded(self.trunk(feat), guide_feat, attention, sigma)

    def reconstruct(self, joint: Tensor, base: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruct each frame by itself, after the passes.

        Args:
            joint: features of the trunk and of every pass, ``(n, (1 + passes) * c, H/4, W/4)``.
            base: frames of depth, ``(n, 1, H/4, W/4)``.

        Returns:
            Depth and confidence logit, ``(n, 1, H, W)``; fused features, ``(n, c, H/4, W/4)``.
        """
        # A residual on bilinear depth, without clamp or sigmoid: the range is the data's business,
        # and a clamp would stop the gradient where depth is near its ends.
        fused = self.reconstruction(joint)
        residual, confidence = self.prediction_head(fused).split(1, dim=1)
        bilinear = F.interpolate(base, scale_factor=4, mode="bilinear", align_corners=False)
        return residual + bilinear, confidence, fused


def blend(depth: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
    """Weigh the stages' depths by the softmax of their confidences (paper, Eq. 10).

    Args:
        depth: ``(stages, ..., H, W)``.
        confidence: logits, shape of ``depth``.

    Returns:
        Depth, ``(..., H, W)``, and the weights, shape of ``depth``; also under autocast in float32:
        metres must not be rounded to a half-precision mantissa.
    """
    weight = at_least_float32(confidence).softmax(dim=0)
    return (at_least_float32(depth) * weight).sum(dim=0), weight
