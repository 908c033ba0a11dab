"""Resized depth: each rule block by block, and what holes do."""

import numpy as np
import pytest

from stdnet_arch.data.lq.bicubic import bicubic_weights, shrink_bicubic
from stdnet_arch.data.lq.depth_resize import area, bicubic, nearest

HOLES = (0.0, -1.0, np.nan, np.inf, 11.0)
RANGE_M = 10.0


def depth_with_holes(H, W, seed=0, share=0.1):
    """Random depth [m] in (0, 10] with every kind of hole."""
    rng = np.random.default_rng(seed)
    depth_m = rng.uniform(0.5, 10, (H, W)).astype(np.float32)
    for hole in HOLES:
        depth_m[rng.random((H, W)) < share] = hole
    return depth_m


def blocks(depth_m, scale):
    """Row, column and pixels of every block."""
    h, w = depth_m.shape[0] // scale, depth_m.shape[1] // scale
    for y, x in np.ndindex(h, w):
        yield y, x, depth_m[y * scale : (y + 1) * scale, x * scale : (x + 1) * scale]


@pytest.mark.parametrize(("H", "W", "scale"), [(12, 20, 4), (6, 15, 3), (5, 7, 1)])
def test_area_is_the_mean_of_the_measured_pixels(H, W, scale):
    depth_m = depth_with_holes(H, W, share=0.15)
    lq_m = area(depth_m, scale, RANGE_M)
    for y, x, block in blocks(depth_m, scale):
        measured = [float(d) for d in block.ravel() if 0 < d <= RANGE_M]
        assert lq_m[y, x] == pytest.approx(np.mean(measured) if measured else 0, abs=1e-6)


@pytest.mark.parametrize(("H", "W", "scale"), [(12, 20, 4), (6, 15, 3), (5, 7, 1)])
def test_nearest_is_the_middle_pixel(H, W, scale):
    depth_m = depth_with_holes(H, W)
    lq_m = nearest(depth_m, scale, RANGE_M)
    for y, x, block in blocks(depth_m, scale):
        middle = block[scale // 2, scale // 2]
        assert lq_m[y, x] == (middle if 0 < middle <= RANGE_M else 0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bicubic_is_the_weighted_mean_of_the_measured_pixels(seed):
    depth_m = depth_with_holes(16, 28, seed, share=0.1)
    rows, columns = bicubic_weights(16, 4).astype(float), bicubic_weights(28, 4).astype(float)
    valid = (depth_m > 0) & (depth_m <= RANGE_M)
    expected = np.zeros((4, 7))
    for y, x in np.ndindex(4, 7):
        weight = np.outer(rows[y], columns[x])
        mean = (weight * np.where(valid, depth_m, 0)).sum() / (weight * valid).sum()
        expected[y, x] = mean if (weight * valid).sum() >= 0.5 and mean > 0 else 0
    assert 0 < (expected == 0).sum() < 28
    np.testing.assert_allclose(bicubic(depth_m, 4, RANGE_M), expected, rtol=0, atol=1e-5)


def test_bicubic_without_holes_is_imresize():
    depth_m = np.random.default_rng(0).uniform(3, 9, (16, 24)).astype(np.float32)
    np.testing.assert_allclose(
        bicubic(depth_m, 4, RANGE_M), shrink_bicubic(depth_m, 4), rtol=0, atol=1e-5
    )


def test_bicubic_never_gives_negative_depth():
    depth_m = np.full((16, 32), 0.05, np.float32)
    depth_m[:, 16:] = 9.9
    assert shrink_bicubic(depth_m, 4).min() < 0
    assert bicubic(depth_m, 4, RANGE_M).min() == 0


@pytest.mark.parametrize("rule", [area, bicubic, nearest])
def test_holes_alone_give_holes_and_a_wall_stays_a_wall(rule):
    depth_m = np.full((16, 48), 5.0, np.float32)
    depth_m[:, :20] = np.resize(HOLES, (16, 20))
    lq_m = rule(depth_m, 4, RANGE_M)
    assert lq_m.dtype == np.float32
    np.testing.assert_allclose(lq_m, np.repeat([[0.0] * 5 + [5.0] * 7], 4, axis=0), rtol=1e-6)
