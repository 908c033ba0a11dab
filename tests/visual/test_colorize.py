"""Colours of depth and error against the colour map itself."""

import numpy as np
import pytest
from matplotlib import colormaps

from stdnet_arch.visual.colorize import (
    NO_ERROR_KNOWN,
    DepthRange,
    colorize_depth,
    colorize_error,
    depth_range,
    error_cm,
)


def colour(name, share):
    return np.round(np.array(colormaps[name](share)[:3]) * 255)


def test_depth_range_leaves_invalid_and_extreme_pixels_out():
    depth_m = np.linspace(2, 6, 2001).reshape(3, 667)
    depth_m[0, :5] = [0, np.nan, np.inf, -1, 0]
    depth_m[2, -1] = 900
    near_m, far_m = depth_range(depth_m)
    assert near_m == pytest.approx(2.03, abs=0.01)
    assert far_m == pytest.approx(5.98, abs=0.01)


def test_depth_range_of_one_flat_wall_has_two_ends():
    near_m, far_m = depth_range(np.full((4, 5), 3.0))
    assert near_m == 3
    assert far_m > near_m


def test_depth_range_needs_a_valid_pixel():
    with pytest.raises(ValueError, match=r"one valid pixel.*\(2, 3\)"):
        depth_range(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("depth_m", "share"), [(2.0, 1.0), (4.0, 0.0), (2.5, 0.75), (1.0, 1.0), (9.0, 0.0)]
)
def test_depth_colour_is_the_map_from_far_to_near(depth_m, share):
    rgb = colorize_depth(np.array([[depth_m]]), DepthRange(2.0, 4.0))
    assert rgb.shape == (1, 1, 3)
    assert rgb.dtype == np.uint8
    np.testing.assert_allclose(rgb[0, 0].astype(int), colour("turbo", share), atol=4)


def test_invalid_depth_is_black_in_any_shape():
    depth_m = np.array([[[0, np.nan], [np.inf, -2]], [[3, 3], [3, 3]]])
    rgb = colorize_depth(depth_m, DepthRange(2.0, 4.0))
    assert rgb.shape == (2, 2, 2, 3)
    assert (rgb[0] == 0).all()
    assert (rgb[1].max(axis=-1) > 100).all()


def test_error_is_in_centimetres_and_nan_where_the_truth_is_unknown():
    pred_m = np.array([[1.5, 2.0, 3.0, 4.0, 5.0]])
    gt_m = np.array([[1.0, 2.25, 0.0, np.nan, 5.5]])
    valid = np.array([[True, True, True, True, False]])
    expected = [[50, 25, np.nan, np.nan, np.nan]]
    np.testing.assert_allclose(error_cm(pred_m, gt_m, valid), expected)
    with pytest.raises(ValueError, match=r"alike, got \(1, 5\) and \(1, 4\)"):
        error_cm(pred_m, gt_m[:, :4])


def test_error_colour_is_the_map_up_to_its_limit_and_grey_where_unknown():
    rgb = colorize_error(np.array([0, 10, 40, np.nan]), limit_cm=20)
    np.testing.assert_allclose(rgb[0], colour("inferno", 0.0), atol=1)
    np.testing.assert_allclose(rgb[1].astype(int), colour("inferno", 0.5), atol=3)
    np.testing.assert_allclose(rgb[2], colour("inferno", 1.0), atol=1)
    assert tuple(rgb[3]) == NO_ERROR_KNOWN
    with pytest.raises(ValueError, match="limit_cm must be > 0, got 0"):
        colorize_error(np.ones(2), 0)
