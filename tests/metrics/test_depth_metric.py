"""Depth metrics against NumPy, by hand, and on real frames."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from basicsr.metrics import calculate_metric
from basicsr.utils.registry import METRIC_REGISTRY

from stdnet_arch.metrics import pixels
from stdnet_arch.metrics.depth_metric import calculate_mae, calculate_rmse

METRICS = (calculate_rmse, calculate_mae)
CLIP = Path(__file__).parents[2] / "datasets/DyDToF"
# RMSE, MAE [cm] of plain interpolation on the 20 real frames, as published with the data.
INTERPOLATION_CM = {
    ("nearest", 4): (27.83, 5.18),
    ("nearest", 8): (39.12, 8.09),
    ("nearest", 16): (53.80, 13.69),
    ("bilinear", 4): (23.38, 5.16),
    ("bilinear", 8): (33.48, 8.00),
    ("bilinear", 16): (47.31, 13.13),
    ("bicubic", 4): (24.34, 6.04),
    ("bicubic", 8): (34.63, 9.25),
    ("bicubic", 16): (48.75, 14.83),
}


@pytest.fixture
def noisy():
    """Prediction, truth and mask; all sizes differ; holes, NaN and infinity among the truth."""
    rng = np.random.default_rng(3)
    gt = rng.uniform(0.5, 20, (2, 3, 1, 5, 7))
    pred = gt + rng.normal(0, 0.3, gt.shape)
    gt[0, 0, 0, 0, :3] = 0, np.nan, np.inf
    return pred, gt, rng.random(gt.shape) > 0.3


def numpy_errors(pred, gt, keep):
    error = (pred - gt)[keep]
    return 100 * np.sqrt(np.mean(error**2)), 100 * np.mean(np.abs(error))


@pytest.mark.parametrize("metric", METRICS)
def test_one_centimetre_is_one(metric):
    gt = torch.full((1, 2, 1, 3, 4), 2.0, dtype=torch.float64)
    assert metric(gt + 0.01, gt) == pytest.approx(1.0)


def test_rmse_weighs_large_errors_more_than_mae():
    gt = torch.ones(4)
    pred = gt + torch.tensor([0.0, 0.0, 0.0, 0.04])
    assert calculate_mae(pred, gt) == pytest.approx(1.0, rel=1e-5)
    assert calculate_rmse(pred, gt) == pytest.approx(2.0, rel=1e-5)


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    "limits", [{}, {"min_m": 2.0}, {"max_m": 9.0}, {"min_m": 2.0, "max_m": 9.0}]
)
def test_masked_error_equals_numpy(noisy, index, limits):
    pred, gt, valid = noisy
    bounds = {"min_m": 0.0, "max_m": np.inf, **limits}
    keep = valid & np.isfinite(gt) & (gt > bounds["min_m"]) & (gt <= bounds["max_m"])
    got = METRICS[index](
        torch.from_numpy(pred), torch.from_numpy(gt), valid=torch.from_numpy(valid), **limits
    )
    assert got == pytest.approx(numpy_errors(pred, gt, keep)[index], rel=1e-12)


@pytest.mark.parametrize("index", [0, 1])
def test_arrays_and_tensors_give_the_same_number(noisy, index):
    pred, gt, valid = noisy
    tensors = METRICS[index](
        torch.from_numpy(pred), torch.from_numpy(gt), valid=torch.from_numpy(valid)
    )
    assert METRICS[index](pred, gt, valid=valid) == tensors


@pytest.mark.parametrize("index", [0, 1])
def test_parity_counts_every_pixel(noisy, index):
    pred, _, valid = noisy
    gt = pred + 0.25
    gt[~valid] = 0
    got = METRICS[index](pred, gt, valid=valid, parity=True)
    assert got == pytest.approx(numpy_errors(pred, gt, np.ones_like(valid))[index], rel=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("junk", [0.0, -3.0, math.nan, math.inf])
def test_invalid_pixels_do_not_count(noisy, metric, junk):
    pred, gt, valid = noisy
    expected = metric(pred, gt, valid=valid)
    gt[~valid] = junk
    pred[~valid] = junk
    assert metric(pred, gt, valid=valid) == expected


@pytest.mark.parametrize("metric", METRICS)
def test_no_depth_does_not_count_without_a_mask(metric):
    gt = torch.tensor([0.0, math.nan, math.inf, -1.0, 4.0], dtype=torch.float64)
    assert metric(torch.full_like(gt, 4.5), gt) == pytest.approx(50.0)


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_to_judge_is_nan_and_not_zero(metric):
    gt = torch.ones(2, 3)
    assert math.isnan(metric(gt, gt, valid=torch.zeros(2, 3, dtype=torch.bool)))
    assert math.isnan(metric(gt, torch.zeros(2, 3)))
    assert math.isnan(metric(torch.ones(0), torch.ones(0)))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("parity", [False, True])
def test_a_broken_prediction_is_infinitely_wrong(metric, broken, parity):
    gt = torch.ones(6)
    pred = gt.clone()
    pred[2] = broken
    assert metric(pred, gt, parity=parity) == math.inf


@pytest.mark.parametrize("metric", METRICS)
def test_the_sum_is_float64_over_pieces(metric, monkeypatch):
    monkeypatch.setattr(pixels, "PIXELS_AT_ONCE", 1000)
    # In float32 a running sum of 3e5 equal squares drifts by 1e-4; here nothing may be lost.
    gt = torch.full((300_001,), 10.0)
    pred = gt + 0.125
    assert metric(pred, gt) == 12.5


@pytest.mark.parametrize("metric", METRICS)
def test_any_leading_shape_gives_the_same_number(noisy, metric):
    pred, gt, _ = (torch.from_numpy(x) for x in noisy)
    flat = metric(pred.flatten(), gt.flatten())
    assert metric(pred, gt) == flat
    swapped = metric(pred.transpose(3, 4), gt.transpose(3, 4))
    assert swapped == pytest.approx(flat, rel=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_bad_arguments_are_named(metric):
    gt = torch.ones(2, 3)
    with pytest.raises(ValueError, match=r"one shape, got \(2, 4\) and \(2, 3\)"):
        metric(torch.ones(2, 4), gt)
    with pytest.raises(TypeError, match=r"valid must be bool, got torch.uint8"):
        metric(gt, gt, valid=torch.ones(2, 3, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"shape of gt_m, got \(3,\) and \(2, 3\)"):
        metric(gt, gt, valid=torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"takes no limits, got min_m=0.0, max_m=8.0"):
        metric(gt, gt, parity=True, max_m=8.0)


@pytest.mark.parametrize("name", ["calculate_rmse", "calculate_mae"])
def test_the_toolbox_finds_the_metric_and_its_direction(name):
    gt = torch.ones(2, 3, dtype=torch.float64)
    assert METRIC_REGISTRY.get(name).better == "lower"
    assert calculate_metric({"pred_m": gt + 0.5, "gt_m": gt}, {"type": name}) == pytest.approx(50)


@pytest.mark.skipif(not CLIP.exists(), reason="needs the real frames at datasets/DyDToF")
@pytest.mark.parametrize("scale", [4, 8, 16])
def test_interpolation_of_real_frames_gives_the_published_table(scale):
    def read(folder):
        files = sorted((CLIP / folder / "school/school_shot8/depth").glob("*.npy"))
        return torch.from_numpy(np.stack([np.load(file) for file in files]))[:, None]

    gt, lq = read("DyDToF_HR_RGB"), read(f"DyDToF_LR/X{scale}")
    table = {
        mode: tuple(
            round(m(F.interpolate(lq, scale_factor=scale, mode=mode), gt), 2) for m in METRICS
        )
        for mode in ("nearest", "bilinear", "bicubic")
    }
    assert table == {mode: INTERPOLATION_CM[mode, scale] for mode in table}
