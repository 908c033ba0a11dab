"""Errors of a stage against the metrics of whole clips."""

import math

import numpy as np
import pytest

from stdnet_arch.metrics.depth_metric import calculate_rmse
from stdnet_arch.metrics.flicker_metric import calculate_absrel_band
from stdnet_arch.metrics.relative_metric import calculate_absrel, calculate_delta
from stdnet_arch.stereodiff.scores import score_video


def clip(t=23):
    rng = np.random.default_rng(4)
    gt = rng.uniform(1, 5, (t, 6, 8)).astype(np.float32)
    return gt * rng.uniform(0.7, 1.4, gt.shape).astype(np.float32) + np.float32(0.2), gt


@pytest.mark.parametrize("align", ["none", "scale-shift"])
def test_scores_are_the_metrics_of_the_whole_clip(align):
    pred, gt = clip()
    got = score_video(lambda: zip(pred, gt, strict=True), align)
    whole = pred[:, None], gt[:, None]
    assert got["absrel"] == pytest.approx(calculate_absrel(*whole, align=align), rel=1e-6)
    assert got["delta_1_25"] == pytest.approx(calculate_delta(*whole, align=align), rel=1e-6)
    assert got["rmse_cm"] == pytest.approx(calculate_rmse(*whole, align=align), rel=1e-6)
    f10 = calculate_absrel_band(*whole, align=align, band=10)
    assert got["absrel_f10"] == pytest.approx(f10, rel=1e-6)
    assert got["known"] == 1


def test_pixels_without_depth_are_not_judged_but_counted():
    pred, gt = clip(t=4)
    pred[:, :3] = 0
    got = score_video(lambda: zip(pred, gt, strict=True))
    assert got["known"] == 0.5
    half = pred[:, None, 3:], gt[:, None, 3:]
    assert got["absrel"] == pytest.approx(calculate_absrel(*half), rel=1e-6)


def test_small_depth_is_compared_with_the_nearest_true_pixels():
    gt = np.kron(np.array([[1.0, 2.0]], np.float32), np.ones((4, 4), np.float32))
    small = np.array([[1.0, 2.0]], np.float32)
    assert score_video(lambda: [(small, gt)])["absrel"] == 0


def test_a_frame_without_depth_leaves_no_series():
    gt = np.ones((3, 2, 2), np.float32)
    pred = gt.copy()
    pred[1] = 0
    got = score_video(lambda: zip(pred, gt, strict=True))
    assert (got["absrel"], got["delta_1_25"]) == (0, 1)
    assert math.isnan(got["absrel_f10"])
