"""Filters along the edges of a guide, against loops from the formulas and, where it is, OpenCV."""

import math

import cv2
import numpy as np
import pytest
import torch

from stdnet_arch.ops.guided_filters import (
    fast_global_smoother,
    guided_filter,
    joint_bilateral_upsample,
)

needs_contrib = pytest.mark.skipif(
    not hasattr(cv2, "ximgproc"), reason="needs opencv-contrib-python in place of opencv-python"
)


@pytest.fixture
def scene():
    """Depth [m] and a smooth 8-bit RGB frame of 22 x 27 pixels, NumPy."""
    rng = np.random.default_rng(0)
    rgb = cv2.GaussianBlur(rng.integers(0, 255, (22, 27, 3), dtype=np.uint8), (5, 5), 2)
    return rng.uniform(1, 6, (22, 27)).astype(np.float32), rgb


def as_maps(depth, rgb):
    guide = torch.from_numpy(rgb.astype(np.float32) / 255).permute(2, 0, 1)
    return torch.from_numpy(depth)[None, None], guide[None]


def joint_bilateral_loop(depth, rgb, radius, sigma_space, sigma_color):
    """Kopf et al., Eq. 4, pixel by pixel: ``depth (h, w)``, ``rgb (H, W, 3)`` in [0, 1]."""
    (h, w), scale = depth.shape, rgb.shape[0] // depth.shape[0]
    small = rgb.reshape(h, scale, w, scale, 3).mean((1, 3))
    out = np.zeros(rgb.shape[:2])
    for Y, X in np.ndindex(out.shape):
        total = weights = 0.0
        for i, j in np.ndindex(depth.shape):
            if math.hypot(i - Y // scale, j - X // scale) > radius or depth[i, j] == 0:
                continue
            far = math.hypot((Y + 0.5) / scale - 0.5 - i, (X + 0.5) / scale - 0.5 - j)
            apart = abs(rgb[Y, X] - small[i, j]).sum()
            weight = math.exp(-0.5 * (far / sigma_space) ** 2 - 0.5 * (apart / sigma_color) ** 2)
            total, weights = total + weight * depth[i, j], weights + weight
        out[Y, X] = total / weights
    return out


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_joint_bilateral_upsampling_is_the_papers_sum(scale):
    rng = np.random.default_rng(1)
    depth, rgb = rng.uniform(1, 6, (4, 5)), rng.uniform(0, 1, (4 * scale, 5 * scale, 3))
    depth[1, 2] = 0  # a hole does not count
    guide = torch.from_numpy(rgb).permute(2, 0, 1)[None]
    options = {"radius": 2, "sigma_space": 0.8, "sigma_color": 0.4}
    got = joint_bilateral_upsample(torch.from_numpy(depth)[None, None], guide, **options)
    np.testing.assert_allclose(got[0, 0], joint_bilateral_loop(depth, rgb, **options), atol=1e-6)


def test_a_pixel_unlike_all_others_keeps_its_own_depth():
    guide = torch.zeros(1, 3, 3, 3)
    guide[..., 1, 1] = 1
    depth = torch.arange(1.0, 10).view(1, 1, 3, 3)
    out = joint_bilateral_upsample(depth, guide, radius=1, sigma_space=1.0, sigma_color=0.01)
    assert out[0, 0, 1, 1] == 5


def test_where_nothing_was_measured_nothing_is_invented():
    out = joint_bilateral_upsample(
        torch.zeros(1, 1, 2, 3), torch.rand(1, 3, 4, 6), radius=1, sigma_space=1.0, sigma_color=1.0
    )
    assert not out.any()


def guided_loop(depth, rgb, radius, eps):
    """He et al., Eqs. 19-21, window by window, mirrored at the border."""
    H, W = depth.shape
    around = [(radius, radius)] * 2
    p, guide = np.pad(depth, around, "symmetric"), np.pad(rgb, [*around, (0, 0)], "symmetric")
    side, slope, offset = 2 * radius + 1, np.zeros((H, W, 3)), np.zeros((H, W))
    for y, x in np.ndindex(H, W):
        values = p[y : y + side, x : x + side].ravel()
        colors = guide[y : y + side, x : x + side].reshape(-1, 3)
        centered = colors - colors.mean(0)
        variance = centered.T @ centered / side**2 + eps * np.eye(3)
        slope[y, x] = np.linalg.solve(variance, centered.T @ values / side**2)
        offset[y, x] = values.mean() - slope[y, x] @ colors.mean(0)
    maps = np.pad(np.dstack((slope, offset)), [*around, (0, 0)], "symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(maps, (side, side), (0, 1)).mean((3, 4))
    return (windows[..., :3] * rgb).sum(2) + windows[..., 3]


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_the_guided_filter_is_the_papers_regression(scene, radius):
    depth, rgb = scene
    got = guided_filter(*as_maps(depth, rgb), radius=radius, eps=1e-3)[0, 0]
    expected = guided_loop(depth.astype(float), rgb / 255, radius, 1e-3)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_depth_that_is_linear_in_colour_passes_the_guided_filter():
    guide = torch.rand(1, 3, 12, 13, dtype=torch.float64)
    depth = 2 + (guide * torch.tensor([1.0, -2, 3]).view(3, 1, 1)).sum(1, keepdim=True)
    got = guided_filter(depth, guide, radius=2, eps=1e-12)
    torch.testing.assert_close(got, depth, atol=1e-6, rtol=0)


def smooth_exactly(depth, weight):
    """One line: solve ``(1 + laplacian of the weights) u = depth`` densely."""
    difference = np.diff(np.eye(len(depth)), axis=0)
    return np.linalg.solve(np.eye(len(depth)) + difference.T @ np.diag(weight) @ difference, depth)


def test_the_global_smoother_solves_rows_then_columns():
    rng = np.random.default_rng(2)
    depth, rgb = rng.uniform(1, 6, (5, 7)), rng.uniform(0, 1, (5, 7, 3))
    across = 4 * np.exp(-np.linalg.norm(np.diff(rgb, axis=1), axis=2) / 0.3)
    down = 4 * np.exp(-np.linalg.norm(np.diff(rgb, axis=0), axis=2) / 0.3)
    rows = np.stack([smooth_exactly(*line) for line in zip(depth, across, strict=True)])
    columns = [smooth_exactly(*line) for line in zip(rows.T, down.T, strict=True)]
    guide = torch.from_numpy(rgb).permute(2, 0, 1)[None]
    got = fast_global_smoother(
        torch.from_numpy(depth)[None, None], guide, smoothness=4.0, sigma_color=0.3, num_iter=1
    )
    np.testing.assert_allclose(got[0, 0], np.stack(columns).T, atol=1e-10)


def test_each_round_of_the_global_smoother_is_weaker():
    depth, guide = torch.rand(1, 1, 5, 7), torch.rand(1, 3, 5, 7)
    options = {"sigma_color": 0.2, "num_iter": 1}
    once = fast_global_smoother(depth, guide, smoothness=8.0, **options)
    twice = fast_global_smoother(once, guide, smoothness=2.0, **options)
    got = fast_global_smoother(depth, guide, smoothness=8.0, sigma_color=0.2, num_iter=2)
    torch.testing.assert_close(got, twice, atol=1e-6, rtol=0)


@needs_contrib
def test_opencv_has_the_same_joint_bilateral_filter(scene):
    depth, rgb = scene
    got = joint_bilateral_upsample(
        *as_maps(depth, rgb), radius=3, sigma_space=2.0, sigma_color=0.2
    )[0, 0]
    scaled = rgb.astype(np.float32) / 255
    expected = cv2.ximgproc.jointBilateralFilter(scaled, depth, 7, 0.2, 2.0)
    inside = (slice(3, -3), slice(3, -3))  # it mirrors beyond the border
    np.testing.assert_allclose(got[inside], expected[inside], atol=1e-5)


@needs_contrib
def test_opencv_has_the_same_guided_filter(scene):
    depth, rgb = scene
    got = guided_filter(*as_maps(depth, rgb), radius=4, eps=1e-2)[0, 0]
    expected = cv2.ximgproc.guidedFilter(rgb.astype(np.float32) / 255, depth, 4, 1e-2)
    np.testing.assert_allclose(got, expected, atol=1e-5)


@needs_contrib
def test_opencv_has_the_same_global_smoother(scene):
    depth, rgb = scene
    got = fast_global_smoother(*as_maps(depth, rgb), smoothness=50.0, sigma_color=0.05)[0, 0]
    expected = cv2.ximgproc.fastGlobalSmootherFilter(
        rgb, depth, 50.0, 0.05 * 255, lambda_attenuation=0.25, num_iter=3
    )
    np.testing.assert_allclose(got, expected, atol=1e-4)
