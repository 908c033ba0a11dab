"""Histograms and photons: noiseless they are dtof_peak, noisy they are Poisson."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sensor_loop import random_scene

from stdnet_arch.data.lq import dtof_histogram as module
from stdnet_arch.data.lq.dtof_histogram import (
    count_photons,
    dtof_histogram,
    dtof_photon_peak,
    expected_photons,
    peak_depth_m,
)
from stdnet_arch.data.lq.dtof_sensor import dtof_peak

BLOCKS = 20_000
STANDARD_ERRORS = 5  # of the mean: fails once in a million seeds


def flat_scene(depth_m, grey, H=8, W=8):
    """One wall of one colour."""
    return np.full((H, W), depth_m, np.float32), np.full((H, W, 3), grey, np.uint8)


@given(
    depth_m=hnp.arrays(
        np.float32, (8, 12), elements=st.sampled_from([0, 1, 2.5, 2.6, 7, 50, 99, 101, np.nan])
    ),
    rgb=hnp.arrays(np.uint8, (8, 12, 3), elements=st.sampled_from([0, 1, 60, 61, 240, 255])),
    scale=st.sampled_from([1, 2, 4]),
    bins=st.sampled_from([2, 30, 1024]),
)
def test_the_noiseless_peak_is_dtof_peak(depth_m, rgb, scale, bins):
    histogram = dtof_histogram(depth_m, rgb, scale, 100, bins)
    peak = peak_depth_m(histogram, 100)
    np.testing.assert_array_equal(peak, dtof_peak(depth_m, rgb, scale, 100, bins))


def test_the_histogram_is_the_light_of_each_pixel():
    depth_m, rgb = random_scene(1, H=8, W=12)
    expected = np.zeros((2, 3, 1024))
    for y, x in np.argwhere((depth_m > 0) & (depth_m <= 100)):
        share = float(depth_m[y, x]) / 100
        light = rgb[y, x].sum() / 3 / (1e-3 + share**2)
        expected[y // 4, x // 4, round(share * 1023)] += light
    np.testing.assert_allclose(dtof_histogram(depth_m, rgb, 4), expected, rtol=1e-5)


@pytest.mark.parametrize(("grey", "depth_m"), [(255, 10.0), (51, 10.0), (255, 40.0)])
def test_a_white_block_at_a_tenth_of_the_range_returns_the_signal(grey, depth_m):
    light = dtof_histogram(*flat_scene(depth_m, grey), 4)
    photons = expected_photons(light, 4, signal=700).sum(axis=-1)
    law = grey / 255 * (1e-3 + 0.01) / (1e-3 + (depth_m / 100) ** 2)
    np.testing.assert_allclose(photons, 700 * law, rtol=1e-5)


@pytest.mark.parametrize("background", [0, 12, 60])  # none, fewer and more than the 40 bins
def test_counts_have_the_mean_and_variance_of_poisson(background):
    expected = np.zeros((BLOCKS, 1, 40))
    expected[:, 0, 7] = 3.0
    counts = count_photons(expected, background, np.random.default_rng(0))[:, 0]
    mean = expected[0, 0] + background / 40
    error = np.sqrt(mean / BLOCKS)
    assert (np.abs(counts.mean(axis=0) - mean) <= STANDARD_ERRORS * error).all()
    # The variance of a sample variance is (mean + 2 mean^2) / n for Poisson counts.
    spread = np.sqrt((mean + 2 * mean**2) / BLOCKS)
    assert (np.abs(counts.var(axis=0) - mean) <= STANDARD_ERRORS * spread).all()


@pytest.mark.parametrize("background", [12, 60])
def test_bins_and_blocks_are_independent(background):
    counts = count_photons(np.zeros((BLOCKS, 1, 40)), background, np.random.default_rng(1))[:, 0]
    bins = np.corrcoef(counts[:, 3], counts[:, 4])[0, 1]
    blocks = np.corrcoef(counts[:-1, 3], counts[1:, 3])[0, 1]
    assert max(abs(bins), abs(blocks)) <= STANDARD_ERRORS / np.sqrt(BLOCKS)


def test_much_light_finds_the_peak_and_none_finds_nothing():
    depth_m, rgb = flat_scene(7.0, 200, H=16, W=24)
    depth_m[:, 12:] = 30
    rng = np.random.default_rng(2)
    np.testing.assert_array_equal(
        dtof_photon_peak(depth_m, rgb, 4, 1e5, 100, rng), dtof_peak(depth_m, rgb, 4)
    )
    assert not dtof_photon_peak(depth_m, rgb, 4, 0, 0, rng).any()


def test_little_light_in_much_background_is_often_wrong_and_farther_is_worse():
    depth_m, rgb = flat_scene(10.0, 255, H=80, W=160)
    depth_m[:, 80:] = 25
    lq_m = dtof_photon_peak(depth_m, rgb, 4, 9, 400, np.random.default_rng(3))
    wrong = np.abs(lq_m - dtof_peak(depth_m, rgb, 4)) > 0.1
    assert 0 < wrong[:, :20].mean() < 0.1 < wrong[:, 20:].mean() < 1


def test_background_alone_is_seen_anywhere():
    depth_m, rgb = flat_scene(np.nan, 255, H=80, W=80)
    lq_m = dtof_photon_peak(depth_m, rgb, 2, 1e4, 1.0, np.random.default_rng(4))
    lost = (lq_m == 0).mean()
    assert lost == pytest.approx(np.exp(-1), abs=STANDARD_ERRORS * 0.48 / 40)
    # Ties go to the nearer bin, so the mean lies somewhat below the middle.
    assert 30 < lq_m[lq_m > 0].mean() < 50


def test_a_seed_repeats_the_exposure_whatever_follows(monkeypatch):
    depth_m, rgb = random_scene(2)
    one, two, other = (
        dtof_photon_peak(depth_m, rgb, 4, 30, 20, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_bands_are_one_frame(monkeypatch):
    depth_m, rgb = random_scene(2)
    monkeypatch.setattr(module, "BAND_BINS", 1)
    lq_m = dtof_photon_peak(depth_m, rgb, 4, 1e9, 0, np.random.default_rng(0), 20, 300)
    assert lq_m.shape == (6, 10)
    assert (lq_m == dtof_peak(depth_m, rgb, 4, 20, 300)).mean() > 0.9  # near ties may go either way


@pytest.mark.parametrize(("signal", "background"), [(-1, 0), (0, -1), (float("nan"), 0)])
def test_negative_light_is_refused(signal, background):
    with pytest.raises(ValueError, match="signal and background must be >= 0 photons, got"):
        dtof_photon_peak(*flat_scene(5, 9), 4, signal, background, np.random.default_rng(0))
