"""DFlow's trunk against plain formulas, and on frames smaller than the authors' takes."""

import pytest
import torch
import torch.nn.functional as F

from stdnet_arch.archs.dflow.distillation import (
    DistillationBlock,
    DistillationTrunk,
    EnhancedSpatialAttention,
)


def test_attention_is_its_formula_where_the_authors_works():
    block, x = EnhancedSpatialAttention(6, 4), torch.rand(2, 6, 17, 22)
    narrow = block.conv_in(x)
    look = F.max_pool2d(F.conv2d(narrow, *block.conv_shrink.parameters(), stride=2), 7, 3)
    look = F.relu(F.conv2d(look, *block.coarse[1].parameters(), padding=1))
    look = F.relu(F.conv2d(look, *block.coarse[3].parameters(), padding=1))
    look = F.conv2d(look, *block.coarse[5].parameters(), padding=1)
    look = F.interpolate(look, (17, 22), mode="bilinear")
    weight = block.conv_out(look + block.conv_direct(narrow)).sigmoid()
    torch.testing.assert_close(block(x), x * weight)


@pytest.mark.parametrize(("h", "w"), [(1, 1), (3, 40), (14, 15)])
def test_small_frames_are_weighed_as_parts_of_extended_ones(h, w):
    attention, x = EnhancedSpatialAttention(6, 4), torch.rand(1, 6, h, w)
    border = (0, max(15 - w, 0), 0, max(15 - h, 0))
    extended = attention(F.pad(x, border, mode="replicate"))
    torch.testing.assert_close(attention(x), extended[..., :h, :w])


def test_a_block_distills_as_described():
    block, x = DistillationBlock(4), torch.rand(1, 4, 16, 15)
    kept, rest = [], x
    for i in range(3):
        kept.append(F.leaky_relu(block.set_aside[i](rest), 0.1))
        rest = F.leaky_relu(block.refine[i](rest) + rest, 0.1)
    kept.append(F.leaky_relu(block.conv_rest(rest), 0.1))
    expected = x + block.attention(block.fusion(torch.cat(kept, 1)))
    torch.testing.assert_close(block(x), expected)


def test_the_trunk_taps_the_input_of_every_stage():
    trunk, x = DistillationTrunk(5, 8, 1), torch.rand(1, 5, 16, 15)
    feats = [trunk.conv_in(x)]
    for stage in trunk.stages:
        feats.append(stage(feats[-1]))
    taps = [tap(feat) for tap, feat in zip(trunk.taps, feats[:3], strict=True)]
    assert [tap.shape[1] for tap in taps] == [6, 4, 2]
    expected = trunk.fusion(torch.cat((feats[3], *taps), 1)) + feats[0]
    torch.testing.assert_close(trunk(x), expected)
