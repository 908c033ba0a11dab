"""DFlow's trunk: feature distillation blocks (RFDN) in three tapped stages."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import leaky_relu

SMALLEST = 15
"""Least side that spatial attention pools without anything left over: 15 -> 7 -> 1."""


class EnhancedSpatialAttention(nn.Module):
    """Weigh each position by a wide, coarse look around it (ESA of RFDN, Liu et al. 2020).

    Sides below 15 are extended by their border only for the coarse look; the authors' network
    refuses them.

    Args:
        num_feat: channels of what is weighed.
        attention_feat: channels of the look.
    """

    def __init__(self, num_feat: int, attention_feat: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(num_feat, attention_feat, 1)
        self.conv_direct = nn.Conv2d(attention_feat, attention_feat, 1)
        self.conv_shrink = nn.Conv2d(attention_feat, attention_feat, 3, stride=2)
        self.coarse = nn.Sequential(
            nn.MaxPool2d(7, stride=3),
            nn.Conv2d(attention_feat, attention_feat, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(attention_feat, attention_feat, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(attention_feat, attention_feat, 3, padding=1),
        )
        self.conv_out = nn.Conv2d(attention_feat, num_feat, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, h, w)``."""
        h, w = x.shape[-2:]
        narrow = self.conv_in(x)
        missing = (0, max(SMALLEST - w, 0), 0, max(SMALLEST - h, 0))
        wide = F.pad(narrow, missing, mode="replicate") if any(missing) else narrow
        coarse = self.coarse(self.conv_shrink(wide))
        coarse = F.interpolate(coarse, wide.shape[-2:], mode="bilinear", align_corners=False)
        weight = self.conv_out(coarse[..., :h, :w] + self.conv_direct(narrow))
        return x * weight.sigmoid()


class DistillationBlock(nn.Module):
    """Set half of the features aside three times while the rest is refined (RFDN's RFDB).

    Args:
        num_feat: channels, even.
    """

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        half = num_feat // 2
        self.set_aside = nn.ModuleList(nn.Conv2d(num_feat, half, 1) for _ in range(3))
        self.refine = nn.ModuleList(nn.Conv2d(num_feat, num_feat, 3, padding=1) for _ in range(3))
        self.conv_rest = nn.Conv2d(num_feat, half, 3, padding=1)
        self.fusion = nn.Conv2d(4 * half, num_feat, 1)
        self.attention = EnhancedSpatialAttention(num_feat, half)

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, h, w)``."""
        kept, rest = [], x
        for set_aside, refine in zip(self.set_aside, self.refine, strict=True):
            kept.append(F.leaky_relu(set_aside(rest), 0.1))
            rest = F.leaky_relu(refine(rest) + rest, 0.1)
        kept.append(F.leaky_relu(self.conv_rest(rest), 0.1))
        return x + self.attention(self.fusion(torch.cat(kept, 1)))


class DistillationTrunk(nn.Module):
    """Three stages of distillation blocks; the input of each is also handed to the end.

    Args:
        in_feat: channels in.
        num_feat: channels out, a multiple of 4.
        num_block: blocks of a stage.
    """

    def __init__(self, in_feat: int, num_feat: int, num_block: int) -> None:
        super().__init__()
        self.conv_in = nn.Sequential(nn.Conv2d(in_feat, num_feat, 3, padding=1), leaky_relu())
        self.stages = nn.ModuleList(
            nn.Sequential(*(DistillationBlock(num_feat) for _ in range(num_block)))
            for _ in range(3)
        )
        shares = [3 * num_feat // 4, num_feat // 2, num_feat // 4]
        self.taps = nn.ModuleList(nn.Conv2d(num_feat, share, 1) for share in shares)
        self.fusion = nn.Conv2d(num_feat + sum(shares), num_feat, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(b, in_feat, h, w)`` -> ``(b, num_feat, h, w)``."""
        first = feat = self.conv_in(x)
        tapped = []
        for stage, tap in zip(self.stages, self.taps, strict=True):
            tapped.append(tap(feat))
            feat = stage(feat)
        return self.fusion(torch.cat((feat, *tapped), 1)) + first
