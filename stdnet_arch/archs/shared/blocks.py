"""Blocks that networks share: residual trunk, channel attention, pixel-shuffle pack."""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.ops.epilogue import finish_, fuses
from stdnet_arch.ops.resize import pixel_shuffle

# 0.1 everywhere else: the published weights were trained so.
ACTIVATION_SLOPE = 0.2
"""Within channel-attention blocks."""


def leaky_relu() -> nn.LeakyReLU:
    """The activation of these networks: slope 0.1; in place, so it follows a convolution."""
    return nn.LeakyReLU(0.1, inplace=True)


def convolve(conv: nn.Conv2d, x: Tensor, slope: float = 1.0, skip: Tensor | None = None) -> Tensor:
    """``leaky_relu(conv(x)) + skip``; on a card all behind the convolution in one pass.

    Args:
        conv: with or without bias.
        x: ``(b, c, h, w)``.
        slope: slope of the activation where negative; 1: none, 0: ReLU.
        skip: shape of the result, or None.
    """
    if fuses(x):
        out = conv._conv_forward(x, conv.weight, None)
        same = skip is not None and skip.dtype == out.dtype
        finish_(out, conv.bias, slope, skip=skip if same else None)
        return out if same or skip is None else out + skip
    out = conv(x)
    if slope == 0:
        out = F.relu(out, inplace=True)
    elif slope != 1:
        out = F.leaky_relu(out, slope, inplace=True)
    return out if skip is None else add_skip(out, skip)


class Activated(nn.Sequential):
    """Modules in a row; a convolution and the activation behind it are one step."""

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, ...)``."""
        if torch.is_grad_enabled():
            return super().forward(x)
        modules = list(self)
        for module, behind in zip(modules, [*modules[1:], None], strict=True):
            slope = behind.negative_slope if isinstance(behind, nn.LeakyReLU) else 1.0
            if isinstance(module, nn.Conv2d):
                x = convolve(module, x, slope)
            elif isinstance(module, PixelShufflePack):
                x = module(x, slope)
            elif not isinstance(module, nn.LeakyReLU):
                x = module(x)
        return x


def add_skip(branch: Tensor, x: Tensor) -> Tensor:
    """``branch + x``, in ``branch``'s place unless ``x`` is of another precision (autocast)."""
    return branch.add_(x) if branch.dtype == x.dtype else branch + x


class ResidualBlock(nn.Module):
    """``x + conv(relu(conv(x)))`` with weights that start small (EDSR's block without scaling)."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv2 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        for conv in (self.conv1, self.conv2):
            nn.init.kaiming_normal_(conv.weight)
            nn.init.zeros_(conv.get_parameter("bias"))
            with torch.no_grad():
                conv.weight *= 0.1

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, h, w)``."""
        return convolve(self.conv2, convolve(self.conv1, x, slope=0.0), skip=x)


class ResidualTrunk(nn.Module):
    """conv3x3, LeakyReLU, then ``num_block`` residual blocks."""

    def __init__(self, in_feat: int, num_feat: int, num_block: int) -> None:
        super().__init__()
        self.main = Activated(
            nn.Conv2d(in_feat, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Sequential(*(ResidualBlock(num_feat) for _ in range(num_block))),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(b, in_feat, h, w)`` -> ``(b, num_feat, h, w)``."""
        return self.main(x)


class ChannelAttention(nn.Module):
    """Weigh channels by what their means over the whole frame say (RCAN, Zhang et al. 2018)."""

    def __init__(self, num_feat: int, squeeze: int = 16) -> None:
        super().__init__()
        self.conv_du = nn.Sequential(
            nn.Conv2d(num_feat, num_feat // squeeze, 1),
            nn.ReLU(),
            nn.Conv2d(num_feat // squeeze, num_feat, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, h, w)``."""
        return x * self.factors(x)

    def factors(self, x: Tensor, shift: Tensor | None = None) -> Tensor:
        """Weigh each channel of ``x + shift``, ``(b, c, h, w)`` -> ``(b, c, 1, 1)``."""
        squeeze, excite = cast(nn.Conv2d, self.conv_du[0]), cast(nn.Conv2d, self.conv_du[2])
        # Matrix products: as convolutions of single pixels they take a CPU 50 times longer.
        mean = x.mean(dim=(2, 3)) if shift is None else x.mean(dim=(2, 3)) + shift
        inner = F.linear(mean, squeeze.weight.flatten(1), squeeze.bias)
        outer = F.linear(F.relu(inner), excite.weight.flatten(1), excite.bias)
        return outer.sigmoid()[:, :, None, None]


class ChannelAttentionBlock(nn.Module):
    """``x + attention(conv(leaky_relu(conv(x))))``, slope 0.2."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            nn.LeakyReLU(ACTIVATION_SLOPE, inplace=True),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            ChannelAttention(num_feat),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, h, w)``."""
        if torch.is_grad_enabled():
            return add_skip(self.body(x), x)
        inner = convolve(cast(nn.Conv2d, self.body[0]), x, ACTIVATION_SLOPE)
        return self.finish(inner, [x])

    def finish(self, inner: Tensor, skip: Sequence[Tensor]) -> Tensor:
        """The result, from the first convolution and activation; only without gradients.

        Args:
            inner: ``(b, c, h, w)``.
            skip: the block's input, in one or several pieces of channels.
        """
        second, attention = cast(nn.Conv2d, self.body[2]), cast(ChannelAttention, self.body[3])
        bias = second.bias if fuses(inner) else None
        out = second(inner) if bias is None else second._conv_forward(inner, second.weight, None)
        factor, first = attention.factors(out, bias), 0
        if skip[0].dtype != out.dtype:  # autocast: the skip keeps its precision
            return finish_(out, bias, factor=factor) + torch.cat(list(skip), dim=1)
        for piece in skip:
            span = slice(first, first + piece.shape[1])
            shift = None if bias is None else bias[span]
            finish_(out[:, span], shift, factor=factor[:, span], skip=piece)
            first = span.stop
        return out


class ResidualGroup(nn.Module):
    """``num_block`` channel-attention blocks and a conv3x3, plus the input (RCAN's residual
    group)."""

    def __init__(self, num_feat: int, num_block: int) -> None:
        super().__init__()
        blocks = [ChannelAttentionBlock(num_feat) for _ in range(num_block)]
        self.body = nn.Sequential(*blocks, nn.Conv2d(num_feat, num_feat, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, h, w)``."""
        return add_skip(self.body(x), x)


class PixelShufflePack(nn.Module):
    """conv3x3 to four times the channels, then pixel shuffle: twice the size."""

    def __init__(self, in_feat: int, out_feat: int) -> None:
        super().__init__()
        self.upsample_conv = nn.Conv2d(in_feat, 4 * out_feat, 3, padding=1)
        nn.init.kaiming_normal_(self.upsample_conv.weight)

    def forward(self, x: Tensor, slope: float = 1.0) -> Tensor:
        """``(b, in_feat, h, w)`` -> ``(b, out_feat, 2h, 2w)``; ``slope``: see :func:`convolve`."""
        return pixel_shuffle(convolve(self.upsample_conv, x, slope), 2)
