"""The Swin encoder against definitions written as loops, and torch's own attention."""

import pytest
import torch
from torch import nn

from stdnet_arch.archs.shared.swin import (
    SwinBlock,
    SwinEncoder,
    WindowAttention,
    from_windows,
    relative_position_index,
    shift_mask,
    to_windows,
)


def test_windows_are_squares_of_the_map_in_reading_order():
    x = torch.rand(2, 16, 24, 3)
    windows = to_windows(x)
    assert windows.shape == (2, 6, 64, 3)
    for row, column in ((0, 0), (1, 2)):
        square = x[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8].reshape(2, 64, 3)
        assert torch.equal(windows[:, 3 * row + column], square)
    assert torch.equal(from_windows(windows, 16, 24), x)


def test_the_bias_index_is_the_offset_between_two_pixels():
    index = relative_position_index()
    for one, other in ((0, 0), (0, 63), (63, 0), (10, 37)):
        down, right = one // 8 - other // 8, one % 8 - other % 8
        assert index[one, other] == (down + 7) * 15 + right + 7
    assert index.unique().numel() == 225


def test_the_mask_parts_what_only_the_shift_made_neighbours():
    # A pixel of the shifted map lies where it came from, or one image height or width further.
    h, w = 16, 24
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    place = torch.stack((rows, columns), -1).roll((-4, -4), (0, 1)) - torch.stack(
        (rows, columns), -1
    )
    wrapped = to_windows((place != 4)[None].float())[0]  # (n, 64, 2): came in over the border
    together = (wrapped[:, :, None] == wrapped[:, None]).all(-1)
    assert torch.equal(shift_mask(h, w) == 0, together)
    assert shift_mask(h, w).unique().tolist() == [-100, 0]


def test_attention_is_that_of_torch_where_there_is_no_bias():
    ours = WindowAttention(12).eval()
    nn.init.zeros_(ours.bias_table)
    theirs = nn.MultiheadAttention(12, 6, batch_first=True).eval()
    theirs.in_proj_weight, theirs.in_proj_bias = ours.qkv.weight, ours.qkv.bias
    theirs.out_proj.weight, theirs.out_proj.bias = ours.proj.weight, ours.proj.bias
    x = torch.randn(2, 3, 64, 12)
    expected, _ = theirs(*3 * [x.flatten(0, 1)])
    torch.testing.assert_close(ours(x, None).flatten(0, 1), expected, atol=1e-5, rtol=0)


def test_bias_and_mask_are_added_to_the_scores():
    attention = WindowAttention(6)
    nn.init.normal_(attention.bias_table)
    x, mask = torch.randn(1, 2, 64, 6), torch.randn(2, 64, 64)
    query, key, value = attention.qkv(x[0, 1]).chunk(3, dim=1)  # one channel per head
    head = 4
    bias = attention.bias_table[relative_position_index()][..., head]
    scores = torch.outer(query[:, head], key[:, head]) + bias + mask[1]
    expected = scores.softmax(1) @ value[:, head]
    nn.init.eye_(attention.proj.weight)
    assert torch.allclose(attention(x, mask)[0, 1, :, head], expected, atol=1e-5)


@pytest.mark.parametrize(("is_shifted", "first", "last"), [(False, 0, 7), (True, 4, 11)])
def test_a_plain_block_keeps_windows_apart_and_a_shifted_one_joins_them(is_shifted, first, last):
    block = SwinBlock(6, is_shifted, drop=0.0).double()
    for weight in block.parameters():
        nn.init.normal_(weight, std=0.5)
    x, mask = torch.randn(1, 16, 16, 6, dtype=torch.float64), shift_mask(16, 16)
    moved = x.clone()
    moved[0, 7, 7, 0] += 1
    change = (block(moved, mask) - block(x, mask))[0].abs().sum(-1)
    for places in change.nonzero(as_tuple=True):
        assert (places.min(), places.max()) == (first, last)


def test_drop_rates_grow_to_the_last_block():
    encoder = SwinEncoder(4, 6, num_group=2, num_block=3, drop_path=0.5)
    rates = [block.drop_path.p for group in encoder.groups for block in group.blocks]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_blocks_are_dropped_in_training_alone():
    encoder = SwinEncoder(4, 6, num_group=1, num_block=2, drop_path=0.5)
    x = torch.randn(9, 4, 8, 8)
    assert not torch.equal(encoder(x), encoder(x))
    assert torch.equal(encoder.eval()(x), encoder(x))
