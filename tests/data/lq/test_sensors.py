"""Batched sensors: against the rules in NumPy, and scenes whose measurement is known by hand."""

import numpy as np
import pytest
import torch

from stdnet_arch.data.lq.degradation import make_lq
from stdnet_arch.data.lq.dtof_histogram import dtof_photon_peak
from stdnet_arch.data.lq.sensors import PRESETS, degrade
from stdnet_arch.data.lq.sensors_stereo import _hidden


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n=3, H=48, W=64, holes=True, seed=0):
    """A slope with a nearer square, colours at random, and a hole."""
    g = generator(seed)
    x = torch.arange(W) / W
    depth_m = (3 + 2 * x).expand(n, 1, H, W).clone() * (1 + torch.arange(n).view(n, 1, 1, 1) / 7)
    depth_m[..., 11:30, 21:40] = 1.4
    if holes:
        depth_m[..., 40:48, 3:9] = 0
    rgb = (torch.rand(n, 3, H, W, generator=g) * 255).round() / 255
    return depth_m, rgb


def numpy_frame(depth_m, rgb, i):
    colours = (rgb[i] * 255).round().byte().permute(1, 2, 0).numpy()
    return depth_m[i, 0].numpy(), colours


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize(
    ("preset", "mode"),
    [("dtof_peak", "dtof_peak"), ("clean_area", "area"), ("clean_nearest", "nearest")],
)
def test_presets_equal_the_numpy_rules(preset, mode, scale):
    depth_m, rgb = pictures()
    got = degrade(depth_m, rgb, scale, preset, generator())
    expected = np.stack([make_lq(mode, *numpy_frame(depth_m, rgb, i), scale) for i in range(3)])
    exact = 0 if mode == "dtof_peak" else 3e-6
    np.testing.assert_allclose(got.lq_m[:, 0].numpy(), expected, rtol=exact, atol=0)
    assert (got.measured[:, 0].numpy() == (expected > 0)).all()


def test_dtof_peak_equals_the_numpy_rule_where_bins_hold_equal_light():
    depth_m = torch.full((1, 1, 4, 4), 5.0)
    depth_m[..., 2:, :] = 5.0 + 1e-4
    depth_m[..., :, ::2] = 2.0
    rgb = torch.full((1, 3, 4, 4), 0.4)
    expected = make_lq("dtof_peak", *numpy_frame(depth_m, rgb, 0), 4)
    assert degrade(depth_m, rgb, 4, "dtof_peak", generator()).lq_m[0, 0] == expected[0, 0]


def test_stride_takes_the_first_pixel_of_each_block():
    depth_m, rgb = pictures()
    got = degrade(depth_m, rgb, 4, "clean_stride", generator())
    assert torch.equal(got.lq_m, depth_m[..., ::4, ::4])


def test_photons_miss_as_often_as_the_numpy_sensor():
    """Blocks of one surface; counted alike by a histogram of 1,024 Poisson draws each."""
    depth_m, rgb = torch.full((1, 1, 128, 128), 12.0), torch.full((1, 3, 128, 128), 0.4)
    view_signal, view_background = 15 * (400 / 15) ** 0.5, 500**0.5
    middle = torch.full((1,), 0.5)
    rng = np.random.default_rng(0)
    colours = np.full((128, 128, 3), 102, np.uint8)
    there = dtof_photon_peak(depth_m[0, 0].numpy(), colours, 4, view_signal, view_background, rng)
    with pytest.MonkeyPatch.context() as patch:
        from stdnet_arch.data.lq import sensor_draws

        patch.setattr(
            sensor_draws.SensorView, "uniform",
            lambda self, lo=0.0, hi=1.0: (lo + (hi - lo) * middle).view(1, 1, 1, 1),
        )  # fmt: skip
        here = degrade(depth_m, rgb, 4, "dtof_photons", generator()).lq_m[0, 0].numpy()
    right = [np.mean(np.abs(lq - 12.0) < 0.06) for lq in (there, here)]
    assert 0.2 < right[0] <= 1
    assert right[1] == pytest.approx(right[0], abs=0.05)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_wall_that_fills_the_picture_is_measured(preset):
    depth_m = torch.full((6, 1, 64, 64), 2.0)
    rgb = torch.rand(6, 3, 64, 64, generator=generator(1)) * 0.6 + 0.3
    got = degrade(depth_m, rgb, 4, preset, generator(2))
    assert got.measured.float().mean() > 0.7
    error = (got.lq_m - 2.0).abs()[got.measured]
    assert error.median() < 0.06
    assert got.lq_m.shape == (6, 1, 16, 16)
    assert (got.lq_m[~got.measured] == 0).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_equal_seeds_give_equal_measurements(preset):
    depth_m, rgb = pictures()
    one, two = (degrade(depth_m, rgb, 4, preset, generator(5)) for _ in range(2))
    assert torch.equal(one.lq_m, two.lq_m)
    assert torch.equal(one.step_m, two.step_m)


