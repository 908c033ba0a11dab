"""Warps against loops written from the definitions, and by cases done in the head."""

import math

import numpy as np
import pytest
import torch
from basicsr.archs.arch_util import flow_warp as toolbox_warp
from scipy.ndimage import map_coordinates

from stdnet_arch.ops.warp import camera_flow, flow_sample, flow_warp, splat


@pytest.fixture
def scene(device):
    """Depth ``(2, 1, 6, 9)`` and a flow ``(2, 2, 6, 9)`` that leaves the image here and there."""
    depth = 1 + 4 * torch.rand(2, 1, 6, 9, dtype=torch.float64)
    return depth.to(device), (2.5 * torch.randn(2, 2, 6, 9, dtype=torch.float64)).to(device)


def splat_by_loops(depth, flow, thrown, radius):
    """One image ``(H, W)``, flow ``(2, H, W)``: the nearest disc over each pixel, inf for none."""
    H, W = depth.shape
    image = np.full((H, W), np.inf)
    for row, column in zip(*np.nonzero(thrown), strict=True):
        x, y = column + flow[0, row, column], row + flow[1, row, column]
        for v, u in np.ndindex(H, W):
            nearest = radius == 0 and (u, v) == (np.rint(x), np.rint(y))
            if nearest or (u - x) ** 2 + (v - y) ** 2 < radius**2:
                image[v, u] = min(image[v, u], depth[row, column])
    return image


@pytest.mark.parametrize("radius", [0, 0.7, 1, 1.5, 2])
def test_splat_is_the_nearest_disc_over_each_pixel(scene, radius):
    depth, flow = scene
    valid = torch.rand(depth.shape, device=depth.device) > 0.2
    image, covered = splat(depth, flow, valid, radius)
    for i in range(2):
        parts = (x[i].cpu().numpy() for x in (depth[:, 0], flow, valid[:, 0]))
        expected = splat_by_loops(*parts, radius)
        assert np.array_equal(covered[i, 0].cpu().numpy(), np.isfinite(expected))
        there = np.where(np.isfinite(expected), expected, 0)
        np.testing.assert_array_equal(image[i, 0].cpu().numpy(), there)


def test_no_motion_is_the_identity(scene):
    depth, flow = scene
    image, covered = splat(depth, torch.zeros_like(flow))
    assert torch.equal(image, depth)
    assert covered.all()
    assert torch.equal(flow_warp(depth, torch.zeros_like(flow))[0].float(), depth.float())


def test_whole_pixels_move_and_leave_a_gap_behind():
    depth = torch.tensor([[1.0, 2.0, 3.0, 4.0]]).view(1, 1, 1, 4)
    flow = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 4)
    image, covered = splat(depth, flow)
    assert image.flatten().tolist() == [0, 1, 2, 3]
    assert covered.flatten().tolist() == [False, True, True, True]


