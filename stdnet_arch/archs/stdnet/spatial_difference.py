"""Spatial difference branch: at edges of depth, RGB is filtered by kernels of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import ResidualGroup
from stdnet_arch.archs.stdnet.folded import Foldable, fuse_folded
from stdnet_arch.ops.difference import spatial_difference
from stdnet_arch.ops.pixel_kernels import apply_pixel_kernels


class KernelGenerator(nn.Module):
    """One 3x3 kernel per pixel and channel, from the spatial difference; not normalised."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.residual_group = ResidualGroup(num_feat, num_block=1)
        self.conv = nn.Conv2d(num_feat, 9 * num_feat, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, 9, h, w)``."""
        # The taps of a kernel need not sum to 1, so what they filter has any size: ``beta`` of
        # SpatialDifference, learned from 0.1 on, decides how much it counts.
        kernels = self.conv(F.leaky_relu(self.residual_group(x), 0.1))
        return kernels.unflatten(1, (-1, 9))


class SpatialDifference(Foldable):
    """Fuse depth and RGB features under the lead of the spatial difference (paper, Sec. 3.2)."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.conv_difference = nn.Sequential(
            nn.LeakyReLU(0.1), nn.Conv2d(num_feat, num_feat, 3, padding=1)
        )
        self.kernel_generator = KernelGenerator(num_feat)
        self.conv_attention = nn.Conv2d(2, num_feat, 3, padding=1)
        self.beta = nn.Parameter(torch.tensor([0.1]))
        self.residual_group = ResidualGroup(2 * num_feat, num_block=1)
        self.conv_fuse = nn.Conv2d(2 * num_feat, num_feat, 1)

    def forward(self, depth_feat: Tensor, guide_feat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fuse one frame or a batch of frames.

        Args:
            depth_feat: F_d, ``(b, c, h, w)``.
            guide_feat: F_r, ``(b, c, h, w)``.

        Returns:
            Fused features, attention w and spatial difference sigma, each ``(b, c, h, w)``.
        """
        sigma = spatial_difference(depth_feat)
        kernels = self.kernel_generator(self.conv_difference(sigma))
        filtered = apply_pixel_kernels(guide_feat, kernels)
        # Attention looks at the mean and the largest sigma of a pixel, and so costs two channels.
        summary = torch.cat((sigma.mean(1, keepdim=True), sigma.amax(1, keepdim=True)), dim=1)
        attention = torch.sigmoid(self.conv_attention(summary))
        guided = attention * guide_feat + self.beta * filtered
        both = torch.cat((depth_feat, guided), dim=1)
        if self.is_folded():
            return fuse_folded(self.residual_group, self.conv_fuse, both), attention, sigma
        return self.conv_fuse(self.residual_group(both)), attention, sigma
