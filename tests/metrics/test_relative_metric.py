"""AbsRel, RMSE-log and delta against NumPy, and by cases done in the head."""

import math

import numpy as np
import pytest
import torch

from stdnet_arch.metrics.depth_metric import calculate_mae, calculate_rmse
from stdnet_arch.metrics.relative_metric import (
    calculate_absrel,
    calculate_delta,
    calculate_rmse_log,
)

NUMPY = {
    calculate_absrel: lambda p, g: np.mean(np.abs(p - g) / g),
    calculate_rmse_log: lambda p, g: np.sqrt(np.mean((np.log(p) - np.log(g)) ** 2)),
    calculate_delta: lambda p, g: np.mean(np.maximum(p / g, g / p) < 1.25),
}
ALIGNED = [*NUMPY, calculate_rmse, calculate_mae]
PERFECT = {calculate_delta: 1.0}


@pytest.fixture
def noisy():
    """Prediction, truth, mask; all sizes differ; holes, NaN and infinity among the truth."""
    rng = np.random.default_rng(4)
    gt = rng.uniform(0.5, 20, (1, 3, 1, 5, 7))
    pred = gt * np.exp(rng.normal(0, 0.2, gt.shape))
    gt[0, 0, 0, 0, :3] = 0, np.nan, np.inf
    return pred, gt, rng.random(gt.shape) > 0.3


@pytest.mark.parametrize("metric", NUMPY)
@pytest.mark.parametrize("limits", [{}, {"min_m": 2.0, "max_m": 9.0}])
def test_it_is_the_formula_in_numpy(noisy, metric, limits):
    pred, gt, valid = noisy
    low, high = limits.get("min_m", 0), limits.get("max_m", np.inf)
    keep = valid & np.isfinite(gt) & (gt > low) & (gt <= high)
    got = metric(*map(torch.from_numpy, (pred, gt)), valid=torch.from_numpy(valid), **limits)
    assert got == pytest.approx(NUMPY[metric](pred[keep], gt[keep]), rel=1e-12)


@pytest.mark.parametrize(
    ("metric", "value"),
    [(calculate_absrel, 0.10), (calculate_rmse_log, math.log(1.1)), (calculate_delta, 1.0)],
)
def test_ten_percent_too_far(metric, value):
    gt = torch.tensor([1.0, 2.0, 8.0], dtype=torch.float64)
    assert metric(1.1 * gt, gt) == pytest.approx(value)


@pytest.mark.parametrize(("threshold", "share"), [(1.05, 0.25), (1.10, 0.5), (1.25, 0.75)])
def test_delta_counts_what_is_nearer_than_its_threshold(threshold, share):
    gt = torch.full((4,), 2.0, dtype=torch.float64)
    pred = gt * torch.tensor([1.04, 1 / 1.09, 1.2, 1 / 1.3])
    assert calculate_delta(pred, gt, threshold=threshold) == share


@pytest.mark.parametrize("metric", NUMPY)
def test_the_unit_is_of_no_account(noisy, metric):
    pred, gt, valid = noisy
    in_mm = metric(1000 * pred, 1000 * gt, valid=valid)
    assert in_mm == pytest.approx(metric(pred, gt, valid=valid), rel=1e-9)


@pytest.mark.parametrize("metric", NUMPY)
@pytest.mark.parametrize("junk", [0.0, -3.0, math.nan, math.inf])
def test_invalid_pixels_do_not_count(noisy, metric, junk):
    pred, gt, valid = noisy
    expected = metric(pred, gt, valid=valid)
    gt[~valid] = pred[~valid] = junk
    assert metric(pred, gt, valid=valid) == expected


@pytest.mark.parametrize("metric", NUMPY)
def test_the_truth_is_perfect_and_nothing_to_judge_is_nan(metric):
    gt = torch.ones(2, 3)
    assert metric(gt, gt) == PERFECT.get(metric, 0.0)
    assert math.isnan(metric(gt, gt, valid=gt > 1))


@pytest.mark.parametrize("metric", [calculate_absrel, calculate_rmse_log])
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("align", ["none", "scale"])
def test_a_broken_prediction_is_infinitely_wrong(metric, broken, align):
    assert metric(torch.tensor([1.0, broken]), torch.ones(2), align=align) == math.inf


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_a_broken_prediction_is_outside_of_every_delta(broken):
    pred = torch.tensor([1.0, broken, 1.0, 1.0])
    assert calculate_delta(pred, torch.ones(4), threshold=100) == 0.75


def test_a_prediction_at_the_camera_is_one_millimetre_away():
    assert calculate_rmse_log(torch.tensor([-1.0]), torch.ones(1)) == pytest.approx(math.log(1000))


@pytest.mark.parametrize("metric", ALIGNED)
@pytest.mark.parametrize(("align", "line"), [("scale", (3, 0)), ("scale-shift", (3, -0.4))])
def test_alignment_undoes_what_it_names(noisy, metric, align, line):
    _, gt, valid = noisy
    perfect = pytest.approx(PERFECT.get(metric, 0.0), abs=1e-9)
    assert metric(line[0] * gt + line[1], gt, valid=valid, align=align) == perfect
    assert metric(line[0] * gt + line[1], gt, valid=valid) != perfect


def test_the_papers_protocol_has_no_alignment():
    with pytest.raises(ValueError, match=r"without align; got align: scale"):
        calculate_rmse(torch.ones(2), torch.ones(2), align="scale", parity=True)


def test_a_threshold_that_nothing_reaches_is_refused():
    with pytest.raises(ValueError, match="above 1, such as 1.25, got 1.0"):
        calculate_delta(torch.ones(2), torch.ones(2), threshold=1.0)
