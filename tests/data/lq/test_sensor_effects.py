"""Each effect against the formula pixel by pixel; chance against theory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stdnet_arch.data.lq.sensor_effects import (
    add_noise,
    drop_dark,
    drop_edges,
    drop_random,
    misalign,
    quantize,
)

STANDARD_ERRORS = 5
SHAPE = (120, 150)
DEPTHS = hnp.arrays(
    np.float32, (5, 7), elements=st.one_of(st.just(0.0), st.floats(0.125, 40, width=32))
)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("constant_m", "share"), [(0.05, 0.0), (0.0, 0.01), (0.03, 0.02)])
@pytest.mark.parametrize("depth_m", [2.0, 9.0])
def test_noise_has_the_spread_asked_for(constant_m, share, depth_m):
    error_m = add_noise(np.full(SHAPE, depth_m, np.float32), constant_m, share, rng()) - depth_m
    sigma_m, n = np.sqrt(constant_m**2 + (share * depth_m) ** 2), error_m.size
    assert abs(error_m.mean()) <= STANDARD_ERRORS * sigma_m / np.sqrt(n)
    assert abs(error_m.std() / sigma_m - 1) <= STANDARD_ERRORS / np.sqrt(2 * n)
    # Gaussian: 95.45 % lie within two standard deviations.
    within = (np.abs(error_m) < 2 * sigma_m).mean()
    assert abs(within - 0.9545) <= STANDARD_ERRORS * np.sqrt(0.9545 * 0.0455 / n)


@given(lq_m=DEPTHS, constant_m=st.floats(0, 1), share=st.floats(0, 0.5))
def test_noise_makes_no_return_out_of_nothing_and_nothing_negative(lq_m, constant_m, share):
    noisy = add_noise(lq_m, constant_m, share, rng())
    assert noisy.dtype == np.float32
    assert (noisy[lq_m == 0] == 0).all()
    assert (noisy >= 0).all()


def test_returns_that_noise_brings_behind_the_camera_are_lost():
    noisy = add_noise(np.full(SHAPE, 0.1, np.float32), 0.1, 0.0, rng())
    lost = 0.1587  # of a normal distribution, below one standard deviation
    assert abs((noisy == 0).mean() - lost) <= STANDARD_ERRORS * np.sqrt(lost / noisy.size)


@given(lq_m=DEPTHS, step_m=st.sampled_from([0.001, 0.25, 3.0]))
def test_steps_are_the_nearest_multiple(lq_m, step_m):
    stepped = quantize(lq_m, step_m)
    multiples = np.float64(stepped) / step_m
    np.testing.assert_allclose(multiples, np.round(multiples), atol=1e-2)
    rounding = 2 * np.spacing(np.abs(lq_m).max())  # of float32 metres, some share of a millimetre
    assert np.abs(stepped.astype(np.float64) - lq_m).max() <= step_m / 2 + rounding
    np.testing.assert_array_equal(quantize(stepped, step_m), stepped)


def test_half_a_step_is_nothing():
    depths = np.float32([[0.0, 0.2, 0.3, 0.74, 0.76]])
    np.testing.assert_allclose(quantize(depths, 0.5), [[0, 0, 0.5, 0.5, 1.0]])


@pytest.mark.parametrize("probability", [0.0, 0.2, 1.0])
def test_random_holes_have_their_share_and_the_rest_stays(probability):
    lq_m = rng(1).uniform(1, 9, SHAPE).astype(np.float32)
    holed = drop_random(lq_m, probability, rng())
    error = np.sqrt(probability * (1 - probability) / lq_m.size)
    assert abs((holed == 0).mean() - probability) <= STANDARD_ERRORS * error
    np.testing.assert_array_equal(holed[holed > 0], lq_m[holed > 0])


def test_random_holes_are_independent_of_their_neighbours():
    hole = drop_random(np.ones(SHAPE, np.float32), 0.3, rng()) == 0
    for one, other in ((hole[1:], hole[:-1]), (hole[:, 1:], hole[:, :-1])):
        correlation = np.corrcoef(one.ravel(), other.ravel())[0, 1]
        assert abs(correlation) <= STANDARD_ERRORS / np.sqrt(one.size)


def edges_by_loop(lq_m, jump_m):
    """Pixels that differ from a measured neighbour."""
    h, w = lq_m.shape
    edge = np.zeros((h, w), bool)
    for y, x in np.ndindex(h, w):
        around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        near = [lq_m[p] for p in around if 0 <= p[0] < h and 0 <= p[1] < w and lq_m[p] > 0]
        edge[y, x] = lq_m[y, x] > 0 and any(abs(lq_m[y, x] - d) > jump_m for d in near)
    return edge


@given(lq_m=DEPTHS, jump_m=st.sampled_from([0.1, 1.0, 10.0]))
def test_edge_holes_are_where_a_neighbour_differs(lq_m, jump_m):
    expected = np.where(edges_by_loop(lq_m, np.float32(jump_m)), 0, lq_m)
    np.testing.assert_array_equal(drop_edges(lq_m, 1.0, np.float32(jump_m), rng()), expected)


def test_edge_holes_have_their_share():
    lq_m = np.where(np.arange(150) % 2, np.float32(5), np.float32(3)) * np.ones(
        (120, 1), np.float32
    )
    lost = (drop_edges(lq_m, 0.3, 0.5, rng()) == 0).mean()
    assert abs(lost - 0.3) <= STANDARD_ERRORS * np.sqrt(0.21 / lq_m.size)


@pytest.mark.parametrize("scale", [1, 3, 4])
def test_dark_holes_are_where_the_mean_luma_is_low(scale):
    rgb = rng(2).integers(0, 256, (5 * scale, 7 * scale, 3), dtype=np.uint8)
    lq_m = np.ones((5, 7), np.float32)
    holed = drop_dark(lq_m, rgb, 1.0, 0.5, rng())
    for y, x in np.ndindex(5, 7):
        block = rgb[y * scale : (y + 1) * scale, x * scale : (x + 1) * scale].reshape(-1, 3)
        luma = np.mean([(0.299 * r + 0.587 * g + 0.114 * b) / 255 for r, g, b in block.tolist()])
        assert holed[y, x] == (0 if luma < 0.5 else 1)
    assert 0 < holed.sum() < 35


def test_dark_holes_have_their_share():
    black = np.zeros((*SHAPE, 3), np.uint8)
    lost = (drop_dark(np.ones(SHAPE, np.float32), black, 0.4, 0.1, rng()) == 0).mean()
    assert abs(lost - 0.4) <= STANDARD_ERRORS * np.sqrt(0.24 / np.prod(SHAPE))


def test_colours_of_another_size_are_refused():
    with pytest.raises(ValueError, match="whole number of times 4x6, got 8x13"):
        drop_dark(np.ones((4, 6), np.float32), np.ones((8, 13, 3), np.uint8), 1, 1, rng())


def colour_at(rgb, y, x):
    """Bilinear colour at a place, the border repeated, as a loop."""
    H, W = rgb.shape[:2]
    y0, x0 = int(np.floor(y)), int(np.floor(x))
    total = np.zeros(3)
    for row, column in ((y0, x0), (y0, x0 + 1), (y0 + 1, x0), (y0 + 1, x0 + 1)):
        weight = (1 - abs(y - row)) * (1 - abs(x - column))
        total += weight * rgb[np.clip(row, 0, H - 1), np.clip(column, 0, W - 1)]
    return total


@pytest.mark.parametrize("corner", [(0, 0), (3, 5)])
def test_misaligned_colour_is_taken_where_a_wrong_pose_projects_to(corner):
    # Smooth colours: OpenCV rounds positions to 1/32 px.
    y, x = np.mgrid[:16, :20]
    rgb = np.stack([3 * y + 40, 2 * x + 9, y + x + 5 * np.sin(x / 3) + 70], axis=-1).astype(
        np.uint8
    )
    depth_m = rng(4).uniform(0.5, 8, (9, 11)).astype(np.float32)
    depth_m[2, 3:7] = [0, np.nan, np.inf, 0.01]
    moved = misalign(rgb, depth_m, (1.25, -0.5), (-2.0, 3.0), corner)
    for r, c in np.ndindex(9, 11):
        near = 1 / depth_m[r, c] if np.isfinite(depth_m[r, c]) and depth_m[r, c] > 0 else 0
        at = (r + corner[0] + 1.25 - 2 * near, c + corner[1] - 0.5 + 3 * near)
        np.testing.assert_allclose(moved[r, c], colour_at(rgb, *at), atol=0.7)


def test_a_perfect_pose_changes_nothing():
    rgb = rng(5).integers(0, 256, (12, 18, 3), dtype=np.uint8)
    depth_m = np.full((12, 18), 2.0, np.float32)
    np.testing.assert_array_equal(misalign(rgb, depth_m, (0, 0), (0, 0)), rgb)
    np.testing.assert_array_equal(misalign(rgb, depth_m, (0, 0), (0, 4))[:, :-2], rgb[:, 2:])


@given(lq_m=DEPTHS, seed=st.integers(0, 9))
def test_no_effect_changes_its_input(lq_m, seed):
    before, black = lq_m.copy(), np.zeros((5, 7, 3), np.uint8)
    effects = [
        add_noise(lq_m, 0.1, 0.1, rng(seed)),
        quantize(lq_m, 0.5),
        drop_random(lq_m, 0.5, rng(seed)),
        drop_edges(lq_m, 0.5, 0.5, rng(seed)),
        drop_dark(lq_m, black, 0.5, 0.5, rng(seed)),
    ]
    np.testing.assert_array_equal(lq_m, before)
    assert {effect.dtype for effect in effects} == {np.dtype(np.float32)}
