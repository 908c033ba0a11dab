"""Guidance of STDAN by RGB when the frames are depth (not in the paper)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import leaky_relu

FLATTEST = 1e-3
"""Least spread of depth that is brought to 1, in units of the depth range."""


class GuideEncoder(nn.Module):
    """RGB at the size of the depth features, no pixel lost: pixel unshuffle, then two conv3x3.

    Args:
        scale: H / h.
        num_feat: channels out.
    """

    def __init__(self, scale: int, num_feat: int) -> None:
        super().__init__()
        self.scale = scale
        self.body = nn.Sequential(
            nn.Conv2d(3 * scale * scale, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            leaky_relu(),
        )

    def forward(self, guide: Tensor) -> Tensor:
        """``(b, t, 3, H, W)`` -> ``(b, t, c, h, w)``."""
        b, t = guide.shape[:2]
        return self.body(F.pixel_unshuffle(guide.flatten(0, 1), self.scale)).unflatten(0, (b, t))


class GuidedFusion(nn.Module):
    """Correct features by what the RGB of the same frame shows: ``x + conv(lrelu(conv([x, g])))``.

    Args:
        num_feat: channels of either.
    """

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2 * num_feat, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
        )

    def forward(self, feat: Tensor, hint: Tensor) -> Tensor:
        """Two ``(b, t, c, h, w)`` -> ``(b, t, c, h, w)``."""
        both = torch.cat((feat, hint), 2).flatten(0, 1)
        return feat + self.body(both).unflatten(0, feat.shape[:2])


def standardize(lq: Tensor) -> tuple[Tensor, Tensor]:
    """Depth of a clip around 0 with a spread of 1, so that near and far scenes look alike.

    Args:
        lq: ``(b, t, 1, h, w)``; 0 is "no depth" and does not count.

    Returns:
        The clip, ``(b, t, 1, h, w)``, and its spread, ``(b, 1, 1, 1, 1)``, in units of ``lq``.
    """
    around = (1, 2, 3, 4)
    known = (lq > 0).to(lq.dtype)
    count = known.sum(around, keepdim=True).clamp_min(1)
    mean = (lq * known).sum(around, keepdim=True) / count
    spread = (((lq - mean) * known).square().sum(around, keepdim=True) / count).sqrt()
    spread = spread.clamp_min(FLATTEST)
    return (lq - mean) / spread, spread
