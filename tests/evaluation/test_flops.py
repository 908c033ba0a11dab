"""Arithmetic counted without running: by hand, and STDNet's as measured by others."""

import pytest
import torch
from basicsr.archs import build_network
from torch import nn

from stdnet_arch.evaluation.flops import count_flops, flops_per_frame
from stdnet_arch.ops.deform_sample import modulated_deform_conv


class Two(nn.Module):
    """A 3x3 convolution of depth, 1 to 5 channels, and a deformable one, 5 to 2, with 2 groups."""

    scale, multiple_of = 4, 3

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3, padding=1)
        self.weight = nn.Parameter(torch.rand(2, 6, 3, 3))

    def forward(self, lq, guide):
        feat = self.conv(lq.flatten(0, 1))
        offset = feat.new_zeros(len(feat), 36, *feat.shape[2:])
        return {"pred": modulated_deform_conv(feat, offset, None, self.weight, groups=2)}


def test_convolutions_samples_and_products_count():
    # lq is 4x7, padded to 6x9: 54 pixels. 9 taps of 6 channels are sampled, 8 operations each.
    convolution, samples, product = 2 * 9 * 6, 8 * 9 * 6, 2 * 9 * 6 * 2
    assert count_flops(Two(), 2, (16, 28)) == 2 * 54 * (convolution + samples + product)


def test_half_a_clip_costs_half_where_frames_are_alone():
    assert flops_per_frame(Two(), (16, 28)) == count_flops(Two(), 1, (16, 28))


def test_stdnet_costs_what_was_measured_elsewhere():
    # 1.45 TFLOP per 480x640 frame; here a frame of 1/25 of that.
    net = build_network({"type": "STDNet", "scale": 4, "num_feat": 64})
    assert 25 * flops_per_frame(net, (96, 128)) == pytest.approx(1.45e12, rel=0.02)


def test_counting_leaves_the_network_alone(clip):
    net = build_network(
        {"type": "ToolboxVSR", "scale": 4, "arch": "RCAN",
         "options": {"num_feat": 16, "num_group": 1, "num_block": 1}}
    ).eval()  # fmt: skip
    lq, guide = clip(4, 1, 1, 3, 4)
    before = net(lq, guide)["pred"]
    count_flops(net, 1, (12, 16))
    assert torch.equal(net(lq, guide)["pred"], before)


def test_attention_counts_as_matrix_products():
    options = {"embed_dim": 12, "depths": [1], "num_heads": [2], "mlp_ratio": 2.0}
    net = build_network({"type": "ToolboxVSR", "scale": 4, "arch": "SwinIR", "options": options})
    # One window of 64 pixels: query, key, value and output; 2 products of 64 x 64; a wide layer.
    linear, attention, wide = 4 * 12 * 12, 2 * 64 * 12, 2 * 2 * 12 * 12
    plain = build_network({**swin(net, options), "options": {**options, "depths": [2]}})
    one_block = count_flops(plain, 1, (32, 32)) - count_flops(net, 1, (32, 32))
    assert one_block == 2 * 64 * (linear + attention + wide)


def swin(net, options):
    return {"type": "ToolboxVSR", "scale": net.scale, "arch": "SwinIR", "options": options}


def test_a_network_that_makes_frames_is_counted():
    net = build_network({"type": "Interpolation", "scale": 4, "time_scale": 2})
    assert flops_per_frame(net, (16, 16)) == 0
