"""PlaneBlend's heads: from features of cells to a logit for each candidate at each pixel."""

import torch
from torch import Tensor, nn

from stdnet_arch.archs.plane_blend.candidates import CELL, cells_of, pixels_of
from stdnet_arch.archs.plane_blend.trunk import SEEN_COLOUR
from stdnet_arch.archs.shared.blocks import leaky_relu

PIXELS = CELL**2


class Detail(nn.Module):
    """Features of the RGB at full size, and the way from them to the cells.

    Args:
        num_detail: channels at full size.
        num_feat: channels of cells.
    """

    def __init__(self, num_detail: int, num_feat: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(SEEN_COLOUR // PIXELS, num_detail, 3, padding=1), leaky_relu()
        )
        self.down = nn.Conv2d(num_detail, num_feat, CELL, stride=CELL)

    def forward(self, colour: Tensor) -> Tensor:
        """From what :func:`see_colour` shows to ``(n, num_detail, H, W)``."""
        return self.body(pixels_of(colour))


class CellHead(nn.Module):
    """Logits only from the features of a cell: its 16 pixels are 16 sets of channels.

    Args:
        num_feat: channels of cells.
        choices: candidates.
    """

    def __init__(self, num_feat: int, choices: int) -> None:
        super().__init__()
        self.choices = choices
        self.act = nn.LeakyReLU(0.1)
        self.out = _start_at_zero(nn.Conv2d(num_feat, choices * PIXELS, 1))

    def forward(self, feat: Tensor, sharp: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """``(n, num_feat, H/4, W/4)`` -> ``(n, choices, 16, H/4, W/4)``; ``sharp`` is not used."""
        return self.out(self.act(feat)).unflatten(1, (self.choices, PIXELS))


class PixelHead(nn.Module):
    """Logits by convolutions at full size: what is learned for one pixel of a cell holds for all.

    Args:
        num_feat: channels of cells.
        choices: candidates.
        num_detail: channels at full size.
    """

    def __init__(self, num_feat: int, choices: int, num_detail: int) -> None:
        super().__init__()
        self.choices = choices
        self.up = nn.Sequential(nn.LeakyReLU(0.1), nn.Conv2d(num_feat, num_detail * PIXELS, 1))
        width = num_detail + num_detail // 2
        self.body = nn.Sequential(
            nn.Conv2d(2 * num_detail, width, 3, padding=1),
            leaky_relu(),
        )
        self.out = _start_at_zero(nn.Conv2d(width, choices, 3, padding=1))

    def forward(self, feat: Tensor, sharp: Tensor) -> Tensor:
        """Weigh features of cells and of pixels.

        Args:
            feat: ``(n, num_feat, H/4, W/4)``.
            sharp: result of :class:`Detail`, ``(n, num_detail, H, W)``.

        Returns:
            ``(n, choices, 16, H/4, W/4)``.
        """
        both = torch.cat((pixels_of(self.up(feat)), sharp), 1)
        return cells_of(self.out(self.body(both))).unflatten(1, (self.choices, PIXELS))


def make_head(num_feat: int, choices: int, num_detail: int) -> CellHead | PixelHead:
    """Build the head that fits: at full size where there are channels for it."""
    if num_detail:
        return PixelHead(num_feat, choices, num_detail)
    return CellHead(num_feat, choices)


def _start_at_zero(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.get_parameter("bias"))
    return conv
