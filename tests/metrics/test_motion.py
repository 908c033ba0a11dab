"""What moves, by geometry, and following points, against SciPy."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from stdnet_arch.metrics.motion import look_up, moving_pixels, read_cameras, read_flow
from stdnet_arch.metrics.pixels import read_clip

INTRINSICS = torch.tensor([5.0, 5.0, 3.5, 2.0], dtype=torch.float64)


def test_a_camera_that_slides_moves_the_image_but_not_the_things():
    gt = torch.full((2, 1, 5, 8), 2.0, dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
    pose[1, 0, 3] = 0.8  # 2 px at 2 m
    flow = torch.zeros(1, 2, 5, 8, dtype=torch.float64)
    flow[:, 0] = -2
    flow[0, 0, 1, 3] = 1  # one thing goes the other way
    clip = read_clip(gt, gt)
    moving, static = moving_pixels(clip, 0, read_flow(clip, flow), None, 1.0)
    assert moving.sum() == 39  # flow alone: all but the thing, whose flow is no longer than 1 px
    assert static.nonzero().tolist() == [[0, 1, 3]]
    cameras = read_cameras(clip, INTRINSICS, pose)
    moving, static = moving_pixels(clip, 0, read_flow(clip, flow), cameras, 1.0)
    assert moving.nonzero().tolist() == [[0, 1, 3]]
    assert static.sum() == 39


def test_without_flow_a_change_of_depth_is_motion():
    gt = torch.full((2, 1, 1, 4), 2.0)
    gt[1] = torch.tensor([2.0, 2.03, 2.05, 0.0]).view(1, 1, 4)
    moving, static = moving_pixels(read_clip(gt, gt), 0, None, None, 1.0)
    assert moving.flatten().tolist() == [False, False, True, False]
    assert static.flatten().tolist() == [True, True, False, False]


def test_a_flow_that_is_not_finite_is_neither_motion_nor_rest():
    gt = torch.ones(2, 1, 1, 3)
    flow = torch.tensor([0.0, 5.0, float("nan")]).view(1, 1, 1, 3).expand(1, 2, 1, 3)
    moving, static = moving_pixels(read_clip(gt, gt), 0, flow, None, 1.0)
    assert moving.flatten().tolist() == [False, True, False]
    assert static.flatten().tolist() == [True, False, False]


def test_looking_up_is_bilinear_between_pixels_that_count(noisy_clip):
    values, counted, flow = (noisy_clip[k][1] for k in ("gt", "valid", "flow"))
    got, known = look_up(*map(torch.from_numpy, (values, counted, flow)))
    y, x = np.mgrid[:7, :10]
    to_y, to_x = y + flow[1], x + flow[0]
    inside = (to_y >= 0) & (to_y <= 6) & (to_x >= 0) & (to_x <= 9)
    places = [to_y, to_x]
    full = map_coordinates(counted[0].astype(float), places, order=1, mode="nearest") > 1 - 1e-9
    assert np.array_equal(known[0].numpy(), inside & full)
    expected = map_coordinates(values[0], places, order=1, mode="nearest")
    np.testing.assert_allclose(got[0].numpy()[inside & full], expected[inside & full], atol=1e-12)


@pytest.mark.parametrize("junk", [np.nan, np.inf, 1e30])
def test_what_does_not_count_never_mixes_in(noisy_clip, junk):
    values, counted, flow = (noisy_clip[k][1] for k in ("gt", "valid", "flow"))
    before, known = look_up(*map(torch.from_numpy, (values, counted, flow)))
    again, _ = look_up(*map(torch.from_numpy, (np.where(counted, values, junk), counted, flow)))
    assert torch.equal(before[known], again[known])
