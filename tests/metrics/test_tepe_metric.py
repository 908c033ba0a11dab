"""Both TEPEs against loops from their definitions, and by cases done in the head."""

import math

import numpy as np
import pytest
import torch

from stdnet_arch.metrics.tepe_metric import calculate_tepe_diff, calculate_tepe_warp3d


def throw(depth, flow, thrown):
    """One image ``(H, W)`` through a z-buffer of discs of 1 px, by loops; NaN where none lands."""
    H, W = depth.shape
    image = np.full((H, W), np.inf)
    for row, column in zip(*np.nonzero(thrown), strict=True):
        x, y = column + flow[0, row, column], row + flow[1, row, column]
        for v, u in np.ndindex(H, W):
            if (u - x) ** 2 + (v - y) ** 2 < 1:
                image[v, u] = min(image[v, u], depth[row, column])
    return np.where(np.isfinite(image), image, np.nan)


def changes(clip, counted):
    """``|(pred - W pred) - (gt - W gt)|`` of each later frame, ``(t - 1, H, W)``."""
    pred, gt, mask = clip["pred"][:, 0], clip["gt"][:, 0], counted[:, 0]
    return np.stack([
        np.abs(
            (pred[i + 1] - throw(pred[i], clip["flow"][i], mask[i]))
            - (gt[i + 1] - throw(gt[i], clip["flow"][i], mask[i]))
        )
        for i in range(len(gt) - 1)
    ])  # fmt: skip


def warp3d(clip, **options):
    return calculate_tepe_warp3d(clip["pred"], clip["gt"], flow_px=clip["flow"], **options)


def test_warp3d_is_the_definition_by_loops(noisy_clip):
    valid = noisy_clip["valid"]
    errors = np.where(valid[1:, 0], changes(noisy_clip, valid), np.nan)
    assert warp3d(noisy_clip, valid=valid) == pytest.approx(100 * np.nanmean(errors), rel=1e-12)


def test_parity_counts_every_pixel_and_takes_gaps_for_zero(noisy_clip):
    errors = changes(noisy_clip, np.ones_like(noisy_clip["valid"]))
    assert np.isnan(errors).any()
    expected = 100 * np.nan_to_num(errors).mean()
    got = warp3d(noisy_clip, valid=noisy_clip["valid"], parity=True)
    assert got == pytest.approx(expected, rel=1e-12)


def test_diff_is_the_definition_in_numpy(noisy_clip):
    valid = noisy_clip["valid"] & (noisy_clip["gt"] <= 5)
    both = valid[1:] & valid[:-1]
    change = np.abs(np.diff(noisy_clip["pred"], axis=0) - np.diff(noisy_clip["gt"], axis=0))
    got = calculate_tepe_diff(
        noisy_clip["pred"], noisy_clip["gt"], valid=noisy_clip["valid"], max_m=5
    )
    assert got == pytest.approx(100 * change[both].mean(), rel=1e-12)


@pytest.mark.parametrize("metric", ["warp3d", "diff"])
def test_a_plane_that_comes_one_centimetre_nearer_and_is_predicted_to_stand(metric):
    gt = torch.tensor([3.00, 2.99, 2.98], dtype=torch.float64).view(1, 3, 1, 1, 1)
    gt = gt.expand(1, 3, 1, 4, 5)
    assert tepe(metric, torch.full_like(gt, 3.0), gt) == pytest.approx(1.0)
    assert tepe(metric, gt, gt) == 0


def tepe(metric, pred, gt):
    """Either metric of a clip ``(1, t, 1, H, W)``; nothing moves in the image."""
    if metric == "diff":
        return calculate_tepe_diff(pred, gt)
    _, t, _, H, W = gt.shape
    return calculate_tepe_warp3d(pred, gt, flow_px=torch.zeros(1, t - 1, 2, H, W))


