"""Space-time fusion against its formula, frame by frame."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import deform_conv2d

from stdnet_arch.archs.svsrnet.fusion import SpaceTimeFusion, SpatialAttention, windows_of


def lrelu(x):
    return torch.where(x > 0, x, 0.1 * x)


@pytest.fixture
def layer():
    made = SpaceTimeFusion(4, groups=2).double()
    torch.nn.init.normal_(made.deform.conv_offset.weight, std=0.1)
    return made


def aligned_by_torchvision(layer, frame, center):
    feat = lrelu(layer.offset_conv2(lrelu(layer.offset_conv1(torch.cat((frame, center), 1)))))
    one, two, mask = layer.deform.conv_offset(feat).chunk(3, 1)
    offset = torch.cat((one, two), 1)
    deform = layer.deform
    moved = deform_conv2d(frame, offset, deform.weight, deform.bias, padding=1, mask=mask.sigmoid())
    return lrelu(moved)


def test_fusion_is_the_formula(layer):
    frames = torch.randn(2, 3, 4, 6, 9, dtype=torch.float64)
    center = frames[:, 1]
    aligned = [aligned_by_torchvision(layer, frames[:, i], center) for i in range(3)]
    likeness = [(layer.conv_aligned(x) * layer.conv_center(center)).sum(1, True) for x in aligned]
    weighed = [c.sigmoid() * frames[:, i] for i, c in enumerate(likeness)]
    block = layer.center_block.body
    center = center + block[2](lrelu(block[0](center)))
    everything = [lrelu(layer.conv_weighed(torch.cat((*weighed, center), 1))), *aligned]
    everything = torch.cat(everything, 1)
    share, shift = layer.attention(everything)
    expected = 2 * lrelu(layer.conv_fuse(everything)) * share + shift
    torch.testing.assert_close(layer(frames), expected)


def test_spatial_attention_is_edvrs_at_even_sizes():
    # The toolbox's fusion module computes it, too, on the way.
    from basicsr.archs.edvr_arch import TSAFusion

    ours, theirs = SpatialAttention(12, 4), TSAFusion(num_feat=4, num_frame=3, center_frame_idx=1)
    names = {"attn_l": "half_conv", "attn_add": "shift_conv", "attn": "conv"}
    parts = [(old, new, k) for old, new in names.items() for k in range(1, 6)]
    known = dict(theirs.named_modules())
    pairs = [(f"spatial_{old}{k}", f"{new}{k}") for old, new, k in parts]
    for old, new in ((old, new) for old, new in pairs if old in known):
        ours.get_submodule(new).load_state_dict(known[old].state_dict())
    seen = {}
    theirs.spatial_attn1.register_forward_pre_hook(lambda _, x: seen.update(feat=x[0]))
    theirs.feat_fusion.register_forward_hook(
        lambda _, x, y: seen.update(fused=F.leaky_relu(y, 0.1))
    )
    expected = theirs(torch.randn(1, 3, 4, 8, 12))
    share, shift = ours(seen["feat"])
    torch.testing.assert_close(2 * seen["fused"] * share + shift, expected)


def test_odd_sizes_stay():
    share, shift = SpatialAttention(2, 3)(torch.randn(1, 2, 5, 7))
    assert share.shape == shift.shape == (1, 3, 5, 7)
    assert ((share > 0) & (share < 1)).all()


@pytest.mark.parametrize(("length", "expected"), [(1, [[0, 0, 0]]), (2, [[0, 0, 1], [0, 1, 1]])])
def test_the_first_and_the_last_frame_are_repeated(length, expected):
    assert windows_of(length) == expected
