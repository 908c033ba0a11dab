"""The plane sweep against loops over pixels, and on a plane that was drawn from a formula."""

import numpy as np
import pytest
import torch

from stdnet_arch.ops.matching.plane_sweep import (
    View,
    agrees,
    correlation,
    pick_depth,
    plane_depths,
    sweep_cost,
)

CAMERA = torch.tensor([30.0, 31.0, 10.0, 7.0])
H, W = 15, 21


def pose(x=0.0, y=0.0, z=0.0, turn=0.0):
    """A camera at a place [m], turned about its vertical axis [rad]."""
    matrix = torch.eye(4, dtype=torch.float64)
    c, s = np.cos(turn), np.sin(turn)
    matrix[:3, :3] = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    matrix[:3, 3] = torch.tensor([x, y, z])
    return matrix


def wall(at, camera=CAMERA, depth_m=3.0):
    """What a camera sees of a wall ``z = depth_m`` with a smooth pattern, from rays in NumPy."""
    fx, fy, cx, cy = camera.double().numpy()
    y, x = np.mgrid[:H, :W]
    rays = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x)], -1) @ at[:3, :3].numpy().T
    reach = (depth_m - float(at[2, 3])) / rays[..., 2]
    points = at[:3, 3].numpy() + reach[..., None] * rays
    gray = (
        0.5 + 0.2 * np.sin(9 * points[..., 0]) + 0.2 * np.cos(7 * points[..., 1] + points[..., 0])
    )
    return View(torch.from_numpy(gray)[None], camera.double(), at), torch.from_numpy(reach)[None]


def look_up_loop(view, other, depth_m):
    """Grey of ``other`` where each pixel of ``view`` lands at ``depth_m``; NaN outside."""
    image, found = other.gray[0].numpy(), np.full((H, W), np.nan)
    (fx, fy, cx, cy), (gx, gy, ox, oy) = view.intrinsics_px.numpy(), other.intrinsics_px.numpy()
    for y in range(H):
        for x in range(W):
            point = np.array([(x - cx) / fx * depth_m, (y - cy) / fy * depth_m, depth_m, 1])
            world = view.pose.numpy() @ point
            px, py, pz, _ = np.linalg.solve(other.pose.numpy(), world)
            u, v = gx * px / pz + ox, gy * py / pz + oy
            if 0 <= u < W - 1 and 0 <= v < H - 1:
                i, j = int(v), int(u)
                top = image[i, j] * (1 - u + j) + image[i, j + 1] * (u - j)
                low = image[i + 1, j] * (1 - u + j) + image[i + 1, j + 1] * (u - j)
                found[y, x] = top * (1 - v + i) + low * (v - i)
    return found


def test_the_cost_of_a_plane_is_one_minus_the_correlation_of_what_a_loop_looks_up():
    view, _ = wall(pose())
    other, _ = wall(pose(0.1, -0.05, 0.02, turn=0.03), camera=CAMERA * 1.1)
    cost = sweep_cost(view, [other], torch.tensor([2.0, 3.0, 5.0]), window_px=3)
    found = look_up_loop(view, other, 5.0)
    for y, x in [(4, 6), (9, 12), (7, 3)]:
        a = view.gray[0, y - 1 : y + 2, x - 1 : x + 2].numpy().ravel()
        b = found[y - 1 : y + 2, x - 1 : x + 2].ravel()
        spread = (a.var() + 255**-2) * (b.var() + 255**-2)
        expected = 1 - np.mean((a - a.mean()) * (b - b.mean())) / np.sqrt(spread)
        assert cost[2, y, x].item() == pytest.approx(expected, abs=1e-6)


def test_two_views_of_a_slanted_camera_give_the_depth_of_the_wall():
    view, truth = wall(pose(turn=0.05))
    others = [wall(pose(x, turn=0.04))[0] for x in (-0.3, 0.3)]
    depths = plane_depths(1.5, 9.0, 60)
    depth_m = pick_depth(sweep_cost(view, others, depths, 5), depths)
    inner = (slice(None), slice(2, -2), slice(3, -3))
    assert ((depth_m - truth)[inner].abs() / truth[inner]).max() < 0.03


def test_a_view_that_hides_a_point_is_outvoted_by_one_that_sees_it():
    view, _ = wall(pose())
    seen, hidden = wall(pose(0.2))[0], wall(pose(-0.2))[0]
    hidden = hidden._replace(gray=torch.rand_like(hidden.gray))
    depths = torch.tensor([2.0, 3.0])
    both, alone = (sweep_cost(view, views, depths, 5) for views in ([seen, hidden], [seen]))
    assert (both[1, 4:-4, 6:-6] <= alone[1, 4:-4, 6:-6] + 1e-9).all()


def test_what_no_view_sees_costs_one():
    view, _ = wall(pose())
    away = wall(pose(50.0))[0]
    assert (sweep_cost(view, [away], torch.tensor([2.0, 3.0]), 3) == 1).all()


def test_correlation_knows_no_brightness_and_no_contrast():
    x = torch.rand(1, 1, 9, 11, dtype=torch.float64)
    y = torch.cat([0.4 * x + 0.3, -x, torch.full_like(x, 0.5)])
    mean = correlation(x, y, 5).mean((1, 2, 3))
    torch.testing.assert_close(
        mean, torch.tensor([1.0, -1, 0], dtype=torch.float64), atol=1e-2, rtol=0
    )


def test_between_planes_a_parabola_in_inverse_depth_is_exact():
    depths = plane_depths(1.0, 5.0, 9)
    inverse = 1 / depths
    truth = 0.43
    cost = ((inverse - truth) ** 2).view(-1, 1, 1).expand(-1, 2, 3)
    torch.testing.assert_close(pick_depth(cost, depths), torch.full((1, 2, 3), 1 / truth).double())


@pytest.mark.parametrize(("best", "depth_m"), [(0, 1.0), (8, 5.0)])
def test_the_first_and_the_last_plane_stay(best, depth_m):
    cost = torch.rand(9, 2, 3) + 1
    cost[best] = 0
    picked = pick_depth(cost, plane_depths(1.0, 5.0, 9))
    torch.testing.assert_close(picked, torch.full((1, 2, 3), depth_m))


def test_only_the_depth_that_another_view_has_agrees():
    view, truth = wall(pose())
    other, other_depth = wall(pose(0.3, z=0.2))
    yes, inside = agrees(truth, view, other_depth, other, 0.01)
    no, _ = agrees(1.1 * truth, view, other_depth, other, 0.01)
    assert torch.equal(yes, inside)
    assert 0.5 < inside.double().mean() < 1
    assert not no.any()


@pytest.mark.parametrize("given", [(0, 5, 9), (5, 5, 9), (1, 5, 2)])
def test_planes_that_cannot_be_are_refused(given):
    with pytest.raises(ValueError, match="0 < near_m < far_m and at least 3 planes"):
        plane_depths(*given)


@pytest.mark.parametrize(("views", "window"), [(0, 3), (1, 4)])
def test_a_sweep_without_views_or_with_an_even_window_is_refused(views, window):
    view, _ = wall(pose())
    with pytest.raises(ValueError, match=f"got {views} views and {window}"):
        sweep_cost(view, [view] * views, torch.tensor([2.0, 3.0]), window)