def test_half_a_pixel_covers_both_neighbours_and_the_nearer_depth_wins():
    depth = torch.tensor([5.0, 3.0, 4.0]).view(1, 1, 1, 3)
    flow = torch.tensor([0.5, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
    assert splat(depth, flow)[0].flatten().tolist() == [5, 3, 3]


def test_one_flow_serves_several_images(scene):
    depth, flow = scene
    image, _ = splat(depth, flow[:1])
    both = splat(depth, flow[:1].expand(2, -1, -1, -1))[0]
    assert torch.equal(image, both)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_flow_that_is_not_finite_throws_nothing(broken):
    depth, flow = torch.ones(1, 1, 3, 4), torch.zeros(1, 2, 3, 4)
    flow[0, 0, 1, 2] = broken
    covered = splat(depth, flow)[1]
    assert (~covered).nonzero().tolist() == [[0, 0, 1, 2]]
    assert flow_warp(depth, flow)[0].isfinite().all()
    assert (~flow_warp(depth, flow)[1]).nonzero().tolist() == [[0, 0, 1, 2]]


def test_flow_warp_is_the_bilinear_lookup_of_scipy(scene):
    depth, flow = scene
    warped, inside = flow_warp(depth, flow)
    y, x = np.mgrid[:6, :9]
    for image, move, got, within in zip(depth, flow, warped, inside, strict=True):
        to_x, to_y = x + move[0].cpu().numpy(), y + move[1].cpu().numpy()
        expected = map_coordinates(image[0].cpu().numpy(), [to_y, to_x], order=1, mode="nearest")
        np.testing.assert_allclose(got[0].cpu().numpy(), expected, atol=1e-12)
        seen = (to_x >= 0) & (to_x <= 8) & (to_y >= 0) & (to_y <= 5)
        assert np.array_equal(within[0].cpu().numpy(), seen)


def test_camera_flow_is_the_projection_of_each_point_by_hand(device):
    fx, fy, cx, cy = 5.0, 6.0, 3.5, 2.25
    depth = 2 + 3 * torch.rand(1, 1, 4, 7, dtype=torch.float64)
    c, s = math.cos(0.1), math.sin(0.1)
    move = np.array([[c, 0, s, 0.2], [0, 1, 0, -0.1], [-s, 0, c, 0.3], [0, 0, 0, 1.0]])
    flow, ahead = camera_flow(
        depth.to(device), torch.tensor([fx, fy, cx, cy]).to(device), torch.tensor(move).to(device)
    )
    for row, column in np.ndindex(4, 7):
        z = depth[0, 0, row, column].item()
        point = move @ [z * (column - cx) / fx, z * (row - cy) / fy, z, 1]
        target = [fx * point[0] / point[2] + cx - column, fy * point[1] / point[2] + cy - row]
        np.testing.assert_allclose(flow[0, :, row, column].cpu(), target, atol=1e-12)
        assert ahead[0, 0, row, column].item() == pytest.approx(point[2])


def test_a_step_forward_doubles_the_distance_from_the_centre_at_half_the_depth():
    intrinsics, move = torch.tensor([4.0, 4.0, 1.0, 1.0]), torch.eye(4)
    move[2, 3] = -1.0
    flow, ahead = camera_flow(torch.full((1, 1, 3, 5), 2.0), intrinsics, move)
    assert flow[0, 0, 0].tolist() == [-1, 0, 1, 2, 3]
    assert (ahead == 1).all()


def test_points_behind_the_other_camera_have_no_flow():
    move = torch.eye(4)
    move[2, 3] = -3.0
    flow, _ = camera_flow(torch.full((1, 1, 2, 3), 2.0), torch.tensor([4.0, 4.0, 1.0, 1.0]), move)
    assert flow.isnan().all()


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"\(b, 2, H, W\).*got \(1, 2, 3, 5\) for \(1, 1, 3, 4\)"):
        flow_warp(torch.ones(1, 1, 3, 4), torch.ones(1, 2, 3, 5))
    with pytest.raises(ValueError, match=r"got \(1, 3, 3, 4\) and 1"):
        splat(torch.ones(1, 3, 3, 4), torch.ones(1, 2, 3, 4))
    with pytest.raises(ValueError, match=r"got \(1, 1, 3, 4\) and -1"):
        splat(torch.ones(1, 1, 3, 4), torch.ones(1, 2, 3, 4), radius_px=-1)


def test_flow_sample_is_the_toolboxs_warp(device):
    feat = torch.rand(2, 3, 7, 9, device=device)
    flow = 4 * torch.randn(2, 2, 7, 9, device=device)
    expected = toolbox_warp(feat, flow.permute(0, 2, 3, 1))
    torch.testing.assert_close(flow_sample(feat, flow), expected, atol=1e-5, rtol=0)


def test_flow_sample_fetches_a_pixel_from_where_the_flow_points_and_zero_outside():
    feat = torch.arange(12.0).view(1, 1, 3, 4)
    flow = torch.tensor([2.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 3, 4)
    assert flow_sample(feat, flow)[0, 0].tolist() == [[6, 7, 0, 0], [10, 11, 0, 0], [0, 0, 0, 0]]
