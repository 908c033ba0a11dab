"""From features to frames: pixel shuffle, and at full size a look at the guide."""

import math

import torch
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import leaky_relu


class Head(nn.Module):
    """Enlarge features by 2 as often as needed, then a conv3x3 to the frame.

    Args:
        scale: H / h, a power of 2.
        num_feat: channels in.
        out_channels: 3 for RGB, 1 for depth.
        is_guided: RGB at full size, as a quarter as many channels, joins before the last layer.
    """

    def __init__(self, scale: int, num_feat: int, out_channels: int, is_guided: bool) -> None:
        super().__init__()
        # The slope here is PyTorch's default, as in the published weights.
        self.conv_before_upsample = nn.Sequential(
            nn.Conv2d(num_feat, num_feat, 3, padding=1), nn.LeakyReLU()
        )
        steps = []
        for _ in range(int(math.log2(scale))):
            steps += [nn.Conv2d(num_feat, 4 * num_feat, 3, padding=1), nn.PixelShuffle(2)]
        self.upsample = nn.Sequential(*steps)
        self.is_guided = is_guided
        if is_guided:
            self.conv_guide = nn.Sequential(nn.Conv2d(3, num_feat // 4, 3, padding=1), leaky_relu())
            self.conv_fuse = nn.Sequential(
                nn.Conv2d(num_feat + num_feat // 4, num_feat // 2, 3, padding=1), leaky_relu()
            )
        self.conv_last = nn.Conv2d(num_feat // 2 if is_guided else num_feat, out_channels, 3, 1, 1)

    def forward(self, feat: Tensor, guide: Tensor | None = None) -> Tensor:
        """``(b, c, h, w)``, and with guidance ``(b, 3, H, W)`` -> ``(b, out_channels, H, W)``."""
        feat = self.upsample(self.conv_before_upsample(feat))
        if self.is_guided:
            feat = self.conv_fuse(torch.cat((feat, self.conv_guide(guide)), 1))
        return self.conv_last(feat)