@pytest.mark.parametrize("metric", ["warp3d", "diff"])
def test_an_error_that_stays_is_no_temporal_error(metric):
    gt = 1 + torch.rand(1, 3, 1, 4, 5, dtype=torch.float64)
    stays = torch.rand(1, 1, 1, 4, 5, dtype=torch.float64)
    assert tepe(metric, gt + stays, gt) == pytest.approx(0, abs=1e-12)


def moving_step():
    """A near half plane that moves one pixel to the right: depth ``(2, 1, 3, 6)`` and its flow."""
    gt = torch.full((2, 1, 3, 6), 4.0, dtype=torch.float64)
    gt[0, ..., :2] = gt[1, ..., :3] = 2
    flow = torch.zeros(1, 2, 3, 6, dtype=torch.float64)
    flow[0, 0, :, :2] = 1
    return gt, flow


def test_an_error_that_moves_along_is_seen_by_diff_and_not_by_warp3d():
    gt, flow = moving_step()
    pred = torch.where(gt == 2, gt + 0.5, gt)
    assert calculate_tepe_warp3d(pred, gt, flow_px=flow) == pytest.approx(0)
    # One column of six leaves the far plane for the near one, which is 50 cm off.
    assert calculate_tepe_diff(pred, gt) == pytest.approx(50 / 6)


def test_what_is_uncovered_does_not_count():
    gt, flow = moving_step()
    pred = gt.clone()
    pred[1, ..., 0] += 9  # behind the moving plane nothing lands
    assert calculate_tepe_warp3d(pred, gt, flow_px=flow) == 0
    pred[1, ..., 1] += 0.1  # one column of the five that are covered
    assert calculate_tepe_warp3d(pred, gt, flow_px=flow) == pytest.approx(2)


def test_without_motion_in_the_image_both_are_one(noisy_clip):
    noisy_clip["flow"] *= 0
    still = warp3d(noisy_clip, valid=noisy_clip["valid"])
    diff = calculate_tepe_diff(noisy_clip["pred"], noisy_clip["gt"], valid=noisy_clip["valid"])
    assert still == pytest.approx(diff, rel=1e-12)


@pytest.mark.parametrize("junk", [0.0, -3.0, math.nan, math.inf])
def test_invalid_pixels_do_not_count(noisy_clip, junk):
    valid = noisy_clip["valid"]
    before = warp3d(noisy_clip, valid=valid)
    diff = calculate_tepe_diff(noisy_clip["pred"], noisy_clip["gt"], valid=valid)
    noisy_clip["gt"][~valid] = noisy_clip["pred"][~valid] = junk
    assert warp3d(noisy_clip, valid=valid) == before
    again = calculate_tepe_diff(noisy_clip["pred"], noisy_clip["gt"], valid=valid)
    assert again == pytest.approx(diff, rel=1e-12)


def test_centimetres_scale_with_the_depth(noisy_clip):
    once = warp3d(noisy_clip)
    noisy_clip["pred"], noisy_clip["gt"] = 2 * noisy_clip["pred"], 2 * noisy_clip["gt"]
    assert warp3d(noisy_clip) == pytest.approx(2 * once, rel=1e-12)


@pytest.mark.parametrize("metric", ["warp3d", "diff"])
def test_nothing_to_judge_is_nan_and_a_broken_prediction_is_infinitely_wrong(metric):
    gt = torch.ones(1, 2, 1, 3, 4)
    pred = gt.clone()
    pred[0, 1, 0, 2, 2] = math.inf
    assert tepe(metric, pred, gt) == math.inf
    assert math.isnan(tepe(metric, gt, torch.zeros_like(gt)))
    assert math.isnan(tepe(metric, gt[:, :1], gt[:, :1]))


def test_a_flow_of_another_clip_is_refused(noisy_clip):
    noisy_clip["flow"] = noisy_clip["flow"][:1]
    with pytest.raises(ValueError, match=r"must be \(2, 2, 7, 10\) .* got \(1, 2, 7, 10\)"):
        warp3d(noisy_clip)
