"""PlaneBlend's trunk: a small U-Net on cells of 4x4 pixels, and what it is shown."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.plane_blend.candidates import CELL, cells_of, look_around
from stdnet_arch.archs.shared.blocks import leaky_relu
from stdnet_arch.ops.local_planes import LocalPlanes

NEAREST = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
FARTHER = [(2 * dy, 2 * dx) for dy, dx in NEAREST]
SEEN_DEPTH = 2 * 8 + 5
"""Channels of :func:`see_depth`."""
SEEN_COLOUR = 4 * CELL**2
"""Channels of :func:`see_colour`."""
TINY = 1e-6


def see_colour(guide: Tensor) -> Tensor:
    """RGB of each cell, and its brightness relative to the cells around it.

    Args:
        guide: ``(n, 3, H, W)`` in [0, 1].

    Returns:
        ``(n, 64, H/4, W/4)``: 48 channels of RGB around 0, 16 of brightness around the mean of 5x5
        cells. Brightness is in units of their spread, so that dark and pale regions look alike.
    """
    colour = cells_of(guide)
    bright = colour.unflatten(1, (3, CELL**2)).mean(1)
    mean = bright.mean(1, keepdim=True)
    square = bright.square().mean(1, keepdim=True)
    mean, square = (F.avg_pool2d(x, 5, 1, 2, count_include_pad=False) for x in (mean, square))
    spread = (square - mean.square()).clamp_min(0).sqrt() + 0.02
    return torch.cat((colour - 0.45, 0.5 * (bright - mean) / spread), 1)


def see_depth(lq: Tensor, measured: Tensor, planes: LocalPlanes, step: Tensor) -> Tensor:
    """Depth around each LR pixel as ratios: the same for a desk and a hall.

    Args:
        lq: holes filled, ``(n, 1, h, w)``.
        measured: bool, same shape.
        planes: planes of the LR pixels.
        step: quantisation step of ``lq`` in its unit, ``(n, 1, 1, 1)``.

    Returns:
        ``(n, 21, h, w)``: log ratios to 16 neighbours, slopes and step in units of the depth,
        measured or not, and the share that is measured around.
    """
    own = lq.clamp_min(TINY)
    ratios = torch.log(look_around(lq, NEAREST + FARTHER).clamp_min(TINY) / own)
    slopes = torch.cat((planes.slope_x, planes.slope_y), 1) / own
    known = measured.to(lq.dtype)
    share = F.avg_pool2d(known, 5, 1, 2, count_include_pad=False)
    parts = ((4 * ratios).clamp(-4, 4), (10 * slopes).clamp(-2, 2), 4 * step / own, known, share)
    return torch.cat([part.expand(-1, -1, *lq.shape[-2:]).clamp(-4, 4) for part in parts], 1)


class Residual(nn.Module):
    """``x + conv(act(conv(act(x))))``; the last convolution starts at zero."""

    def __init__(self, num_feat: int, dilation: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.LeakyReLU(0.1),
            nn.Conv2d(num_feat, num_feat, 3, padding=dilation, dilation=dilation),
            leaky_relu(),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
        )
        nn.init.zeros_(self.body[3].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.body[3].bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` -> ``(n, c, h, w)``."""
        return x + self.body(x)


class UNet(nn.Module):
    """Three sizes; most parameters where pixels are few.

    Args:
        num_feat: channels of the three sizes.
        num_block: residual blocks of the three sizes (half of them on each way for the first two).
    """

    def __init__(self, num_feat: tuple[int, int, int], num_block: tuple[int, int, int]) -> None:
        super().__init__()
        fine, middle, coarse = num_feat
        first, second, third = num_block
        self.fine_in = _blocks(fine, (first + 1) // 2)
        self.to_middle = nn.Conv2d(fine, middle, 2, stride=2)
        self.middle_in = _blocks(middle, (second + 1) // 2)
        self.to_coarse = nn.Conv2d(middle, coarse, 2, stride=2)
        self.coarse = nn.Sequential(*(Residual(coarse, 1 + i % 2) for i in range(third)))
        self.from_coarse = nn.Conv2d(coarse, middle, 1)
        self.middle_out = _blocks(middle, second // 2)
        self.from_middle = nn.Conv2d(middle, fine, 1)
        self.fine_out = _blocks(fine, first // 2)

    def forward(self, x: Tensor) -> Tensor:
        """``(n, c, h, w)`` -> ``(n, c, h, w)``, any size."""
        h, w = x.shape[-2:]
        fine = self.fine_in(F.pad(x, (0, -w % 4, 0, -h % 4), mode="replicate"))
        middle = self.middle_in(self.to_middle(fine))
        coarse = self.coarse(self.to_coarse(middle))
        middle = self.middle_out(middle + _twice(self.from_coarse(coarse)))
        return self.fine_out(fine + _twice(self.from_middle(middle)))[..., :h, :w]


def _blocks(num_feat: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(num_feat) for _ in range(count)))


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
