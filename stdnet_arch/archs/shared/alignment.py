"""Pyramid, cascading and deformable alignment (EDVR, Wang et al. 2019), in the form that Zooming
Slow-Mo (Xiang et al., CVPR 2020) and STDAN (Wang et al., arXiv 2203.06841) share."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import leaky_relu
from stdnet_arch.ops.deform_conv import ModulatedDeformConv

LEVELS = 3
COARSEST = 2 ** (LEVELS - 1)
"""Sides of a feature map must be multiples of this."""


class FeaturePyramid(nn.Module):
    """A feature map at full, half and quarter size: two conv3x3 per level, the first of stride 2.

    Args:
        num_feat: channels of every level.
    """

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(num_feat, num_feat, 3, stride=2, padding=1),
                leaky_relu(),
                nn.Conv2d(num_feat, num_feat, 3, padding=1),
                leaky_relu(),
            )
            for _ in range(LEVELS - 1)
        )

    def forward(self, feat: Tensor) -> list[Tensor]:
        """``(b, c, h, w)`` -> that, ``(b, c, h/2, w/2)`` and ``(b, c, h/4, w/4)``."""
        pyramid = [feat]
        for level in self.levels:
            pyramid.append(level(pyramid[-1]))
        return pyramid


class AlignmentLevel(nn.Module):
    """One level of the cascade: offsets from both maps, refined from the level above.

    Args:
        num_feat: channels.
        groups: offset groups of the deformable convolution.
        is_top: the coarsest level has nothing above it.
    """

    def __init__(self, num_feat: int, groups: int, is_top: bool) -> None:
        super().__init__()
        self.offset_conv1 = nn.Conv2d(2 * num_feat, num_feat, 3, padding=1)
        self.offset_conv2 = nn.Conv2d(num_feat * (1 if is_top else 2), num_feat, 3, padding=1)
        self.deform = ModulatedDeformConv(num_feat, num_feat, groups=groups)
        self.is_top = is_top
        if not is_top:
            self.offset_conv3 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
            self.feat_conv = nn.Conv2d(2 * num_feat, num_feat, 3, padding=1)

    def forward(
        self, moving: Tensor, other: Tensor, above: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        """Align ``moving``, ``(b, c, h, w)``, towards ``other``.

        ``above`` and the result are offset features and aligned features, ``(b, c, h/2, w/2)`` of
        the coarser level (None at the top) and ``(b, c, h, w)``. Aligned features are without
        activation except at the top.
        """
        offset_feat = self.offset_conv1(torch.cat((moving, other), 1))
        if above is None:
            offset_feat = _activate(self.offset_conv2(_activate(offset_feat)))
            return offset_feat, _activate(self.deform(moving, offset_feat))
        coarse_offset, coarse_feat = (_double(x) for x in above)
        # Offsets are pixels: at twice the size they are twice as long.
        offset_feat = torch.cat((_activate(offset_feat), 2 * coarse_offset), 1)
        offset_feat = _activate(self.offset_conv3(_activate(self.offset_conv2(offset_feat))))
        aligned = self.deform(moving, offset_feat)
        return offset_feat, self.feat_conv(torch.cat((aligned, coarse_feat), 1))


class PyramidAlignment(nn.Module):
    """Align one pyramid towards another, coarse to fine.

    Args:
        num_feat: channels of every level.
        groups: offset groups.
    """

    def __init__(self, num_feat: int, groups: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            AlignmentLevel(num_feat, groups, is_top=level == LEVELS - 1) for level in range(LEVELS)
        )

    def forward(self, moving: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
        """Pyramids, finest first -> ``moving`` aligned, ``(b, c, h, w)``."""
        above = None
        for level in reversed(range(LEVELS)):
            offset_feat, aligned = self.levels[level](moving[level], other[level], above)
            # Not behind the finest level: its result is fused, not aligned further.
            if 0 < level < LEVELS - 1:
                aligned = _activate(aligned)
            above = offset_feat, aligned
        return aligned


class PairFusion(nn.Module):
    """Align two maps towards each other, each with weights of its own, and fuse them.

    Args:
        num_feat: channels.
        groups: offset groups.
    """

    def __init__(self, num_feat: int, groups: int) -> None:
        super().__init__()
        self.first = PyramidAlignment(num_feat, groups)
        self.second = PyramidAlignment(num_feat, groups)
        self.fusion = nn.Conv2d(2 * num_feat, num_feat, 1)

    def forward(self, one: Sequence[Tensor], two: Sequence[Tensor]) -> Tensor:
        """Two pyramids, finest first -> their fusion, ``(b, c, h, w)``."""
        return self.fusion(torch.cat((self.first(one, two), self.second(two, one)), 1))


class StateAlignment(nn.Module):
    """Align a recurrent state and an input with each other and fuse them (``Easy_PCD``).

    Args:
        num_feat: channels.
        groups: offset groups.
    """

    def __init__(self, num_feat: int, groups: int) -> None:
        super().__init__()
        self.pyramid = FeaturePyramid(num_feat)
        self.pair = PairFusion(num_feat, groups)

    def forward(self, feat: Tensor, state: Tensor) -> Tensor:
        """Two ``(b, c, h, w)`` -> the aligned state, ``(b, c, h, w)``."""
        pyramid = self.pyramid(torch.cat((feat, state)))  # (2*b, c, h, w)
        one, two = zip(*(level.chunk(2) for level in pyramid), strict=True)
        return self.pair(one, two)


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.1)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
