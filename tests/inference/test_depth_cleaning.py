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


def test_a_blank_first_frame_takes_the_first_measured_one():
    rgb = np.zeros((4, 8, 3), np.uint8)
    depths = [[[np.nan, 0]], [[0, 0]], [[0, 2]], [[3, 4]]]
    cleaner = SensorCleaner(10)
    out = list(cleaner.frames((np.array(d, np.float32), rgb) for d in depths))
    np.testing.assert_array_equal(
        np.stack([frame.lq_m for frame in out]), [[[2, 2]], [[2, 2]], [[2, 2]], [[3, 4]]]
    )
    assert not out[0].measured.any()
    assert cleaner.report.lines(10)[1] == (
        "frames before frame 2 hold no depth at all (2 of them); frame 2, the first one with "
        "depth, stood in"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([-1.7, -0.4], r"got values from -1.7 to -0.4 m \(negative"),
        ([0, np.nan], "got values from 0 to 0 m"),
        ([np.inf, np.nan], "nothing but NaN"),
        ([30, 40], "beyond the largest depth"),
    ],
)
def test_a_clip_without_depth_is_refused(values, message):
    frames = [(np.array([values], np.float32), np.zeros((4, 8, 3), np.uint8))] * 3
    with pytest.raises(ValueError, match=f"no frame of the clip holds depth.*{message}"):
        list(SensorCleaner(10, max_m=20).frames(frames))


def test_negative_and_marked_pixels_are_counted():
    cleaner = SensorCleaner(10)
    cleaner.clean(np.array([[1, -2, np.inf, -3]], np.float32))
    lines = cleaner.report.lines(10)
    assert "25 % of the depth pixels hold a value that means 'no depth'" in lines[1]
    assert "50 % of the depth pixels are negative (down to -3 m)" in lines[2]


@pytest.mark.parametrize(("value", "word"), [(148.0, "large"), (5e-4, "small")])
def test_centimetres_as_metres_and_less_than_a_millimetre_are_refused(value, word):
    with pytest.raises(ValueError, match=f"its unit is too {word}"):
        check_plausible(np.linspace(0.6, 1.2, 9) * value, 40.0)


def test_the_report_counts_all_frames():
    cleaner = SensorCleaner(10)
    rgb = np.zeros((4, 8, 3), np.uint8)
    frames = [([[0, 0]], rgb), ([[1, 0]], rgb), ([[1, 2]], rgb)]
    out = list(cleaner.frames((np.array(d, np.float32), c) for d, c in frames))
    assert [frame.rgb is rgb for frame in out] == [True] * 3
    report = cleaner.report
    assert (report.frames, report.pixels, report.holes, report.early) == (3, 6, 3, 1)
    assert [line.split(" ", 1)[0] for line in report.lines(10)] == ["50", "frames"]


@pytest.mark.parametrize(("median_m", "word"), [(2500.0, "large"), (0.002, "small")])
def test_a_wrong_unit_is_told(median_m, word):
    with pytest.raises(ValueError, match=rf"median of {median_m:g} m, so its unit is too {word}"):
        check_plausible(np.full(5, median_m), 20)


@pytest.mark.parametrize("median_m", [0.1, 2.0, 19.9])
def test_unusual_depths_pass(median_m):
    check_plausible(np.full(5, median_m), 20)


def test_the_unit_is_checked_at_the_first_measured_frame():
    cleaner = SensorCleaner(10, first_m=np.ones((1, 2), np.float32))
    cleaner.clean(np.zeros((1, 2), np.float32))
    with pytest.raises(ValueError, match="--depth-unit"):
        cleaner.clean(np.full((1, 2), 3000, np.float32))
