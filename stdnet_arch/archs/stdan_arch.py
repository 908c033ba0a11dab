"""STDAN (Wang et al., CVPRW 2022, arXiv 2203.06841): space-time super-resolution, RGB or depth."""

import torch
import torch.nn.functional as F
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.shared.swin import NUM_HEADS, SwinEncoder
from stdnet_arch.archs.stdan.deformable_aggregation import DeformableAggregation
from stdnet_arch.archs.stdan.feature_interpolation import FeatureInterpolation
from stdnet_arch.archs.stdan.guidance import GuidedFusion, GuideEncoder, standardize
from stdnet_arch.archs.stdan.head import Head
from stdnet_arch.ops.resize import fill_in_time, interleave, upsample
from stdnet_arch.utils.shapes import check_clip, check_frames, check_sides

MODALITIES = ("rgb", "depth")
GROUPS = 8
"""Offset groups of every deformable operation."""


@ARCH_REGISTRY.register()
class STDAN(nn.Module):
    """Space-Time Deformable Attention Network.

    ``modality="rgb"``: the published network, frames in, frames out, without a guide.
    ``modality="depth"``: the same blocks on depth guided by RGB, with a global residual on the
    upsampled depth. The RGB of the missing frames guides what is put there.

    Args:
        scale: H / h, a power of 2; 4 in the paper.
        modality: ``rgb`` or ``depth``.
        interpolate: every second frame is missing from the input and made (space-time
            super-resolution); False: all frames are given.
        num_feat: channels of the feature maps, a multiple of 8.
        embed_feat: channels of Swin blocks and attention, a multiple of 24 (6 heads, 8 groups).
        num_group: residual Swin groups before and after the aggregation.
        num_block: Swin blocks of a group.
        drop_path: see :class:`~stdnet_arch.archs.shared.swin.SwinEncoder`.

    Raises:
        ValueError: an argument is not one of these.
    """

    halo = None  # every frame takes from every other one
    multiple_of = 8  # lq sides must be divisible by this: attention windows
    min_frames = 2  # one alone has no other to take from

    def __init__(
        self,
        scale: int = 4,
        modality: str = "rgb",
        interpolate: bool = True,
        num_feat: int = 64,
        embed_feat: int = 72,
        num_group: tuple[int, int] = (2, 6),
        num_block: int = 6,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        _check_arguments(scale, modality, num_feat, embed_feat)
        is_guided = modality == "depth"
        self.scale = scale
        self.lq_channels = 1 if is_guided else 3
        self.time_scale = 2 if interpolate else 1
        before, after = num_group
        if is_guided:
            self.guide_encoder = GuideEncoder(scale, num_feat)
        seen = self.lq_channels + (num_feat if is_guided else 0)
        self.conv_first = nn.Conv2d(seen, num_feat, 3, padding=1)
        self.extraction = SwinEncoder(num_feat, embed_feat, before, num_block, drop_path)
        if interpolate:
            self.interpolation = FeatureInterpolation(num_feat, GROUPS)
            if is_guided:
                self.guided_fusion = GuidedFusion(num_feat)
        self.aggregation = DeformableAggregation(num_feat, embed_feat, GROUPS)
        self.reconstruction = SwinEncoder(num_feat, embed_feat, after, num_block, drop_path)
        self.head = Head(scale, num_feat, self.lq_channels, is_guided)

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve a clip in space, and in time if ``interpolate``; at least two frames.

        Args:
            lq: the given frames, ``(b, n, 3, h, w)`` RGB or ``(b, n, 1, h, w)`` depth in [0, 1];
                sides are multiples of 8.
            guide: with depth only, RGB of **every** frame, ``(b, t, 3, H, W)`` in [0, 1];
                ``t = 2n - 1``, or ``n`` without interpolation.

        Returns:
            ``pred``, ``(b, t, 3 or 1, H, W)``.

        Raises:
            TypeError, ValueError: see :mod:`stdnet_arch.utils.shapes`.
        """
        self._check(lq, guide)
        hint = self.guide_encoder(guide) if guide is not None else None  # (b, t, c, h, w)
        seen, unit = (lq, None) if hint is None else standardize(lq)
        feat = self._encode(seen, hint)  # (b, n, c, h, w)
        if self.time_scale == 2:
            feat = self._fill_in(feat, hint)
        feat = self.aggregation(feat)  # (b, t, c, h, w)
        frames = self.reconstruction(feat.flatten(0, 1))
        out = self.head(frames, guide.flatten(0, 1) if guide is not None else None)
        out = out.unflatten(0, feat.shape[:2])
        # Paper and authors' code: no residual on an interpolated input. Depth has one: it is flat
        # nearly everywhere, and what is flat need not be learned.
        return {"pred": out if unit is None else self._base(lq) + unit * out}

    def _check(self, lq: Tensor, guide: Tensor | None) -> None:
        if self.lq_channels == 1:
            check_clip(lq, guide, self.scale, time_scale=self.time_scale)
        elif guide is not None:
            raise TypeError("STDAN of modality rgb takes no guide, got one; leave it out")
        check_frames(lq, "lq", self.lq_channels, min_frames=self.min_frames)
        check_sides(lq, "lq", self.multiple_of)

    def _encode(self, seen: Tensor, hint: Tensor | None) -> Tensor:
        b, n = seen.shape[:2]
        if hint is not None:
            seen = torch.cat((seen, hint[:, :: self.time_scale]), 2)
        # Paper: RGB. Guidance of depth is ours: RGB joins before the first convolution, so that the
        # Swin blocks that follow are the published ones.
        first = F.leaky_relu(self.conv_first(seen.flatten(0, 1)), 0.1)
        return self.extraction(first).unflatten(0, (b, n))

    def _fill_in(self, feat: Tensor, hint: Tensor | None) -> Tensor:
        """Features of the given frames, ``(b, n, c, h, w)`` -> of all, ``(b, 2n - 1, c, h, w)``."""
        between = self.interpolation(feat)
        if hint is not None:
            between = self.guided_fusion(between, hint[:, 1::2])
        return interleave(feat, between)

    def _base(self, lq: Tensor) -> Tensor:
        """Interpolate depth in space and time; the network's output is added to it."""
        base = upsample(lq, self.scale, "bilinear")
        return fill_in_time(base) if self.time_scale == 2 else base


def _check_arguments(scale: int, modality: str, num_feat: int, embed_feat: int) -> None:
    if scale < 2 or scale & (scale - 1):
        raise ValueError(f"scale must be a power of 2 (4 in the paper), got {scale}")
    if modality not in MODALITIES:
        raise ValueError(f"modality must be one of {', '.join(MODALITIES)}, got {modality!r}")
    if num_feat < GROUPS or num_feat % GROUPS:
        raise ValueError(f"num_feat must be a multiple of {GROUPS}, got {num_feat}")
    if embed_feat < 24 or embed_feat % GROUPS or embed_feat % NUM_HEADS:
        raise ValueError(
            f"embed_feat must be a multiple of 24 ({NUM_HEADS} heads, {GROUPS} groups), "
            f"got {embed_feat}"
        )