@pytest.mark.parametrize("preset", ["dtof_peak", "iphone", "kinect_tof"])
def test_values_lie_on_their_step(preset):
    depth_m, rgb = pictures()
    got = degrade(depth_m, rgb, 4, preset, generator(3))
    parts = (got.lq_m / got.step_m[:, None, None, None])[got.measured]
    assert (parts - parts.round()).abs().max() < 1e-2


def test_stereo_values_are_whole_parts_of_disparity():
    depth_m, rgb = pictures(holes=False)
    got = degrade(depth_m, rgb, 4, "realsense", generator(3))
    inverse = (1 / got.lq_m[0][got.measured[0]]).unique()
    gaps = inverse.diff()
    gaps = gaps[gaps > 1e-4]
    parts = gaps / gaps.min()
    assert len(gaps) > 5
    assert (parts - parts.round()).abs().max() < 0.05


def test_depth_that_is_not_known_hides_nothing_from_stereo():
    depth_m, rgb = pictures(n=1, holes=False)
    whole = degrade(depth_m, rgb, 4, "realsense", generator(5)).measured
    depth_m[..., :, 60:] = 0
    holed = degrade(depth_m, rgb, 4, "realsense", generator(5)).measured
    assert not holed[..., 15].any()
    assert holed[..., :12].float().mean() > 0.9 * whole[..., :12].float().mean()


def test_stereo_hides_the_background_left_of_a_thing_only():
    shift = torch.ones(1, 1, 1, 20)
    shift[..., 10:14] = 4.0  # nearer: moves 3 pixels more to the left
    assert _hidden(shift)[0, 0, 0].nonzero().flatten().tolist() == [7, 8, 9]


def test_time_of_flight_floats_between_surfaces():
    depth_m = torch.full((8, 1, 32, 32), 4.0)
    depth_m[..., :18] = 1.0  # the border runs through the middle of blocks
    got = degrade(depth_m, torch.full((8, 3, 32, 32), 0.8), 4, "kinect_tof", generator(0))
    between = got.lq_m[..., 4][got.measured[..., 4]]
    assert ((between > 1.05) & (between < 3.9)).float().mean() > 0.9


def test_a_phone_moves_edges_but_leaves_no_holes_between():
    depth_m = torch.full((16, 1, 96, 96), 3.0)
    depth_m[..., 50:] = 1.5
    rgb = torch.full((16, 3, 96, 96), 0.5)  # no colour edge to lean on
    got = degrade(depth_m, rgb, 4, "iphone", generator(0))
    wrong = (got.lq_m[:, 0] - depth_m[:, 0, 2::4, 2::4]).abs() > 0.3
    distance = (torch.arange(24) - 12).abs()
    assert wrong[..., distance > 5].float().mean() == 0 or not got.measured.all()
    assert wrong[..., (distance > 1) & (distance < 4)].any()


@pytest.mark.parametrize(("wall_m", "confidence"), [(2.0, 2), (12.0, 0)])
def test_a_phone_is_sure_of_a_near_wall_and_not_of_a_far_one(wall_m, confidence):
    depth_m, rgb = torch.full((4, 1, 32, 40), wall_m), torch.full((4, 3, 32, 40), 0.5)
    got = degrade(depth_m, rgb, 4, "iphone", generator(1)).confidence
    assert got.dtype == torch.uint8
    assert got.shape == (4, 1, 8, 10)
    assert (got == confidence).all()


def test_a_phone_is_never_sure_beside_what_it_doubts_nor_of_a_hole():
    depth_m, rgb = pictures(n=16, holes=False)
    got = degrade(depth_m, rgb, 4, "iphone", generator(2))
    doubted = ((got.confidence == 0) & got.measured).float()
    beside = torch.nn.functional.max_pool2d(doubted, 3, 1, 1) > 0
    assert got.confidence.unique().tolist() == [0, 1, 2]
    assert doubted.any()
    assert (got.confidence[beside] < 2).all()
    assert (~got.measured).any()
    assert (got.confidence[~got.measured] == 0).all()


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "iphone"])
def test_only_a_phone_gives_confidence(preset):
    assert degrade(*pictures(n=1), 4, preset, generator()).confidence is None


def test_frames_of_a_clip_have_their_sensor_in_common():
    depth_m = torch.full((6, 1, 16, 16), 2.5)
    rgb = torch.full((6, 3, 16, 16), 0.5)
    step_m = degrade(depth_m, rgb, 4, "realsense", generator(0), frames=3).step_m
    ratio = step_m[:3] / step_m[3:]
    assert torch.unique((step_m[:3] / step_m[0]).round(decimals=1)).numel() == 1
    assert (ratio - 1).abs().min() > 0.02


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"preset": "lidar"}, "must be one of"),
        ({"scale": 5}, "divisible by 5"),
        ({"frames": 2}, "whole number of clips"),
    ],
)
def test_wrong_requests_say_so(change, match):
    depth_m, rgb = pictures()
    asked = {"scale": 4, "preset": "iphone", "frames": 1} | change
    with pytest.raises(ValueError, match=match):
        degrade(depth_m, rgb, asked["scale"], asked["preset"], generator(), asked["frames"])
