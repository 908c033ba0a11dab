"""Jitter and the spectrum of errors: against NumPy, and by noise and swings of known size."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import periodogram

from stdnet_arch.metrics.flicker_metric import (
    calculate_absrel_band,
    calculate_jitter,
    calculate_temporal_frequency_error,
)


def test_jitter_of_noise_is_its_deviation():
    gt = torch.full((40, 1, 30, 31), 3.0, dtype=torch.float64)
    assert calculate_jitter(gt + 0.02 * torch.randn_like(gt), gt) == pytest.approx(2, rel=0.01)


def test_jitter_is_the_formula_in_numpy(noisy_clip):
    pred, valid = noisy_clip["pred"], noisy_clip["valid"]
    gt = np.broadcast_to(noisy_clip["gt"][:1], pred.shape)
    both = valid[1:] & valid[:-1]
    change = np.diff(pred - gt, axis=0)[both]
    expected = 100 * np.sqrt(np.mean(change**2) / 2)
    assert calculate_jitter(pred, gt.copy(), valid=valid) == pytest.approx(expected, rel=1e-9)


def test_an_error_that_stays_does_not_jitter():
    gt = torch.full((3, 1, 4, 5), 3.0, dtype=torch.float64)
    assert calculate_jitter(gt + torch.rand(1, 1, 4, 5), gt) == pytest.approx(0, abs=1e-6)


def test_what_moves_may_flicker():
    gt = torch.full((2, 1, 4, 6), 3.0)
    flow = torch.zeros(1, 2, 4, 6)
    flow[..., 3:] = 2
    pred = gt.clone()
    pred[1, ..., 3:] += 1
    assert calculate_jitter(pred, gt, flow_px=flow) == 0
    assert calculate_jitter(pred, gt) == pytest.approx(
        100 / 2
    )  # half of the pixels, by sqrt(1/2 / 2)


def sliding_camera():
    """A wall that slides by 2 px as the camera moves; poses say that nothing moves by itself."""
    gt = torch.full((2, 1, 3, 12), 2.0, dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
    pose[1, 0, 3] = 0.8
    flow = torch.zeros(1, 2, 3, 12, dtype=torch.float64)
    flow[:, 0] = -2
    return gt, {"flow_px": flow, "pose": pose, "intrinsics_px": torch.tensor([5.0, 5, 3, 1])}


def test_static_points_are_followed_as_the_camera_moves():
    gt, extras = sliding_camera()
    error = torch.rand(1, 12, dtype=torch.float64)
    pred = gt.clone()
    pred[0] += error
    pred[1] += error.roll(-2, dims=-1)
    assert calculate_jitter(pred, gt, **extras) == pytest.approx(0, abs=1e-9)
    assert calculate_jitter(gt + 0.05 * torch.tensor([0.0, 1]).view(2, 1, 1, 1), gt, **extras) == (
        pytest.approx(5 / math.sqrt(2))
    )


def test_a_point_that_something_covers_is_not_followed():
    gt, extras = sliding_camera()
    gt[1, ..., :6] = 1
    pred = gt.clone()
    pred[1, ..., :6] = 9
    assert calculate_jitter(pred, gt, **extras) == 0


def swinging(t, per_frame, size_m, constant_m=1.0):
    """Truth and a prediction whose error is a constant and a swing over time."""
    gt = torch.full((t, 1, 2, 3), 4.0, dtype=torch.float64)
    swing = size_m * torch.cos(2 * math.pi * per_frame * torch.arange(t).double())
    return gt + (constant_m + swing).view(t, 1, 1, 1), gt


def test_a_swing_within_the_band_has_its_root_mean_square():
    pred, gt = swinging(t=10, per_frame=0.3, size_m=0.05)
    assert calculate_temporal_frequency_error(pred, gt) == pytest.approx(5 / math.sqrt(2))


def test_slow_and_constant_errors_are_not_in_the_upper_band():
    pred, gt = swinging(t=10, per_frame=0.1, size_m=0.05)
    assert calculate_temporal_frequency_error(pred, gt) == pytest.approx(0, abs=1e-9)
    low = calculate_temporal_frequency_error(pred, gt, from_per_frame=0, to_per_frame=0)
    assert low == pytest.approx(100)


def test_a_swing_in_two_frames_is_the_fastest():
    pred, gt = swinging(t=4, per_frame=0.5, size_m=0.05)
    assert calculate_temporal_frequency_error(pred, gt, from_per_frame=0.5) == pytest.approx(5)


@pytest.mark.parametrize("t", [8, 9])
def test_bands_are_those_of_a_periodogram(t):
    rng = np.random.default_rng(0)
    gt = rng.uniform(1, 4, (t, 1, 5, 6))
    pred, valid = gt + rng.normal(0, 0.1, gt.shape), rng.random(gt.shape) > 0.3
    series = [100 * np.abs(p - g)[v].mean() for p, g, v in zip(pred, gt, valid, strict=True)]
    frequency, power = periodogram(series, scaling="spectrum", detrend=False)
    expected = np.sqrt(power[(frequency >= 0.2) & (frequency <= 0.4)].sum())
    band = {"from_per_frame": 0.2, "to_per_frame": 0.4}
    got = calculate_temporal_frequency_error(pred, gt, valid=valid, **band)
    assert got == pytest.approx(expected, rel=1e-9)


def test_a_clip_without_such_a_frequency_cannot_be_judged():
    pred, gt = swinging(t=2, per_frame=0.5, size_m=0.05)
    assert math.isnan(calculate_temporal_frequency_error(pred[:1], gt[:1]))
    assert math.isnan(
        calculate_temporal_frequency_error(pred, gt, from_per_frame=0.2, to_per_frame=0.4)
    )


@pytest.mark.parametrize("metric", [calculate_jitter, calculate_temporal_frequency_error])
@pytest.mark.parametrize("junk", [0.0, -3.0, math.nan, math.inf])
def test_invalid_pixels_do_not_count(noisy_clip, metric, junk):
    pred, gt, valid = (noisy_clip[key] for key in ("pred", "gt", "valid"))
    gt[:] = gt[0]
    before = metric(pred, gt, valid=valid)
    gt[~valid] = pred[~valid] = junk
    assert metric(pred, gt, valid=valid) == pytest.approx(before, rel=1e-12)


@pytest.mark.parametrize("metric", [calculate_jitter, calculate_temporal_frequency_error])
def test_nothing_to_judge_is_nan_and_a_broken_prediction_is_infinitely_wrong(metric):
    gt = torch.ones(4, 1, 3, 5)
    assert metric(gt, gt) == 0
    assert math.isnan(metric(gt, gt, valid=gt > 1))
    assert metric(torch.full_like(gt, math.inf), gt) == math.inf


def test_a_band_that_is_none_is_refused():
    gt = torch.ones(4, 1, 3, 5)
    with pytest.raises(ValueError, match=r"within \[0, 0.5\], got 0.4 and 0.2"):
        calculate_temporal_frequency_error(gt, gt, from_per_frame=0.4, to_per_frame=0.2)


def flickering(t=45):
    """A clip with noise and a relative error that swings by 0.3 per frame."""
    rng = np.random.default_rng(3)
    gt = rng.uniform(1, 4, (t, 1, 5, 6))
    share = 0.2 + 0.05 * np.cos(2 * np.pi * 0.3 * np.arange(t)) + 0.01 * rng.random(t)
    return gt * (1 + share[:, None, None, None]), gt, share


@pytest.mark.parametrize("band", range(11))
def test_a_band_of_absrel_is_a_loop_over_sines(band):
    pred, gt, share = flickering()
    t, total = len(share), 0
    for k in range(-(t // 2), t // 2 + 1):
        # Frequency abs(k) / t lies in [band, band + 1) of 22nds; in whole numbers, so no rounding.
        if band * t <= 22 * abs(k) < (band + 1) * t:
            wave = np.exp(2j * np.pi * k * np.arange(t) / t)
            total = total + wave * (share @ wave.conj()) / t
    expected = np.sqrt(np.mean(np.real(total) ** 2))
    assert calculate_absrel_band(pred, gt, band=band) == pytest.approx(expected, rel=1e-9)


def test_bands_are_orthogonal_parts_of_the_whole():
    pred, gt, share = flickering()
    parts = [calculate_absrel_band(pred, gt, band=band) for band in range(11)]
    assert np.sum(np.square(parts)) == pytest.approx(np.mean(share**2), rel=1e-9)
    assert int(np.argmax(parts[1:])) + 1 == 6  # 22 * 0.3 = 6.6


def test_the_fastest_swing_is_in_the_last_band():
    gt = torch.ones(4, 1, 3, 5)
    pred = gt + 0.1 * torch.tensor([1, 3, 1, 3.0]).view(4, 1, 1, 1)
    assert calculate_absrel_band(pred, gt, band=10) == pytest.approx(0.1)
    assert calculate_absrel_band(pred, gt, band=0) == pytest.approx(0.2)
    assert math.isnan(calculate_absrel_band(pred, gt, band=7))


def test_a_line_for_the_clip_leaves_only_what_is_not_a_line():
    pred, gt, _ = flickering(t=8)
    moved = calculate_absrel_band(3 * pred - 0.5, gt, align="scale-shift", band=0)
    assert moved == pytest.approx(calculate_absrel_band(pred, gt, align="scale-shift", band=0))
    assert calculate_absrel_band(3 * gt - 0.5, gt, align="scale-shift") == pytest.approx(
        0, abs=1e-12
    )


@pytest.mark.parametrize("band", [-1, 11])
def test_a_band_that_is_not_there_is_refused(band):
    gt = torch.ones(4, 1, 3, 5)
    with pytest.raises(ValueError, match=rf"0\.\.10 of 11 bands, got {band}"):
        calculate_absrel_band(gt, gt, band=band)


def test_a_band_of_a_broken_prediction_is_infinitely_wrong():
    gt = torch.ones(4, 1, 3, 5)
    assert calculate_absrel_band(gt, gt) == 0
    assert math.isnan(calculate_absrel_band(gt, gt, valid=gt > 1))
    assert calculate_absrel_band(gt * math.nan, gt) == math.inf
