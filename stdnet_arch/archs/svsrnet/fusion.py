"""Space-time fusion (STFM): the frames of one view, aligned to the centre one, become one map."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import leaky_relu
from stdnet_arch.ops.deform_conv import ModulatedDeformConv

FRAMES = 3
CENTER = FRAMES // 2


def windows_of(length: int) -> list[list[int]]:
    """The frames around each frame of a clip; the first and the last one are repeated.

    >>> windows_of(3)
    [[0, 0, 1], [0, 1, 2], [1, 2, 2]]
    """
    shifts = range(-CENTER, FRAMES - CENTER)
    return [[min(max(i + d, 0), length - 1) for d in shifts] for i in range(length)]


class PlainResidualBlock(nn.Module):
    """``x + conv(leaky_relu(conv(x)))`` without biases, slope 0.1."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(num_feat, num_feat, 3, padding=1, bias=False),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, h, w)``."""
        return x + self.body(x)


class SpaceTimeFusion(nn.Module):
    """Align each frame to the centre one, weigh them by how alike they are, fuse.

    After EDVR's fusion (Wang et al., CVPRW 2019), with two changes of SVSRNet: the frames that are
    weighed are the original ones, and the aligned ones join before the spatial attention.

    Args:
        num_feat: channels.
        groups: offset groups of the deformable convolution.
    """

    def __init__(self, num_feat: int, groups: int) -> None:
        super().__init__()
        self.offset_conv1 = nn.Conv2d(2 * num_feat, num_feat, 3, padding=1)
        self.offset_conv2 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.deform = ModulatedDeformConv(num_feat, num_feat, groups=groups)
        self.conv_aligned = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv_center = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.center_block = PlainResidualBlock(num_feat)
        self.conv_weighed = nn.Conv2d((FRAMES + 1) * num_feat, num_feat, 1)
        self.conv_fuse = nn.Conv2d((FRAMES + 1) * num_feat, num_feat, 1)
        self.attention = SpatialAttention((FRAMES + 1) * num_feat, num_feat)

    def forward(self, frames: Tensor) -> Tensor:
        """``(b, 3, c, h, w)``, the centre in the middle -> ``(b, c, h, w)``."""
        center = frames[:, CENTER]
        aligned = self._align(frames, center)  # (b, 3, c, h, w)
        likeness = self._each(self.conv_aligned, aligned) * self.conv_center(center).unsqueeze(1)
        weighed = likeness.sum(2, keepdim=True).sigmoid() * frames
        weighed = torch.cat((weighed.flatten(1, 2), self.center_block(center)), 1)
        weighed = _activate(self.conv_weighed(weighed))
        everything = torch.cat((weighed, aligned.flatten(1, 2)), 1)
        fused = _activate(self.conv_fuse(everything))
        share, shift = self.attention(everything)
        return 2 * fused * share + shift

    def _align(self, frames: Tensor, center: Tensor) -> Tensor:
        pairs = torch.cat((frames, center.unsqueeze(1).expand_as(frames)), 2).flatten(0, 1)
        offset_feat = _activate(self.offset_conv2(_activate(self.offset_conv1(pairs))))
        aligned = _activate(self.deform(frames.flatten(0, 1), offset_feat))
        return aligned.unflatten(0, frames.shape[:2])

    @staticmethod
    def _each(conv: nn.Module, frames: Tensor) -> Tensor:
        return conv(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])


class SpatialAttention(nn.Module):
    """Weights of pixels, seen at full, half and quarter size (EDVR's).

    Sizes need not be even: maps are enlarged to those they came from.

    Args:
        in_feat: channels that are looked at.
        num_feat: channels of the attention.
    """

    def __init__(self, in_feat: int, num_feat: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_feat, num_feat, 1)
        self.conv2 = nn.Conv2d(2 * num_feat, num_feat, 1)
        self.conv3 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv4 = nn.Conv2d(num_feat, num_feat, 1)
        self.conv5 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.half_conv1 = nn.Conv2d(num_feat, num_feat, 1)
        self.half_conv2 = nn.Conv2d(2 * num_feat, num_feat, 3, padding=1)
        self.half_conv3 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.shift_conv1 = nn.Conv2d(num_feat, num_feat, 1)
        self.shift_conv2 = nn.Conv2d(num_feat, num_feat, 1)

    def forward(self, feat: Tensor) -> tuple[Tensor, Tensor]:
        """``(b, in_feat, h, w)`` -> factors in (0, 1) and summands, ``(b, num_feat, h, w)``."""
        half = _activate(self.conv2(_pool(_activate(self.conv1(feat)))))
        quarter = _activate(self.half_conv2(_pool(_activate(self.half_conv1(half)))))
        quarter = _activate(self.half_conv3(quarter))
        half = _activate(self.conv3(half)) + _resize(quarter, half)
        whole = self.conv5(_resize(_activate(self.conv4(half)), feat))
        return whole.sigmoid(), self.shift_conv2(_activate(self.shift_conv1(whole)))


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.1)


def _pool(x: Tensor) -> Tensor:
    """Largest and mean of 3 x 3 pixels at every second one, ``(b, 2 * c, h / 2, w / 2)``."""
    return torch.cat((F.max_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 3, 2, 1)), 1)


def _resize(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
