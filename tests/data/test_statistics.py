"""Statistics of pictures: small cases done by hand, and loops."""

import numpy as np
import pytest

from stdnet_arch.data.statistics import measure_pictures, statistics_table, widen


def two_halves(light=0.5, far=2.0):
    """Left half near and dark, right half ``far`` and ``light``, 12x20."""
    depth_m = np.full((12, 20), 1.0, np.float32)
    depth_m[:, 10:] = far
    rgb = np.zeros((12, 20, 3), np.uint8)
    rgb[:, 10:] = round(255 * light)
    return rgb, depth_m


def test_a_step_has_four_edge_columns_on_either_side():
    found = measure_pictures([two_halves()])
    assert found.edge_share == pytest.approx(8 / 20)
    assert found.edge_contrast == pytest.approx(128 / 255, abs=1e-6)
    assert found.hidden_edges == 0
    assert found.colour_alone == 0


def test_a_step_of_less_than_five_percent_is_none_and_its_colour_edge_is_alone():
    found = measure_pictures([two_halves(far=1.04)])
    assert found.edge_share == 0
    assert np.isnan(found.edge_contrast)
    assert found.colour_alone == pytest.approx(2 / 20)


def test_an_edge_between_equal_colours_is_hidden():
    assert measure_pictures([two_halves(light=0.0)]).hidden_edges == 1


def test_unknown_depth_makes_no_edge_and_does_not_count():
    rgb, depth_m = two_halves()
    depth_m[:, 10:] = 0
    found = measure_pictures([(rgb, depth_m)])
    assert found.edge_share == 0
    assert found.depth_m == (1.0,) * 5


def test_gradients_brightness_and_saturation_are_those_of_loops():
    rng = np.random.default_rng(0)
    rgb, depth_m = rng.integers(0, 256, (7, 9, 3)).astype(np.uint8), np.ones((7, 9), np.float32)
    grey = rgb.mean(axis=2) / 255
    steps = [abs(grey[y, x] - grey[y, x + 1]) for y in range(7) for x in range(8)]
    steps += [abs(grey[y, x] - grey[y + 1, x]) for y in range(6) for x in range(9)]
    found = measure_pictures([(rgb, depth_m)])
    assert found.gradients[2] == pytest.approx(np.mean(np.array(steps) > 0.1))
    assert found.brightness == pytest.approx(rgb.mean() / 255, abs=1e-6)
    assert found.saturation == pytest.approx(np.ptp(rgb, axis=2).mean() / 255, abs=1e-6)


def test_widening_reaches_all_pixels_of_a_square():
    mask = np.zeros((9, 11), bool)
    mask[4, 5] = True
    expected = np.zeros_like(mask)
    expected[2:7, 3:8] = True
    np.testing.assert_array_equal(widen(mask, 2), expected)


def test_the_table_has_a_column_for_each_set():
    table = statistics_table(
        {"a": measure_pictures([two_halves()]), "b": measure_pictures([two_halves(far=1.04)])}
    )
    assert "| 40.0 % | 0.0 % |" in table
    assert {line.count("|") for line in table.splitlines()} == {4}


def test_pictures_without_depth_say_so():
    rgb, depth_m = two_halves()
    with pytest.raises(ValueError, match="known depth"):
        measure_pictures([(rgb, 0 * depth_m)])
