"""Sensor depth as the network may see it: holes filled by the rule, ranges kept, units checked."""

import numpy as np
import pytest

from stdnet_arch.inference.depth_cleaning import SensorCleaner, check_plausible, fill_holes


def nearest_by_loop(depth_m, measured):
    """All depths that are nearest to each pixel, from the definition."""
    places = np.argwhere(measured)
    choices = np.empty(depth_m.shape, object)
    for y, x in np.ndindex(depth_m.shape):
        squared = ((places - (y, x)) ** 2).sum(axis=1)
        choices[y, x] = {float(depth_m[tuple(p)]) for p in places[squared == squared.min()]}
    return choices


def test_holes_take_the_nearest_measured_depth():
    rng = np.random.default_rng(3)
    depth_m = rng.uniform(1, 9, (7, 11)).astype(np.float32)
    measured = rng.random((7, 11)) < 0.2
    filled = fill_holes(depth_m, measured)
    allowed = nearest_by_loop(depth_m, measured)
    assert all(float(filled[place]) in allowed[place] for place in np.ndindex(7, 11))
    np.testing.assert_array_equal(filled[measured], depth_m[measured])


@pytest.mark.parametrize("hole", [0, -1, np.nan, np.inf, -np.inf, 50.1])
def test_what_is_no_depth_is_filled_and_marked(hole):
    cleaner = SensorCleaner(range_m=100, max_m=50)
    filled, measured = cleaner.clean(np.array([[2, hole], [50, 3]], np.float32))
    np.testing.assert_array_equal(measured, [[True, False], [True, True]])
    np.testing.assert_array_equal(filled[measured], [2, 50, 3])
    assert filled[0, 1] in {2, 3}
    assert cleaner.report.holes == 1


def test_the_input_is_left_alone():
    depth_m = np.array([[0, 5, 2]], np.float32)
    SensorCleaner(4).clean(depth_m)
    np.testing.assert_array_equal(depth_m, [[0, 5, 2]])


def test_depth_beyond_the_range_becomes_the_range_and_is_reported():
    cleaner = SensorCleaner(range_m=10)
    filled, measured = cleaner.clean(np.array([[2, 10, 12.5, 30]], np.float32))
    np.testing.assert_array_equal(filled, [[2, 10, 10, 10]])
    assert measured.all()
    (line,) = cleaner.report.lines(10)
    assert line.startswith("50 % of the depth pixels are beyond the network's range of 10 m")
    assert "up to 30 m" in line


def test_a_blank_frame_takes_the_frame_before():
    cleaner = SensorCleaner(10)
    first, _ = cleaner.clean(np.array([[2, 3]], np.float32))
    second, measured = cleaner.clean(np.array([[np.nan, 0]], np.float32))
    np.testing.assert_array_equal(second, first)
    assert not measured.any()
    assert cleaner.report.blank == 1


def test_a_blank_first_frame_is_zero_not_nan():
    filled, measured = SensorCleaner(10).clean(np.full((2, 3), np.nan, np.float32))
    np.testing.assert_array_equal(filled, np.zeros((2, 3)))
    assert not measured.any()


def test_the_report_counts_all_frames():
    cleaner = SensorCleaner(10)
    rgb = np.zeros((4, 8, 3), np.uint8)
    frames = [([[0, 0]], rgb), ([[1, 0]], rgb), ([[1, 2]], rgb)]
    out = list(cleaner.frames((np.array(d, np.float32), c) for d, c in frames))
    assert [frame.rgb is rgb for frame in out] == [True] * 3
    report = cleaner.report
    assert (report.frames, report.pixels, report.holes, report.blank) == (3, 6, 3, 1)
    assert [line.split(" ", 1)[0] for line in report.lines(10)] == ["50", "1"]


@pytest.mark.parametrize(("median_m", "word"), [(2500.0, "large"), (0.002, "small")])
def test_a_wrong_unit_is_told(median_m, word):
    with pytest.raises(ValueError, match=rf"median of {median_m:g} m, so its unit is too {word}"):
        check_plausible(np.full(5, median_m), 20)


@pytest.mark.parametrize("median_m", [0.1, 2.0, 150.0])
def test_unusual_depths_pass(median_m):
    check_plausible(np.full(5, median_m), 20)


def test_the_unit_is_checked_at_the_first_measured_frame():
    cleaner = SensorCleaner(10)
    cleaner.clean(np.zeros((1, 2), np.float32))
    with pytest.raises(ValueError, match="--depth-unit"):
        cleaner.clean(np.full((1, 2), 3000, np.float32))
