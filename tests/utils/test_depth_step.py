"""The quantisation step that a frame shows, and how a network is told."""

import numpy as np
import pytest

from stdnet_arch.utils.depth_step import (
    DTOF_STEP_M,
    depth_step,
    estimate_step_m,
    step_to_tell_m,
    takes_step,
)


def scene(seed=3, size=(48, 64)):
    """Smooth depth of 1 to 7 m with a nearer thing in front [m]."""
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in size), indexing="ij")
    depth_m = 1 + 5 * y + np.sin(3 * x + rng.uniform())
    depth_m[10:30, 20:40] = 1.5 + 0.1 * x[10:30, 20:40]
    return depth_m


def rounded(depth_m, step_m):
    return (np.round(depth_m / step_m) * step_m).astype(np.float32)


@pytest.mark.parametrize("step_m", [DTOF_STEP_M, 0.05, 0.01, 0.001])
def test_the_step_of_rounded_depth_is_found(step_m):
    assert estimate_step_m(rounded(scene(), step_m)) == pytest.approx(step_m, rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_a_small_frame_of_a_dtof_sensor_is_enough(seed):
    depth_m = rounded(scene(seed, (12, 16)), DTOF_STEP_M)
    assert estimate_step_m(depth_m) == pytest.approx(DTOF_STEP_M, rel=1e-3)


def test_far_depth_lies_on_the_same_lattice():
    depth_m = rounded(8 * scene(), DTOF_STEP_M)
    assert estimate_step_m(depth_m) == pytest.approx(DTOF_STEP_M, rel=1e-3)


@pytest.mark.parametrize("size", [(12, 16), (48, 64), (120, 160)])
def test_continuous_depth_has_no_step(size):
    assert estimate_step_m(scene(size=size).astype(np.float32)) == 0


def test_noise_hides_the_bins():
    noise = np.random.default_rng(0).normal(0, 0.02, (48, 64))
    assert estimate_step_m(rounded(scene(), DTOF_STEP_M) + noise) == 0


def test_a_few_wrong_pixels_do_not_matter():
    depth_m = rounded(scene(), DTOF_STEP_M)
    depth_m[5, :2] += 0.03
    assert estimate_step_m(depth_m) == pytest.approx(DTOF_STEP_M, rel=1e-2)


def test_disparities_in_millimetres_give_the_gap_at_the_usual_depth():
    depth_m = scene(size=(240, 320)) / 2
    disparity = np.round(580 * 8 * 0.075 / depth_m)  # eighths of a pixel, as a Kinect counts
    stored_m = np.round(1000 * 580 * 8 * 0.075 / disparity) / 1000
    usual_m = np.median(depth_m) ** 2 / (580 * 8 * 0.075)
    assert estimate_step_m(stored_m) == pytest.approx(usual_m, rel=0.7)


@pytest.mark.parametrize("depths", [[], [2.0] * 500, [2.0, 2.1] * 300])
def test_too_few_different_depths_tell_nothing(depths):
    assert estimate_step_m(np.array(depths)) is None


@pytest.mark.parametrize(
    ("step_m", "told_m"), [(0.001, 0), (0.03, 0.03), (DTOF_STEP_M, DTOF_STEP_M)]
)
def test_a_step_below_three_thousandths_of_the_depth_is_not_told(step_m, told_m):
    depth_m = rounded(scene(), step_m)
    assert 1 < np.median(depth_m) < 8
    assert step_to_tell_m(depth_m) == pytest.approx(told_m, rel=1e-2)


def test_an_unknown_step_is_told_as_unknown():
    assert step_to_tell_m(np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 100)) is None


def test_metres_are_no_step():
    assert estimate_step_m(np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 100)) is None


class Told:
    """A network that reads a step."""

    step = 0.02


def tell_and_fail(net, seen):
    with depth_step(net, 0.1):
        seen.append(net.step)
        raise RuntimeError


def test_a_network_is_told_for_a_while_even_if_it_fails():
    net, seen = Told(), []
    with pytest.raises(RuntimeError):
        tell_and_fail(net, seen)
    assert seen == [0.1]
    assert net.step == 0.02


def test_an_unknown_step_leaves_the_networks_own():
    net = Told()
    with depth_step(net, None):
        assert net.step == 0.02


def test_a_network_that_reads_no_step_is_left_as_it_is():
    net = object()
    with depth_step(net, 0.1):
        assert not takes_step(net)
