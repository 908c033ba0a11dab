"""The figure of how things grow."""

import numpy as np
import pytest

from stdnet_arch.evaluation.scaling_plot import draw_scaling

LINE = [(1.0, 2.0, 30.0), (2.0, 4.0, 30.0)]


def test_a_panel_more_is_a_wider_figure():
    one = draw_scaling({"frames": {"clip": LINE}})
    two = draw_scaling({"frames": {"clip": LINE}, "clips": {"batch": LINE}}, "title")
    assert one.dtype == np.uint8
    assert two.shape == (one.shape[0], 2 * one.shape[1], 3)


def test_lines_without_points_are_left_out():
    with_empty = draw_scaling({"frames": {"clip": LINE, "none": []}, "clips": {"none": []}})
    assert np.array_equal(with_empty, draw_scaling({"frames": {"clip": LINE}}))


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="at least one line"):
        draw_scaling({"frames": {"none": []}})
