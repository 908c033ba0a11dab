"""SVSRNet's idea on RGB-D video: depth is one view, RGB the other; inspired by the paper."""

import torch
import torch.nn.functional as F
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import ResidualBlock, ResidualTrunk
from stdnet_arch.archs.stdan.guidance import GuideEncoder
from stdnet_arch.archs.stdan.head import Head
from stdnet_arch.archs.svsrnet.attention import ViewTemporalAttention, WindowCrossAttention
from stdnet_arch.archs.svsrnet.fusion import CENTER, SpaceTimeFusion, windows_of
from stdnet_arch.archs.svsrnet_arch import NEIGHBORS
from stdnet_arch.archs.temporal_profile_arch import standardize_frames
from stdnet_arch.ops.resize import upsample
from stdnet_arch.utils.shapes import check_clip


@ARCH_REGISTRY.register()
class CrossModalSTNet(nn.Module):
    """Each frame of depth from three frames of depth and RGB.

    Space-time fusion is SVSRNet's; its view-temporal attention asks from depth and gathers from
    RGB, within windows, since the two are aligned: no parallax, and cost that grows with the frame,
    not with its square. RGB at full size joins before the last layer.

    Args:
        scale: H / h, a power of 2.
        num_feat: channels, a multiple of ``groups``.
        num_extract: residual blocks on depth before the fusion.
        num_recon: residual blocks after it.
        window: side of the attention's windows, low-resolution pixels.
        groups: offset groups of deformable convolutions.

    Raises:
        ValueError: ``scale`` is no power of 2, ``window`` less than 1, or ``num_feat`` no multiple
            of ``groups``.
    """

    halo = CENTER
    multiple_of = 1

    def __init__(
        self,
        scale: int = 4,
        num_feat: int = 64,
        num_extract: int = 5,
        num_recon: int = 10,
        window: int = 8,
        groups: int = 8,
    ) -> None:
        super().__init__()
        if scale < 2 or scale & (scale - 1):
            raise ValueError(f"scale must be a power of 2, got {scale}")
        if window < 1:
            raise ValueError(f"window must be at least 1 pixel, got {window}")
        self.scale = scale
        self.guide_encoder = GuideEncoder(scale, num_feat)
        self.extraction = ResidualTrunk(1, num_feat, num_extract)
        self.fusion = SpaceTimeFusion(num_feat, groups)
        self.attention = ViewTemporalAttention(
            num_feat,
            WindowCrossAttention(num_feat, window),
            [WindowCrossAttention(num_feat, window) for _ in NEIGHBORS],
            has_mask=False,
        )
        self.conv_merge = nn.Conv2d(2 * num_feat, num_feat, 1)
        blocks = (ResidualBlock(num_feat) for _ in range(num_recon))
        self.reconstruction = nn.Sequential(*blocks)
        self.head = Head(scale, num_feat, 1, is_guided=True)

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve a clip of depth.

        Args:
            lq: depth in [0, 1], ``(b, t, 1, h, w)``.
            guide: RGB in [0, 1], ``(b, t, 3, H, W)``.

        Returns:
            ``pred``, ``(b, t, 1, H, W)``.

        Raises:
            TypeError, ValueError: see :mod:`stdnet_arch.utils.shapes`.
        """
        check_clip(lq, guide, self.scale)
        assert guide is not None  # noqa: S101  check_clip has seen to it
        clip = lq.shape[:2]
        around = torch.tensor(windows_of(clip[1]), device=lq.device)
        seen, unit = standardize_frames(lq)
        depth = self.extraction(seen.flatten(0, 1)).unflatten(0, clip)
        depth = depth[:, around].flatten(0, 1)  # (b * t, 3, c, h, w)
        color = self.guide_encoder(guide)[:, around].flatten(0, 1)
        fused = self.fusion(depth)
        across = self.attention(
            depth[:, CENTER], color[:, CENTER], [color[:, i] for i in NEIGHBORS]
        )
        merged = F.leaky_relu(self.conv_merge(torch.cat((fused, across), 1)), 0.1)
        out = self.head(self.reconstruction(merged), guide.flatten(0, 1)).unflatten(0, clip)
        return {"pred": upsample(lq, self.scale, "bilinear") + unit * out}
