"""The dispatch of LQ rules by name."""

import numpy as np
import pytest
from sensor_loop import peak_by_loop, random_scene

from stdnet_arch.data.lq.degradation import LQ_MODES, RANDOM_LQ_MODES, Photons, lq_margin, make_lq
from stdnet_arch.data.lq.depth_resize import area, bicubic, nearest
from stdnet_arch.data.lq.dtof_histogram import dtof_photon_peak


@pytest.mark.parametrize(
    ("mode", "rule"), [("area", area), ("bicubic", bicubic), ("nearest", nearest)]
)
def test_make_lq_resizes_by_the_rule_of_that_name(mode, rule):
    depth_m, rgb = random_scene(0)
    np.testing.assert_array_equal(make_lq(mode, depth_m, rgb, 4, range_m=6), rule(depth_m, 4, 6))


def test_make_lq_measures_as_the_sensor():
    depth_m, rgb = random_scene(0)
    expected = peak_by_loop(depth_m, rgb, 8, 20, 300)
    lq_m = make_lq("dtof_peak", depth_m, rgb, 8, range_m=20, bins=300)
    np.testing.assert_allclose(lq_m, expected, rtol=0, atol=1e-5)


def test_make_lq_counts_photons():
    depth_m, rgb = random_scene(0)
    photons = Photons(90, 40, np.random.default_rng(1))
    expected = dtof_photon_peak(depth_m, rgb, 8, 90, 40, np.random.default_rng(1), 20, 300)
    lq_m = make_lq("dtof_histogram", depth_m, rgb, 8, 20, 300, photons)
    np.testing.assert_array_equal(lq_m, expected)


def test_without_photons_there_is_no_histogram():
    depth_m, rgb = random_scene(0)
    with pytest.raises(ValueError, match="expected photons .*; got none"):
        make_lq("dtof_histogram", depth_m, rgb, 4)


@pytest.mark.parametrize(
    ("mode", "shape", "words"),
    [
        ("bilinear", (8, 12), "one of dtof_peak, .*dtof_histogram; got 'bilinear'"),
        ("area", (2, 8, 12), r"one frame \(H, W\), got \(2, 8, 12\)"),
        ("bicubic", (8, 10), "divisible by a scale >= 1, got 8x10 and scale 4"),
    ],
)
def test_make_lq_refuses_what_it_cannot_do(mode, shape, words):
    with pytest.raises(ValueError, match=words):
        make_lq(mode, np.ones(shape, np.float32), np.ones((*shape, 3), np.uint8), 4)


@pytest.mark.parametrize("mode", LQ_MODES)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_with_its_margin_a_crop_equals_the_frame(mode, scale):
    depth_m, rgb = random_scene(6, H=12 * scale, W=10 * scale)
    whole = make_lq(mode, depth_m, rgb, scale)
    inner, m = (slice(5, 8), slice(4, 6)), lq_margin(mode)
    seen = tuple(slice((s.start - m) * scale, (s.stop + m) * scale) for s in inner)
    crop = make_lq(mode, depth_m[seen], rgb[seen], scale)[m : m + 3, m : m + 2]
    np.testing.assert_allclose(crop, whole[inner], rtol=0, atol=1e-5)


def test_no_mode_is_both_random_and_not():
    assert not set(LQ_MODES) & set(RANDOM_LQ_MODES)
