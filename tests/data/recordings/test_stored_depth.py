"""Stored values become metres, and values that mean "no depth" are found."""

from pathlib import Path

import numpy as np
import pytest

from stdnet_arch.data.recordings.depth_units import PRESETS, parse_unit, say_unit
from stdnet_arch.data.recordings.stored_depth import DepthCoding, to_metres

PNG, NPY = Path("x.png"), Path("x.npy")


@pytest.mark.parametrize(
    ("stored", "path", "expected"),
    [
        (np.array([[1500, 65535]], np.uint16), PNG, [[1.5, np.inf]]),
        (np.array([[1500, 65534]], np.uint16), PNG, [[1.5, 65.534]]),
        (np.array([[1.5, 1e10]], np.float32), NPY, [[1.5, np.inf]]),
        (np.array([[1.5, 65504]], np.float16), NPY, [[1.5, np.inf]]),
        (np.array([[1.5, 65535]], np.float32), NPY, [[1.5, np.inf]]),
        (np.array([[1.5, 65.535]], np.float32), NPY, [[1.5, np.inf]]),
        (np.array([[1.5, 65.535]], np.float64), NPY, [[1.5, np.inf]]),
        (np.array([[1.5, 3000]], np.float32), NPY, [[1.5, 3000]]),
    ],
)
def test_values_that_cannot_be_depth_are_marked(stored, path, expected):
    np.testing.assert_allclose(to_metres(stored, path, DepthCoding()), expected, rtol=1e-6)


def test_a_named_value_is_the_only_one():
    stored = np.array([[1500, 65535, 7]], np.uint16)
    expected = [[1.5, 65.535, 0]]
    np.testing.assert_allclose(to_metres(stored, PNG, DepthCoding(invalid=7)), expected, rtol=1e-6)


@pytest.mark.parametrize("path", [PNG, NPY])
def test_disparity_becomes_depth(path):
    stored = np.array([[320, 0, 640]], np.uint16)
    coding = DepthCoding(1 / 16, disparity=(500.0, 0.12))
    np.testing.assert_allclose(to_metres(stored, path, coding), [[3.0, 0, 1.5]], rtol=1e-6)
    assert "500 px x 0.12 m / disparity" in coding.say(path, whole=True)


def test_whole_disparities_are_pixels_unless_a_unit_says_otherwise():
    coding = DepthCoding(disparity=(100.0, 0.5))
    stored = np.array([[10, 25]], np.uint16)
    np.testing.assert_allclose(to_metres(stored, PNG, coding), [[5, 2]], rtol=1e-6)


@pytest.mark.parametrize("disparity", [(0, 1), (500, -0.1), (float("nan"), 1)])
def test_impossible_cameras_are_refused(disparity):
    with pytest.raises(ValueError, match="focal length .px. and a baseline"):
        DepthCoding(disparity=disparity)


@pytest.mark.parametrize(
    ("text", "unit"),
    [("1/5000", 0.0002), ("tum", 0.0002), ("Replica", 1 / 6553.5), ("cm", 0.01), ("scannet", "mm")],
)
def test_units_have_names_and_fractions(text, unit):
    assert parse_unit(text) == pytest.approx(unit) if isinstance(unit, float) else unit


@pytest.mark.parametrize("text", ["ell", "1/0", "-1", "nan", "0", "inf", "1/5/6"])
def test_other_units_are_refused(text):
    with pytest.raises(ValueError, match="depth unit must be"):
        parse_unit(text)


METRES_OF_1000 = {  # as the data sets' pages say
    "m": 1000, "mm": 1, "cm": 10, "tum": 0.2, "bonn": 0.2, "icl-nuim": 0.2, "eth3d": 0.2,
    "slambook2": 0.2, "replica": 0.15259, "kitti": 3.90625, "void": 3.90625, "scannet": 1,
    "7scenes": 1, "redwood": 1, "kinect": 1, "realsense": 1, "arkit": 1, "vkitti": 10,
}  # fmt: skip


@pytest.mark.parametrize(("name", "metres"), METRES_OF_1000.items())
def test_a_thousand_of_a_named_unit_is_as_far_as_its_data_set_says(name, metres):
    found = to_metres(np.full((1, 2), 1000, np.uint16), PNG, DepthCoding(PRESETS[name]))
    np.testing.assert_allclose(found, [[metres, metres]], rtol=1e-4)


def test_units_that_are_codings_are_the_other_names():
    assert PRESETS.keys() - METRES_OF_1000.keys() == {
        "float16", "float32rgba", "tartanair2", "dynamicreplica"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "words"),
    [("mm", "mm"), (0.0002, "1/5000 m"), (1 / 6553.5, "1/6553.5 m"), (2.5, "2.5 m")],
)
def test_units_are_said_as_people_know_them(unit, words):
    assert say_unit(unit) == words
