"""OPW and TAE against NumPy, SciPy and loops, and by cases done in the head."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from stdnet_arch.metrics.consistency_metric import calculate_opw, calculate_tae

INTRINSICS = np.array([6.0, 7.0, 4.25, 3.5])


def opw(clip, **options):
    extras = {"flow_px": clip["flow"], "guide": clip["guide"]}
    return calculate_opw(clip["pred"], clip["gt"], **extras, **options)


def opw_in_numpy(clip, valid, sharpness):
    """Weighted jumps of the pixels that land between four valid ones."""
    y, x = np.mgrid[:7, :10]
    jumps = []
    for i, flow in enumerate(clip["flow"]):
        to = [y + flow[1], x + flow[0]]

        def look(image, to=to):
            return map_coordinates(image, to, order=1, mode="nearest")

        within = (to[0] >= 0) & (to[0] <= 6) & (to[1] >= 0) & (to[1] <= 9)
        judged = valid[i, 0] & within & (look(valid[i + 1, 0].astype(float)) > 1 - 1e-9)
        colors = sum((clip["guide"][i, c] - look(clip["guide"][i + 1, c])) ** 2 for c in range(3))
        jump = np.abs(clip["pred"][i, 0] - look(clip["pred"][i + 1, 0]))
        jumps.append((np.exp(-sharpness * colors) * jump)[judged])
    return 100 * np.concatenate(jumps).mean()


@pytest.mark.parametrize("sharpness", [0.0, 2.0, 50.0])
def test_opw_is_the_formula_in_numpy(noisy_clip, sharpness):
    valid = noisy_clip["valid"]
    got = opw(noisy_clip, valid=valid, sharpness=sharpness)
    assert got == pytest.approx(opw_in_numpy(noisy_clip, valid, sharpness), rel=1e-9)


def test_a_jump_of_one_centimetre_is_one_where_the_colour_stays(noisy_clip):
    gt = torch.ones(3, 1, 7, 10, dtype=torch.float64)
    pred = gt + torch.tensor([0.0, 0.01, 0.0]).view(3, 1, 1, 1)
    still = {"flow_px": torch.zeros(2, 2, 7, 10), "guide": torch.full((3, 3, 7, 10), 0.5)}
    assert calculate_opw(pred, gt, **still) == pytest.approx(1)
    still["guide"][1] += 0.1  # three squares of a tenth
    assert calculate_opw(pred, gt, **still) == pytest.approx(math.exp(-50 * 0.03), rel=1e-5)
    assert calculate_opw(gt, gt, **still) == 0


def test_what_leaves_the_image_is_not_in_opw():
    pred = torch.tensor([[1.0, 2.0, 3.0], [9.0, 1.0, 2.0]]).view(2, 1, 1, 3)
    flow = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
    assert calculate_opw(pred, pred, flow_px=flow, guide=torch.ones(2, 3, 1, 3)) == 0


def pose(turn, x, y, z):
    """Camera to world: a turn about the vertical and a place."""
    c, s = math.cos(turn), math.sin(turn)
    return np.array([[c, 0, s, x], [0, 1, 0, y], [-s, 0, c, z], [0, 0, 0, 1.0]])


POSES = np.stack([pose(0.0, 0, 0, 0), pose(0.05, 0.2, -0.1, 0.3), pose(-0.04, 0.3, 0.1, 0.1)])


def tae_by_loops(pred, valid):
    fx, fy, cx, cy = INTRINSICS
    errors = []
    for i, k in [(0, 1), (1, 0), (1, 2), (2, 1)]:
        seen = np.full((7, 10), np.inf)
        for row, column in zip(*np.nonzero(valid[i]), strict=True):
            z = pred[i, row, column]
            world = POSES[i] @ [z * (column - cx) / fx, z * (row - cy) / fy, z, 1]
            x, y, depth, _ = np.linalg.inv(POSES[k]) @ world
            u, v = round(fx * x / depth + cx), round(fy * y / depth + cy)
            if 0 <= u < 10 and 0 <= v < 7:
                seen[v, u] = min(seen[v, u], depth)
        judged = np.isfinite(seen) & valid[k]
        errors.append((np.abs(seen - pred[k]) / pred[k])[judged].mean())
    return 100 * np.mean(errors)


def tae(clip, poses=POSES, **options):
    extras = {"intrinsics_px": INTRINSICS, "pose": poses}
    return calculate_tae(clip["pred"], clip["gt"], **extras, **options)


def test_tae_is_the_reprojection_by_loops(noisy_clip):
    valid = noisy_clip["valid"]
    expected = tae_by_loops(noisy_clip["pred"][:, 0], valid[:, 0])
    assert tae(noisy_clip, valid=valid) == pytest.approx(expected, rel=1e-9)


def test_a_wall_seen_by_a_camera_that_comes_nearer():
    gt = torch.tensor([4.0, 3.0], dtype=torch.float64).view(1, 2, 1, 1, 1).expand(1, 2, 1, 7, 10)
    extras = {
        "intrinsics_px": INTRINSICS[None],
        "pose": np.stack([pose(0, 0, 0, z) for z in (0, 1)])[None],
    }
    assert calculate_tae(gt, gt, **extras) == pytest.approx(0, abs=1e-12)
    # Predicted to stay at 4 m: seen from the other frame it is at 3 m or 5 m, a quarter off.
    assert calculate_tae(torch.full_like(gt, 4), gt, **extras) == pytest.approx(25)


def test_tae_has_no_unit(noisy_clip):
    once = tae(noisy_clip)
    far = POSES.copy()
    far[:, :3, 3] *= 10
    noisy_clip["pred"], noisy_clip["gt"] = 10 * noisy_clip["pred"], 10 * noisy_clip["gt"]
    assert tae(noisy_clip, far) == pytest.approx(once, rel=1e-9)


@pytest.mark.parametrize("metric", [opw, tae])
@pytest.mark.parametrize("junk", [0.0, -3.0, math.nan, math.inf])
def test_invalid_pixels_do_not_count(noisy_clip, metric, junk):
    valid = noisy_clip["valid"]
    before = metric(noisy_clip, valid=valid)
    noisy_clip["gt"][~valid] = noisy_clip["pred"][~valid] = junk
    assert metric(noisy_clip, valid=valid) == pytest.approx(before, rel=1e-12)


@pytest.mark.parametrize("metric", [opw, tae])
def test_nothing_to_judge_is_nan_and_a_broken_prediction_is_infinitely_wrong(noisy_clip, metric):
    assert math.isnan(metric(noisy_clip, valid=np.zeros_like(noisy_clip["valid"])))
    noisy_clip["pred"][1, 0, 2, 3] = math.nan
    assert metric(noisy_clip) == math.inf


def test_a_prediction_behind_the_camera_is_infinitely_misaligned(noisy_clip):
    noisy_clip["pred"][1, 0, 2, 3] = -1
    assert tae(noisy_clip) == math.inf


def test_poses_and_intrinsics_of_another_clip_are_refused(noisy_clip):
    with pytest.raises(ValueError, match=r"pose must be \(3, 4, 4\).*got \(2, 4, 4\)"):
        tae(noisy_clip, POSES[:2])
    extras = {"intrinsics_px": np.eye(3), "pose": POSES}
    with pytest.raises(ValueError, match=r"fx, fy, cx, cy, \(4,\), got \(3, 3\)"):
        calculate_tae(noisy_clip["pred"], noisy_clip["gt"], **extras)


def test_a_guide_of_another_clip_is_refused(noisy_clip):
    noisy_clip["guide"] = noisy_clip["guide"][:2]
    with pytest.raises(ValueError, match=r"guide must be \(3, 3, 7, 10\).*got \(2, 3, 7, 10\)"):
        opw(noisy_clip)
