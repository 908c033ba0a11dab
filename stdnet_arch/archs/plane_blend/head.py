"""PlaneBlend's heads: from features of cells to a logit for each candidate at each pixel."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from stdnet_arch.archs.plane_blend.candidates import CELL, cells_of, pixels_of
from stdnet_arch.archs.plane_blend.parts import rows_at_once
from stdnet_arch.archs.plane_blend.trunk import SEEN_COLOUR
from stdnet_arch.archs.shared.blocks import leaky_relu
from stdnet_arch.ops.precision import at_least_float32

PIXELS = CELL**2
HeadKind = Literal["convolved", "linear"]
"""Way from features at full size to logits: :class:`PixelHead` or :class:`LinearHead`."""
HEADS: tuple[HeadKind, ...] = ("convolved", "linear")


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

    def to_cells(self, sharp: Tensor) -> Tensor:
        """From the result of this module to ``(n, num_feat, H/4, W/4)``."""
        # In bfloat16 on AMX oneDNN gets convolutions wrong whose stride is their kernel of 4.
        with torch.autocast(sharp.device.type, enabled=False):
            return self.down(at_least_float32(sharp)).to(sharp.dtype)


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
        self.out = start_at_zero(nn.Conv2d(num_feat, choices * PIXELS, 1))

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
        self.out = start_at_zero(nn.Conv2d(width, choices, 3, padding=1))

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


class LinearHead(nn.Module):
    """Logits of a cell's pixels: a linear function of their features, which each cell makes anew.

    Two surfaces that meet in a cell mostly differ in colour. A rule that tells them apart is made
    on the grid of cells. Each pixel then takes a product for each feature, not a convolution.
    Relatives: dynamic filters (De Brabandere et al. 2016), HDRNet's affine models of each place
    (Gharbi et al. 2017).

    Args:
        num_feat: channels of cells.
        choices: candidates.
        num_detail: features of a pixel.
    """

    def __init__(self, num_feat: int, choices: int, num_detail: int) -> None:
        super().__init__()
        self.choices, self.num_detail = choices, num_detail
        self.act = nn.LeakyReLU(0.1)
        self.out = start_at_zero(nn.Conv2d(num_feat, choices * PIXELS, 1))
        self.rule = start_at_zero(nn.Conv2d(num_feat, choices * num_detail, 1))

    def forward(self, feat: Tensor, sharp: Tensor) -> Tensor:
        """Weigh features of cells and of pixels; arguments and result as :class:`PixelHead`."""
        feat = self.act(feat)
        # Sums over features are in float32; what is read row by row lies row by row.
        logits = at_least_float32(self.out(feat)).unflatten(1, (self.choices, PIXELS))
        rule = at_least_float32(self.rule(feat)).unflatten(1, (self.choices, self.num_detail))
        rule = rule.contiguous()
        pixels = at_least_float32(cells_of(sharp)).unflatten(1, (self.num_detail, PIXELS))
        rows = rows_at_once(logits)
        if rows is None:
            for i in range(self.num_detail):
                logits = torch.addcmul(logits, rule[:, :, i, None], pixels[:, None, i])
            return logits
        for first in range(0, logits.shape[-2], rows):
            some = slice(first, first + rows)
            for i in range(self.num_detail):
                factors = rule[:, :, i, None, some], pixels[:, None, i, :, some]
                logits[..., some, :].addcmul_(*factors)
        return logits


def make_head(
    num_feat: int, choices: int, num_detail: int, kind: HeadKind
) -> CellHead | PixelHead | LinearHead:
    """Build the head that fits: of the kind asked for where there are features at full size."""
    if not num_detail:
        return CellHead(num_feat, choices)
    if kind == "linear":
        return LinearHead(num_feat, choices, num_detail)
    return PixelHead(num_feat, choices, num_detail)


def fit_choices(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fit weights of a head with fewer candidates to one whose first candidates are the same.

    Args:
        state: parameters by name; those of the last layers of a head may be too few.
        own: the parameters to fit.

    Returns:
        ``state``; candidates that it lacks start as untrained, at zero.
    """
    fitted = dict(state)
    for name in sorted(own.keys() & state.keys()):
        given, wanted = state[name], own[name]
        last = name.rpartition(".")[0] in {"head.out", "head.rule"}
        if last and given.shape[1:] == wanted.shape[1:] and len(given) < len(wanted):
            fitted[name] = torch.cat((given, given.new_zeros(wanted[len(given) :].shape)))
    return fitted


def start_at_zero(conv: nn.Conv2d) -> nn.Conv2d:
    """Give a layer no say before it is trained; returns it."""
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.get_parameter("bias"))
    return conv
