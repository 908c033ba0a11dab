"""Arithmetic counted without running: by hand, and STDNet's as measured by others."""

import pytest
import torch
from basicsr.archs import build_network
from torch import nn

from stdnet_arch.evaluation.flops import count_flops, flops_per_frame
from stdnet_arch.evaluation.published_forms import published_stdnet
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


STDNET = {"type": "STDNet", "scale": 4, "num_feat": 16}


class Literal(nn.Module):
    """STDNet computed by the literal form, which has no shortcut."""

    scale, multiple_of = 4, 1

    def __init__(self):
        super().__init__()
        self.net = build_network(STDNET)

    def forward(self, lq, guide):
        return {"pred": published_stdnet(self.net, lq, guide)}


def test_the_published_count_is_that_of_the_literal_form():
    net = build_network(STDNET)
    net._difference_maps = lambda *stages: {}  # what the loss alone reads
    assert count_flops(net, 5, (32, 48)) == count_flops(Literal(), 5, (32, 48))


@pytest.mark.parametrize("published", [True, False])
def test_a_network_in_another_one_is_counted_as_it_is_alone(published):
    inner = {key: value for key, value in STDNET.items() if key != "scale"}
    outer = {"type": "Standardized", "scale": 4, "mean": 0.4, "spread": 0.1, "net": inner}
    alone, inside = (
        count_flops(build_network(net), 5, (32, 48), published) for net in (STDNET, outer)
    )
    assert inside == alone


def test_the_form_that_is_run_is_counted_beside_it():
    net = build_network(STDNET)
    run, published = (count_flops(net, 5, (32, 48), form) for form in (False, True))
    assert 0.7 * published < run < 0.95 * published


def test_sampling_counts_the_same_for_groups_of_any_width():
    # Two maps of 48 channels as one group or as 16: as many values are sampled.
    class Sampled(nn.Module):
        scale, multiple_of = 4, 1

        def __init__(self, groups):
            super().__init__()
            self.groups, self.weight = groups, nn.Parameter(torch.rand(48, 48, 3, 3))

        def forward(self, lq, guide):
            feat = lq.flatten(0, 1).expand(-1, 48, -1, -1)
            offset = feat.new_zeros(len(feat), 18 * self.groups, *feat.shape[2:])
            return modulated_deform_conv(feat, offset, None, self.weight, groups=self.groups)

    assert count_flops(Sampled(1), 2, (16, 24)) == count_flops(Sampled(16), 2, (16, 24))


def test_stdan_is_counted_pair_by_pair_as_published():
    net = build_network(
        {"type": "STDAN", "scale": 4, "modality": "depth", "interpolate": False, "num_feat": 8,
         "embed_feat": 24, "num_group": [1, 1], "num_block": 1, "drop_path": 0.0}
    ).eval()  # fmt: skip
    t, pixels, e = 3, 8 * 16, 24
    published, run = (count_flops(net, t, (32, 64), form) for form in (True, False))
    pairs = t * (t - 1)
    # The first convolution of offsets: of both frames for each pair, or of each frame once.
    convolution = 2 * 9 * e * (pairs * 2 * e - 2 * t * e) * pixels
    # Values: sampled at 9 taps of which 2 are used.
    samples = pairs * 8 * e * (9 - 2) * pixels
    assert published - run == convolution + samples


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
