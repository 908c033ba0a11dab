"""Errors of a clip: numbers by NumPy, pictures in one range, a slice."""

import json

import cv2
import numpy as np
import pytest

from stdnet_arch.visual.colorize import colorize_error, error_cm
from stdnet_arch.visual.truth import TruthFrame, write_errors


def clip(t=3, height=8, width=12):
    random = np.random.default_rng(0)
    gt_m = random.uniform(1, 5, (t, height, width)).astype(np.float32)
    pred_m = gt_m + random.normal(0, 0.1, gt_m.shape).astype(np.float32)
    gt_m[0, :2], gt_m[1, 0, 0] = 0, np.nan
    rgb = random.integers(0, 256, (t, height, width, 3)).astype(np.uint8)
    names = [f"f{i}" for i in range(t)]
    return gt_m, pred_m, lambda: map(TruthFrame, names, rgb, pred_m, gt_m)


def test_numbers_are_those_of_all_known_pixels(tmp_path):
    gt_m, pred_m, frames = clip()
    numbers = write_errors(tmp_path, frames, "there")
    known = np.isfinite(gt_m) & (gt_m > 0)
    error = 100 * (pred_m - gt_m)[known].astype(np.float64)
    assert numbers["rmse_cm"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-5)
    assert numbers["mae_cm"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert numbers["pixels"] == known.sum() == 3 * 96 - 25
    assert json.loads((tmp_path / "errors.json").read_text()) == {"gt": "there", **numbers}


def test_pictures_share_one_range(tmp_path):
    gt_m, pred_m, frames = clip()
    limit_cm = write_errors(tmp_path, frames, "")["limit_cm"]
    assert limit_cm >= np.nanpercentile(error_cm(pred_m[2], gt_m[2]), 95)
    for i in range(3):
        picture = cv2.imread(str(tmp_path / f"f{i}.png"))[..., ::-1]
        expected = colorize_error(error_cm(pred_m[i], gt_m[i]), limit_cm)
        np.testing.assert_array_equal(picture, expected)
    assert cv2.imread(str(tmp_path / "slice.png")) is not None


def test_a_clip_without_truth_has_no_numbers_and_no_slice(tmp_path):
    gt_m, _, frames = clip()
    gt_m[:] = 0
    numbers = write_errors(tmp_path, frames, "")
    assert (numbers["rmse_cm"], numbers["pixels"]) == (None, 0)
    assert not (tmp_path / "slice.png").exists()


def test_sizes_that_differ_and_no_frames_are_refused(tmp_path):
    frame = TruthFrame("a", np.zeros((2, 3, 3)), np.ones((2, 3)), np.ones((4, 6)))
    with pytest.raises(ValueError, match=r"must be alike, got \(2, 3\) and \(4, 6\)"):
        write_errors(tmp_path, lambda: [frame], "")
    with pytest.raises(ValueError, match="at least one frame"):
        write_errors(tmp_path, list, "")
