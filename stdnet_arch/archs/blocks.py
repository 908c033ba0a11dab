"""Blocks that networks share: residual trunk, channel attention, pixel-shuffle pack."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def leaky_relu() -> nn.LeakyReLU:
    """The activation of these networks: slope 0.1; in place, so it follows a convolution."""
    return nn.LeakyReLU(0.1, inplace=True)


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
        return add_skip(self.conv2(F.relu(self.conv1(x), inplace=True)), x)


class ResidualTrunk(nn.Module):
    """conv3x3, LeakyReLU, then ``num_block`` residual blocks."""

    def __init__(self, in_feat: int, num_feat: int, num_block: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
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

    def factors(self, x: Tensor) -> Tensor:
        """How much each channel counts, ``(b, c, h, w)`` -> ``(b, c, 1, 1)``."""
        squeeze, excite = cast(nn.Conv2d, self.conv_du[0]), cast(nn.Conv2d, self.conv_du[2])
        # Matrix products: as convolutions of single pixels they take a CPU 50 times longer.
        inner = F.linear(x.mean(dim=(2, 3)), squeeze.weight.flatten(1), squeeze.bias)
        outer = F.linear(F.relu(inner), excite.weight.flatten(1), excite.bias)
        return outer.sigmoid()[:, :, None, None]


class ChannelAttentionBlock(nn.Module):
    """``x + attention(conv(leaky_relu(conv(x))))``, slope 0.2."""

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            ChannelAttention(num_feat),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, h, w)``."""
        return add_skip(self.body(x), x)

    def branch(self, inner: Tensor) -> Tensor:
        """What is added to the input, from the first convolution of it; uses up ``inner``.

        Without gradients alone. ``(b, c, h, w)`` -> ``(b, c, h, w)``.
        """
        out = self.body[2](self.body[1](inner))
        return out.mul_(cast(ChannelAttention, self.body[3]).factors(out))


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

    def forward(self, x: Tensor) -> Tensor:
        """``(b, in_feat, h, w)`` -> ``(b, out_feat, 2h, 2w)``."""
        return F.pixel_shuffle(self.upsample_conv(x), 2)
