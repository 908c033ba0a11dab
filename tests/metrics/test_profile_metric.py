"""The profile gradient as a metric: against NumPy, and flicker of known size."""

import math

import numpy as np
import pytest
import torch

from stdnet_arch.metrics.profile_metric import calculate_profile_gradient


def by_numpy(pred, gt, valid, part):
    values = []
    for axis in (3, 2):
        error, known = (np.moveaxis(x[:, 0], axis - 1, 2) for x in (pred - gt, valid))
        dx, dt = np.diff(error, axis=2), np.diff(error, axis=0)
        dx, dt = (dx[1:] + dx[:-1]) / 2, (dt[..., 1:] + dt[..., :-1]) / 2
        cells = known[1:, :, 1:] & known[1:, :, :-1] & known[:-1, :, 1:] & known[:-1, :, :-1]
        parts = {"time": np.abs(dt), "along": np.abs(dx), "both": np.hypot(dx, dt)}
        values.append(parts[part][cells])
    return 100 * np.concatenate(values).mean()


@pytest.mark.parametrize("part", ["time", "along", "both"])
def test_the_metric_is_the_formula(noisy_clip, part):
    pred, gt, valid = (noisy_clip[key] for key in ("pred", "gt", "valid"))
    got = calculate_profile_gradient(pred, gt, valid=valid, part=part)
    assert got == pytest.approx(by_numpy(pred, gt, valid, part), rel=1e-9)


def test_a_clip_that_flickers_by_a_centimetre_has_one():
    gt = torch.full((4, 1, 5, 6), 2.0, dtype=torch.float64)
    swing = 0.005 * torch.tensor([1.0, -1, 1, -1]).view(4, 1, 1, 1)
    assert calculate_profile_gradient(gt + swing, gt) == pytest.approx(1)
    assert calculate_profile_gradient(gt + swing, gt, part="along") == pytest.approx(0, abs=1e-9)


def test_an_error_that_stays_does_not_flicker():
    gt = torch.rand(3, 1, 4, 5, dtype=torch.float64) + 1
    pred = gt + torch.rand(1, 1, 4, 5)
    assert calculate_profile_gradient(pred, gt) == pytest.approx(0, abs=1e-9)
    assert calculate_profile_gradient(pred, gt, part="along") > 1


@pytest.mark.parametrize("junk", [0.0, -3.0, math.nan, math.inf])
def test_invalid_pixels_do_not_count_on_slices(noisy_clip, junk):
    pred, gt, valid = (noisy_clip[key] for key in ("pred", "gt", "valid"))
    before = calculate_profile_gradient(pred, gt, valid=valid)
    gt[~valid] = pred[~valid] = junk
    assert calculate_profile_gradient(pred, gt, valid=valid) == pytest.approx(before, rel=1e-12)


def test_nothing_to_judge_is_nan_and_a_broken_prediction_is_inf():
    gt = torch.ones(3, 1, 4, 5)
    assert math.isnan(calculate_profile_gradient(gt[:1], gt[:1]))
    assert math.isnan(calculate_profile_gradient(gt, gt, valid=gt > 1))
    assert calculate_profile_gradient(torch.full_like(gt, math.nan), gt) == math.inf


def test_another_part_is_refused():
    with pytest.raises(ValueError, match="time, along, both, got 'space'"):
        calculate_profile_gradient(torch.ones(2, 1, 3, 3), torch.ones(2, 1, 3, 3), part="space")
