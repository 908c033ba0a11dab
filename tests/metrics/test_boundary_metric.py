"""Boundary F1 against loops from the definition, and by edges one can draw."""

import math

import numpy as np
import pytest
import torch

from stdnet_arch.metrics.boundary_metric import calculate_boundary_f1


def contours(depth, valid, ratio):
    """Pairs ``(frame, pixel, neighbour)`` where the neighbour is more than ratio times as deep."""
    t, H, W = depth.shape
    found = set()
    for i, y, x in np.ndindex(t, H, W):
        for v, u in ((y, x + 1), (y, x - 1), (y + 1, x), (y - 1, x)):
            inside = 0 <= v < H and 0 <= u < W and valid[i, y, x] and valid[i, v, u]
            if inside and depth[i, v, u] / depth[i, y, x] > ratio:
                found.add((i, y, x, v, u))
    return found


def f1_by_loops(pred, gt, valid):
    total = weights = 0.0
    for ratio in np.linspace(1.05, 1.25, 10):
        claimed, real = contours(pred, valid, ratio), contours(gt, valid, ratio)
        precision, recall = (len(claimed & real) / len(some) for some in (claimed, real))
        total += (ratio - 1) * 2 * precision * recall / (precision + recall)
        weights += ratio - 1
    return total / weights


def test_it_is_the_definition_by_loops(noisy_clip):
    pred, gt, valid = (noisy_clip[key] for key in ("pred", "gt", "valid"))
    expected = f1_by_loops(pred[:, 0], gt[:, 0], valid[:, 0])
    assert 0.1 < expected < 0.99
    assert calculate_boundary_f1(pred, gt, valid=valid) == pytest.approx(expected, rel=1e-12)


def step(at, far=2.0):
    """A clip ``(1, 1, 3, 8)``: 1 m left of a column, ``far`` from it on."""
    depth = torch.ones(1, 1, 3, 8)
    depth[..., at:] = far
    return depth


def test_the_truth_is_perfect_in_any_unit():
    assert calculate_boundary_f1(step(3), step(3)) == 1
    assert calculate_boundary_f1(100 * step(3), step(3)) == 1


def test_an_edge_that_is_one_pixel_off_is_no_edge():
    assert calculate_boundary_f1(step(4), step(3)) == 0


def test_an_edge_the_wrong_way_round_is_no_edge():
    assert calculate_boundary_f1(1 / step(3), step(3)) == 0


def test_one_edge_right_and_one_invented_is_two_thirds():
    pred = step(3)
    pred[..., 6:] = 4
    assert calculate_boundary_f1(pred, step(3)) == pytest.approx(2 / 3)


def test_a_blurred_edge_only_has_its_weak_contours():
    # 15 % of step: five of the ten ratios are below, and only they are contours of the prediction.
    ratios = np.linspace(1.05, 1.25, 10)
    weight = (ratios - 1)[ratios < 1.15].sum() / (ratios - 1).sum()
    assert calculate_boundary_f1(step(3, 1.15), step(3)) == pytest.approx(weight)


def test_a_truth_without_edges_cannot_be_judged():
    assert math.isnan(calculate_boundary_f1(step(3), torch.ones(1, 1, 3, 8)))
    valid = torch.zeros(1, 1, 3, 8, dtype=torch.bool)
    assert math.isnan(calculate_boundary_f1(step(3), step(3), valid=valid))


def test_holes_make_no_edges():
    gt, pred = step(3), step(3)
    gt[0, 0, 1, 5] = 0
    pred[0, 0, 1, 5] = 50
    assert calculate_boundary_f1(pred, gt) == 1


@pytest.mark.parametrize("junk", [0.0, -3.0, math.nan, math.inf])
def test_invalid_pixels_do_not_count(noisy_clip, junk):
    pred, gt, valid = (noisy_clip[key] for key in ("pred", "gt", "valid"))
    before = calculate_boundary_f1(pred, gt, valid=valid)
    gt[~valid] = pred[~valid] = junk
    assert calculate_boundary_f1(pred, gt, valid=valid) == before


def test_a_broken_prediction_is_the_worst():
    pred = step(3)
    pred[0, 0, 2, 7] = math.nan
    assert calculate_boundary_f1(pred, step(3)) == 0


def test_a_prediction_at_the_camera_is_an_edge():
    pred = step(3)
    pred[0, 0, 1, 6] = 0
    assert 0 < calculate_boundary_f1(pred, step(3)) < 1
