"""Depth to colours."""

import numpy as np
import pytest
from matplotlib import colormaps

from stdnet_arch.utils.depth_color import depth_to_rgb


def test_near_is_red_and_far_is_blue_as_in_turbo():
    got = depth_to_rgb(np.array([[1.0, 2.0, 3.0]]), 1.0, 3.0)
    ends = [np.round(np.array(colormaps["turbo"](i)[:3]) * 255) for i in (255, 0)]
    assert got.dtype == np.uint8
    assert got.shape == (1, 3, 3)
    assert np.array_equal(got[0, [0, 2]], ends)


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_no_depth_is_black(hole):
    depth = np.array([2.0, hole, 2.5])
    got = depth_to_rgb(depth, 2.0, 3.0, valid=np.array([True, True, False]))
    assert got.any(axis=-1).tolist() == [True, False, False]


def test_depth_beyond_the_range_takes_its_end():
    got = depth_to_rgb(np.array([0.1, 1.0, 3.0, 9.0]), 1.0, 3.0)
    assert np.array_equal(got[0], got[1])
    assert np.array_equal(got[2], got[3])


def test_a_flat_clip_has_a_colour_and_a_wrong_range_an_error():
    assert depth_to_rgb(np.array([2.0]), 2.0, 2.0).any()
    with pytest.raises(ValueError, match=r"got 3.0 and 1.0"):
        depth_to_rgb(np.array([2.0]), 3.0, 1.0)
