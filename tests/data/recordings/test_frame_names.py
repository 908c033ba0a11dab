"""Numbers in names count by their value."""

from decimal import Decimal

import pytest

from stdnet_arch.data.recordings.frame_names import (
    are_times,
    frame_numbers_of,
    natural_key,
    seconds_of,
)


def test_digits_behind_the_point_are_a_fraction():
    names = ["10.2", "10.1333", "9.99", "t10", "t9"]
    assert sorted(names, key=natural_key) == ["9.99", "10.1333", "10.2", "t9", "t10"]


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["frame-000003.depth", "frame-000011.depth"], ["3", "11"]),
        (["000007_left_depth", "000008_left_depth"], ["7", "8"]),
        (["4711_305.377", "4711_305.410"], ["305.377", "305.410"]),
        (["render2.0001", "render2.0010"], ["1", "10"]),
        (["d_1_640x480", "d_2_640x480"], ["1", "2"]),
        (["a1", "b"], None),
        (["cam0_1", "cam1_1"], ["0", "1"]),
        (["cam0_1", "cam1_1", "cam0_2", "cam1_2"], None),
        ([], None),
    ],
)
def test_the_number_that_counts_is_the_one_that_differs(names, numbers):
    expected = None if numbers is None else [Decimal(number) for number in numbers]
    assert frame_numbers_of(names) == expected


@pytest.mark.parametrize(
    ("number", "seconds"),
    [
        ("305.25", 305.25),
        ("1305031453374", 1305031453.374),
        ("1305031453374112", 1305031453.374112),
        ("1305031453374112000", 1305031453.374112),
    ],
)
def test_times_are_seconds_or_tell_their_unit_by_their_size(number, seconds):
    assert are_times([Decimal(number)])
    assert seconds_of([Decimal(number)]) == pytest.approx([seconds], abs=1e-6)


def test_frame_numbers_are_no_times():
    assert not are_times([Decimal(0), Decimal(123456)])
