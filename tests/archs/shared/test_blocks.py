"""Shared blocks against their formulas."""

import torch
import torch.nn.functional as F

from stdnet_arch.archs.shared.blocks import (
    ChannelAttention,
    PixelShufflePack,
    ResidualBlock,
    ResidualGroup,
)


def test_channel_attention_weighs_channels_by_their_means():
    block = ChannelAttention(32)
    x = torch.rand(2, 32, 3, 5)
    squeeze, expand = block.conv_du[0], block.conv_du[2]
    mean = x.sum(dim=(2, 3)) / 15
    hidden = (mean @ squeeze.weight.flatten(1).T + squeeze.bias).clamp(min=0)
    weight = torch.sigmoid(hidden @ expand.weight.flatten(1).T + expand.bias)
    torch.testing.assert_close(block(x), x * weight[:, :, None, None])


def test_residual_branches_of_weight_zero_are_the_identity():
    x = torch.rand(2, 16, 3, 5)
    for block in (ResidualBlock(16), ResidualGroup(16, num_block=2)):
        for parameter in block.parameters():
            torch.nn.init.zeros_(parameter)
        torch.testing.assert_close(block(x), x)


def test_pixel_shuffle_pack_lays_channels_out_as_pixels():
    pack = PixelShufflePack(3, 2)
    x = torch.rand(1, 3, 4, 5)
    channels = F.conv2d(x, pack.upsample_conv.weight, pack.upsample_conv.bias, padding=1)
    out = pack(x)
    assert out.shape == (1, 2, 8, 10)
    torch.testing.assert_close(out[0, 1, 1::2, 0::2], channels[0, 4 + 2])
