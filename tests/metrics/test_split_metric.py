"""Edge and flat, moving and static: masks against SciPy, errors against NumPy."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation

from stdnet_arch.metrics.depth_metric import calculate_mae, calculate_rmse
from stdnet_arch.metrics.pixels import read_clip
from stdnet_arch.metrics.split_metric import (
    calculate_mae_edge,
    calculate_mae_flat,
    calculate_mae_moving,
    calculate_mae_static,
    calculate_rmse_edge,
    calculate_rmse_flat,
    calculate_rmse_moving,
    calculate_rmse_static,
    near_edges,
)

RMSE = (calculate_rmse_edge, calculate_rmse_flat, calculate_rmse_moving, calculate_rmse_static)
MAE = (calculate_mae_edge, calculate_mae_flat, calculate_mae_moving, calculate_mae_static)


def edges_in_scipy(gt, valid, ratio, distance):
    """One frame: neighbours with a larger ratio, then a square around each."""
    edge = np.zeros_like(valid)
    for y, x in np.ndindex(gt.shape):
        for v, u in ((y, x + 1), (y + 1, x)):
            if v < gt.shape[0] and u < gt.shape[1] and valid[y, x] and valid[v, u]:
                pair = sorted((gt[y, x], gt[v, u]))
                edge[y, x] |= pair[1] > ratio * pair[0]
                edge[v, u] |= pair[1] > ratio * pair[0]
    side = 2 * distance + 1
    return binary_dilation(edge, np.ones((side, side))) if distance else edge


@pytest.mark.parametrize("distance", [0, 1, 2])
def test_near_edges_are_dilated_steps(noisy_clip, distance):
    gt = np.sort(noisy_clip["gt"], axis=-1)  # fewer edges than noise has
    clip = read_clip(gt, gt, valid=noisy_clip["valid"])
    got = near_edges(clip, 1.6, distance)
    for i in range(3):
        expected = edges_in_scipy(gt[i, 0], noisy_clip["valid"][i, 0], 1.6, distance)
        assert np.array_equal(got[i, 0].numpy(), expected)
    assert 0 < got.float().mean() < 1


def test_the_edge_of_a_step_is_as_wide_as_asked():
    gt = torch.ones(1, 1, 2, 20)
    gt[..., 10:] = 2
    near = near_edges(read_clip(gt, gt), 1.05, 4)
    assert near[0, 0, 0].nonzero().flatten().tolist() == list(range(5, 15))


@pytest.mark.parametrize("index", range(4))
def test_each_part_is_the_error_of_its_pixels(noisy_clip, index):
    pred, gt, valid = (noisy_clip[key] for key in ("pred", "gt", "valid"))
    edge = near_edges(read_clip(gt, gt, valid=valid), 3.0, 0).numpy()
    moves = np.zeros_like(valid)
    moves[:-1] = np.linalg.norm(noisy_clip["flow"], axis=1, keepdims=True) > 1.5
    parts = (edge, ~edge, moves, ~moves & (np.arange(3) < 2).reshape(3, 1, 1, 1))
    options = ({"edge_ratio": 3.0, "edge_px": 0}, {"flow_px": noisy_clip["flow"], "motion_px": 1.5})
    error = (pred - gt)[valid & parts[index]]
    rmse, mae = (m[index](pred, gt, valid=valid, **options[index // 2]) for m in (RMSE, MAE))
    assert rmse == pytest.approx(100 * np.sqrt(np.mean(error**2)), rel=1e-12)
    assert mae == pytest.approx(100 * np.mean(np.abs(error)), rel=1e-12)


def test_a_blurred_edge_is_wrong_at_the_edge_and_nowhere_else():
    gt = torch.ones(1, 1, 4, 20, dtype=torch.float64)
    gt[..., 10:] = 2
    pred = gt.clone()
    pred[..., 10] = 1.5
    assert calculate_mae_flat(pred, gt) == 0
    assert calculate_mae_edge(pred, gt) == pytest.approx(50 / 10)  # one of ten columns


@pytest.mark.parametrize(("metric", "whole"), [(RMSE, calculate_rmse), (MAE, calculate_mae)])
def test_alignment_is_that_of_the_whole_clip(noisy_clip, metric, whole):
    pred, gt = 3 * noisy_clip["pred"] + 1, noisy_clip["gt"]
    everywhere = metric[0](pred, gt, edge_ratio=1.0001, align="scale-shift")
    assert everywhere == pytest.approx(whole(pred, gt, align="scale-shift"), rel=1e-9)
    part = metric[2](pred, gt, flow_px=noisy_clip["flow"], align="scale-shift")
    assert part == pytest.approx(
        metric[2](7 * pred - 2, gt, flow_px=noisy_clip["flow"], align="scale-shift"), rel=1e-9
    )


@pytest.mark.parametrize("metric", [*RMSE, *MAE])
@pytest.mark.parametrize("junk", [0.0, -3.0, math.nan, math.inf])
def test_invalid_pixels_do_not_count(noisy_clip, metric, junk):
    pred, gt, valid = (noisy_clip[key] for key in ("pred", "gt", "valid"))
    options = {} if "flow" not in str(metric.__kwdefaults__) else {"flow_px": noisy_clip["flow"]}
    before = metric(pred, gt, valid=valid, **options)
    gt[~valid] = pred[~valid] = junk
    assert metric(pred, gt, valid=valid, **options) == pytest.approx(before, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("metric", [*RMSE, *MAE])
def test_nothing_to_judge_is_nan_and_the_truth_is_perfect(metric):
    gt = torch.ones(1, 2, 1, 3, 14)
    gt[..., 7:] = 3
    gt[:, 1, :, 0] *= 2
    assert metric(gt, gt) == 0
    assert math.isnan(metric(gt, gt, valid=gt > 9))


@pytest.mark.parametrize("metric", [*RMSE, *MAE])
def test_a_broken_prediction_is_infinitely_wrong(metric):
    gt = torch.ones(1, 2, 1, 3, 14)
    gt[..., 7:] = 3
    gt[:, 1, :, 0] *= 2
    assert metric(torch.full_like(gt, math.nan), gt) == math.inf


@pytest.mark.parametrize("wrong", [{"edge_ratio": 1.0}, {"edge_px": 1.5}, {"edge_px": -1}])
def test_an_edge_that_is_none_is_refused(wrong):
    words = "above 1 and edge_px a whole number of at least 0, got .*" + str(*wrong.values())
    with pytest.raises(ValueError, match=words):
        calculate_rmse_edge(torch.ones(1, 1, 2, 3), torch.ones(1, 1, 2, 3), **wrong)
