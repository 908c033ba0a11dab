"""Parts of DFlowDepth beside DFlow's blocks: encoders of depth and RGB, and the head."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import leaky_relu

WORK = 4
"""The recurrence runs at 1 / 4 of the output's size, whatever the scale."""
WINDOW = 5
"""Side of a neighbourhood, in pixels of ``lq``."""
FLATTEST = 0.005
"""Added to a spread, in units of the depth range, so that noise of a wall stays small."""


class LocalDepth(NamedTuple):
    """Depth of frames relative to what surrounds each pixel."""

    relative: Tensor
    """Distance from the mean of the neighbourhood, in ``unit``: in [-1, 1], ``(n, 1, h, w)``."""
    unit: Tensor
    """Largest minus smallest depth of the neighbourhood, plus a little, ``(n, 1, h, w)``."""

    def seen(self) -> Tensor:
        """Both as a network takes them, about [-1, 1]: ``(n, 2, h, w)``."""
        return torch.cat((self.relative, 1 + self.unit.log() / 4), 1)


def localize(lq: Tensor) -> LocalDepth:
    """Depth relative to its neighbourhood: only of its own frame, and of a crop as of the frame.

    So it is the same in a stream as in a clip, in training as in use, and near as far. A residual
    in ``unit`` is large where surfaces meet and small on them, as errors of interpolated depth are:
    a network leaves interpolation within tens of steps.

    Args:
        lq: ``(n, 1, h, w)``, normalised by the depth range.
    """
    around = (WINDOW, 1, WINDOW // 2)
    mean = F.avg_pool2d(lq, *around, count_include_pad=False)
    unit = F.max_pool2d(lq, *around) + F.max_pool2d(-lq, *around) + FLATTEST
    return LocalDepth((lq - mean) / unit, unit)


class QuarterGuideEncoder(nn.Module):
    """RGB at a quarter of its size, no pixel lost: pixel unshuffle, then two conv3x3.

    Args:
        num_feat: channels out.
    """

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.PixelUnshuffle(WORK),
            nn.Conv2d(3 * WORK * WORK, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            leaky_relu(),
        )

    def forward(self, guide: Tensor) -> Tensor:
        """``(n, 3, H, W)`` -> ``(n, num_feat, H/4, W/4)``."""
        return self.body(guide)


class DepthHead(nn.Module):
    """From states to depth, with one more look at the RGB, at half of the output's size.

    Starts at zero: an untrained network interpolates.

    Args:
        in_feat: channels in.
        num_feat: channels at half of the output's size.
    """

    def __init__(self, in_feat: int, num_feat: int) -> None:
        super().__init__()
        self.enlarge = nn.Sequential(
            nn.Conv2d(in_feat, 4 * num_feat, 3, padding=1), nn.PixelShuffle(2), leaky_relu()
        )
        self.fuse = nn.Sequential(nn.Conv2d(num_feat + 12, num_feat, 3, padding=1), leaky_relu())
        self.conv_last = nn.Conv2d(num_feat, 4, 3, padding=1)
        for parameter in self.conv_last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, state: Tensor, guide: Tensor) -> Tensor:
        """``(n, in_feat, H/4, W/4)`` and ``(n, 3, H, W)`` -> ``(n, 1, H, W)``."""
        feat = self.fuse(torch.cat((self.enlarge(state), F.pixel_unshuffle(guide, 2)), 1))
        return F.pixel_shuffle(self.conv_last(feat), 2)
