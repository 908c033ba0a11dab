"""STDAN in all its modes: sizes, what reaches what, and errors that say required and got."""

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.stdan.guidance import standardize
from stdnet_arch.archs.stdan_arch import STDAN

SMALL = {"num_feat": 8, "embed_feat": 24, "num_group": [1, 1], "num_block": 2, "drop_path": 0.0}


def depth_net(scale=4, **options):
    return STDAN(scale, "depth", **{**SMALL, **options}).eval()


def test_the_published_network_is_the_default():
    net = build_network({"type": "STDAN"})
    assert sum(p.numel() for p in net.parameters()) == 8_292_843


@pytest.mark.parametrize(
    ("part", "million"),
    [
        ("extraction", 0.747),
        ("reconstruction", 1.981),
        ("aggregation", 0.379),
        ("head.upsample", 0.295),
        # Published without the pyramid and the fusion of both directions, which belong to it here.
        ("interpolation", 4.694 + 0.148 + 0.008),
    ],
)
def test_each_part_has_the_published_size(part, million):
    parameters = build_network({"type": "STDAN"}).get_submodule(part).parameters()
    assert sum(p.numel() for p in parameters) / 1e6 == pytest.approx(million, abs=0.001)


def test_rgb_has_twice_the_frames_less_one_at_four_times_the_size():
    net = STDAN(**SMALL).eval()
    assert net(torch.rand(2, 3, 3, 8, 16))["pred"].shape == (2, 5, 3, 32, 64)


@pytest.mark.parametrize("scale", [4, 8, 16])
def test_depth_has_a_frame_for_each_frame_of_the_guide(scale):
    lq, guide = torch.rand(2, 3, 1, 8, 16), torch.rand(2, 5, 3, 8 * scale, 16 * scale)
    assert depth_net(scale)(lq, guide)["pred"].shape == (2, 5, 1, 8 * scale, 16 * scale)


def test_an_untrained_head_of_zeros_gives_interpolation_in_space_and_time():
    net = depth_net()
    torch.nn.init.zeros_(net.head.conv_last.weight)
    torch.nn.init.zeros_(net.head.conv_last.bias)
    lq, guide = torch.rand(1, 3, 1, 8, 16), torch.rand(1, 5, 3, 32, 64)
    linear = build_network(
        {"type": "Interpolation", "scale": 4, "mode": "bilinear", "time_scale": 2}
    )
    torch.testing.assert_close(net(lq, guide)["pred"], linear(lq)["pred"], atol=1e-6, rtol=0)


def test_the_guide_of_a_missing_frame_changes_that_frame_most(clip):
    net = depth_net()
    lq, guide = torch.rand(1, 3, 1, 8, 16), torch.rand(1, 5, 3, 32, 64)
    moved = guide.clone()
    moved[:, 3] = 1 - moved[:, 3]
    with torch.no_grad():
        change = (net(lq, moved)["pred"] - net(lq, guide)["pred"]).abs().mean(dim=(0, 2, 3, 4))
    assert change.argmax() == 3
    assert (change > 0).all()  # through the aggregation


@pytest.mark.parametrize("factor", [0.1, 3.0])
def test_near_and_far_scenes_are_treated_alike(factor):
    net = depth_net()
    lq, guide = 0.1 + torch.rand(1, 2, 1, 8, 8), torch.rand(1, 3, 3, 32, 32)
    scaled = net(factor * lq, guide)["pred"]
    torch.testing.assert_close(scaled, factor * net(lq, guide)["pred"], rtol=1e-4, atol=1e-5)


def test_standardized_depth_has_mean_0_and_spread_1_where_it_is_known():
    lq = torch.rand(2, 3, 1, 5, 7) + 0.01
    lq[:, :, :, 2] = 0
    clip, spread = standardize(lq)
    for sample in range(2):
        known = clip[sample][lq[sample] > 0]
        assert known.mean().abs() < 1e-6
        assert known.std(correction=0) == pytest.approx(1, abs=1e-5)
        expected = lq[sample][lq[sample] > 0].std(correction=0)
        assert float(spread[sample]) == pytest.approx(float(expected))


def test_a_flat_or_an_empty_clip_stays_finite():
    net = depth_net()
    for lq in (torch.full((1, 2, 1, 8, 8), 0.3), torch.zeros(1, 2, 1, 8, 8)):
        assert net(lq, torch.rand(1, 3, 3, 32, 32))["pred"].isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 6}, "power of 2.*6"),
        ({"modality": "rgbd"}, "rgb, depth.*'rgbd'"),
        ({"num_feat": 12}, "multiple of 8, got 12"),
        ({"embed_feat": 32}, "multiple of 24.*32"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        STDAN(**options)


@pytest.mark.parametrize(
    ("lq", "guide", "error", "message"),
    [
        ((1, 1, 1, 8, 8), (1, 1, 3, 32, 32), ValueError, "at least 2 frames, got t = 1"),
        ((1, 3, 1, 8, 8), (1, 4, 3, 32, 32), ValueError, r"every 2nd.*needs \(1, 5\).*\(1, 4\)"),
        ((2, 2, 1, 8, 8), (1, 3, 3, 32, 32), ValueError, r"needs \(2, 3\).*\(1, 3\)"),
        ((1, 2, 1, 8, 8), (1, 3, 3, 32, 36), ValueError, "4x lq: lq is 8x8, guide is 32x36"),
        ((1, 2, 1, 8, 12), (1, 3, 3, 32, 48), ValueError, "multiples of 8, got 8x12; pad"),
        ((1, 2, 3, 8, 8), (1, 3, 3, 32, 32), ValueError, r"lq must be \(b, t, 1, h, w\)"),
        ((1, 2, 1, 8, 8), None, TypeError, "guide .* is required, got None"),
    ],
)
def test_a_clip_that_does_not_fit_is_refused(lq, guide, error, message):
    with pytest.raises(error, match=message):
        depth_net()(torch.rand(lq), None if guide is None else torch.rand(guide))


def test_rgb_takes_no_guide_and_no_integers():
    net = STDAN(**SMALL)
    with pytest.raises(TypeError, match="takes no guide"):
        net(torch.rand(1, 2, 3, 8, 8), torch.rand(1, 3, 3, 32, 32))
    with pytest.raises(TypeError, match=r"floating point.*uint8"):
        net(torch.zeros(1, 2, 3, 8, 8, dtype=torch.uint8))
