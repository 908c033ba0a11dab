"""Which pixels count, alignment against NumPy's least squares, clips."""

import math
import re

import numpy as np
import pytest
import torch

from stdnet_arch.metrics import pixels
from stdnet_arch.metrics.pixels import counted_pixels, fit_line, mean_error, one_clip, read_clip


@pytest.fixture
def pair():
    """Prediction and truth ``(2, 3, 5)``, and which pixels count."""
    rng = np.random.default_rng(2)
    gt = rng.uniform(1, 9, (2, 3, 5))
    return (
        0.4 * gt + 3 + rng.normal(0, 0.1, gt.shape),
        gt,
        torch.from_numpy(rng.random(gt.shape) > 0.3),
    )


def test_the_best_scale_is_numpys_least_squares(pair):
    pred, gt, counted = pair
    p, g = pred[counted.numpy()], gt[counted.numpy()]
    expected = np.linalg.lstsq(p[:, None], g, rcond=None)[0]
    assert fit_line(pred, gt, counted, "scale") == pytest.approx((expected[0], 0), rel=1e-12)


def test_the_best_scale_and_shift_are_numpys_least_squares(pair, monkeypatch):
    monkeypatch.setattr(pixels, "PIXELS_AT_ONCE", 4)  # over pieces, as in a long clip
    pred, gt, counted = pair
    p, g = pred[counted.numpy()], gt[counted.numpy()]
    expected = np.linalg.lstsq(np.stack([p, np.ones_like(p)], 1), g, rcond=None)[0]
    assert fit_line(pred, gt, counted, "scale-shift") == pytest.approx(tuple(expected), rel=1e-9)


def test_no_alignment_is_the_identity(pair):
    assert fit_line(*pair, "none") == (1, 0)


def test_a_constant_prediction_is_moved_to_the_mean():
    gt = torch.tensor([1.0, 2.0, 6.0])
    assert fit_line(torch.full((3,), 7.0), gt, gt > 0, "scale-shift") == (0, 3)


def test_predictions_that_are_not_finite_do_not_bend_the_line():
    gt = torch.tensor([1.0, 2.0, 3.0])
    pred = torch.tensor([2.0, 4.0, math.nan])
    assert fit_line(pred, gt, gt > 0, "scale") == (0.5, 0)


def test_an_unknown_alignment_is_refused(pair):
    with pytest.raises(ValueError, match=r"none, scale, scale-shift, got 'median'"):
        fit_line(*pair, "median")


def test_nothing_to_align_and_nothing_to_judge_is_nan():
    gt = torch.ones(3)
    line = fit_line(gt, gt, gt > 1, "scale")
    assert line == (1, 0)
    assert math.isnan(mean_error(lambda p, g: p - g, gt, gt, gt > 1, line))


def test_limits_leave_out_their_lower_end_and_keep_their_upper_one():
    gt = torch.tensor([0.0, 1.0, 2.0, 3.0, math.nan, math.inf])
    assert (
        counted_pixels(gt, gt, min_m=1, max_m=3).tolist() == [False] * 2 + [True] * 2 + [False] * 2
    )


@pytest.mark.parametrize("shape", [(1, 3, 1, 4, 5), (3, 1, 4, 5)])
def test_a_clip_may_have_a_batch_axis_of_one(shape):
    gt = torch.rand(shape)
    assert all(part.shape == (3, 1, 4, 5) for part in read_clip(gt, gt))


@pytest.mark.parametrize("shape", [(2, 3, 1, 4, 5), (3, 2, 4, 5), (4, 5)])
def test_anything_but_one_clip_is_refused(shape):
    with pytest.raises(ValueError, match="x must be one clip.*got " + re.escape(str(shape))):
        one_clip(torch.ones(shape), "x", channels=1)


def test_a_clip_is_broken_where_a_pixel_that_counts_is_not_finite():
    gt, pred = torch.ones(2, 1, 1, 3), torch.ones(2, 1, 1, 3)
    pred[1, 0, 0, 2] = math.nan
    assert read_clip(pred, gt).broken
    assert not read_clip(pred, gt, valid=pred.isfinite()).broken


@pytest.mark.parametrize("align", ["scale", "scale-shift"])
def test_a_line_of_pieces_is_the_line_of_the_clip(pair, align):
    pred, gt, counted = pair
    fit = pixels.LineFit()
    # A frame apart, and far from 0, where sums of squares would lose digits.
    for one in zip(pred + 1e4, gt, counted, strict=True):
        fit.add(*one)
    p, g = pred[counted.numpy()] + 1e4, gt[counted.numpy()]
    columns = [p, np.ones_like(p)] if align == "scale-shift" else [p]
    expected = np.linalg.lstsq(np.stack(columns, 1), g, rcond=None)[0]
    assert fit.line(align)[: len(expected)] == pytest.approx(expected, rel=1e-7)
    assert fit.pixels == counted.sum()


def test_a_line_of_nothing_changes_nothing():
    assert pixels.LineFit().line("scale-shift") == (1, 0)
