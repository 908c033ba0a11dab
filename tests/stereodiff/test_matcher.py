"""Matchers by name, and the one that is there already."""

import math

import numpy as np
import pytest
from recording_parts import write_recording

from stdnet_arch.stereodiff.matcher import MATCHER_REGISTRY, build_matcher
from stdnet_arch.stereodiff.open_video import open_files
from stdnet_arch.stereodiff.sensor_depth_matcher import SensorDepth


def test_both_matchers_are_found_by_existing():
    assert {"PlaneSweep", "SensorDepth"} <= {name for name, _ in MATCHER_REGISTRY}


def test_a_class_of_ones_own_is_found_by_its_path():
    path = "stdnet_arch.stereodiff.sensor_depth_matcher.SensorDepth"
    assert build_matcher({"type": path, "max_m": 3}).max_m == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"type": "Foo"}, "one of PlaneSweep, SensorDepth, or module.Class"),
        ({}, "got None"),
        ({"type": "no_module.Foo"}, "cannot be imported"),
        ({"type": "PlaneSweep", "plane": 3}, "knows the options near_m, .*; got plane"),
        ({"type": "SensorDepth", "max_m": 0}, "above 0"),
    ],
)
def test_what_is_not_known_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build_matcher(options)


def test_sensor_depth_is_the_depth_with_zero_where_there_is_none(tmp_path):
    depth_m, _ = write_recording(tmp_path, frames=4)
    video = open_files(tmp_path / "rgb", depth=tmp_path / "depth")
    got = np.stack(list(SensorDepth(max_m=1.4).depths(video, 1)))
    np.testing.assert_allclose(got, np.where(depth_m <= 1.4, depth_m, 0)[1:])
    assert 0 < (got == 0).mean() < 1


def test_sensor_depth_without_a_sensor_says_what_to_do(tmp_path):
    write_recording(tmp_path, frames=2)
    video = open_files(tmp_path / "rgb")
    with pytest.raises(ValueError, match="take the matcher PlaneSweep"):
        SensorDepth(math.inf).check(video)
