"""Which weights are chosen, and that the reason names what decided."""

from pathlib import Path

import pytest

from stdnet_arch.weights.choice import SENSORS, choose
from stdnet_arch.weights.shipped import Shipped


def fake(name, scale, sensors=("dtof", "clean"), ratio=None, fast=False):
    """An entry of the index without a file."""
    shipped = Shipped(Path(f"{name}.safetensors"))
    rows = [] if ratio is None else [{"rule": "area", "ratio_mean": ratio, "ratio_worst": ratio}]
    about = {"network_g": {"type": "STDNet", "scale": scale}, "zero_shot": rows}
    vars(shipped)["about"] = {**about, "sensors": list(sensors), "fast": fast}
    return shipped


EVERY = [
    fake("a_x4", 4, ratio=0.6),
    fake("a_x8", 8),
    fake("a_x16", 16),
    fake("phone_x4", 4, ("phone",)),
    fake("worse_x4", 4, ("dtof",), 0.9),
    fake("never_x4", 4, ()),
]


def name_of(ratio, sensor=None, among=EVERY):
    return choose(ratio, sensor, among).shipped.name


@pytest.mark.parametrize(
    ("ratio", "name"), [(4, "a_x4"), (8, "a_x8"), (16, "a_x16"), (2, "a_x4"), (40, "a_x16")]
)
def test_the_nearest_scale_is_taken(ratio, name):
    assert name_of(ratio) == name


def test_near_is_meant_as_a_factor():
    assert name_of(5.6) == "a_x4"  # 5.66 is the geometric mean of 4 and 8
    assert name_of(5.7) == "a_x8"


def test_the_right_sensor_wins_over_the_nearest_scale_within_a_factor_of_two():
    assert name_of(7.5, "phone") == "phone_x4"
    assert name_of(8.1, "phone") == "a_x8"


def test_of_equally_near_ones_the_best_on_unseen_scenes_is_taken():
    assert name_of(4, "dtof") == "a_x4"


def test_weights_for_no_sensor_are_never_chosen():
    with pytest.raises(ValueError, match="--weights"):
        choose(4, None, [fake("never_x4", 4, ())])


@pytest.mark.parametrize(
    ("ratio", "sensor", "name"),
    [(4, None, "live_x4"), (8, None, "a_x8"), (4, "phone", "phone_x4"), (5, "dtof", "live_x4")],
)
def test_live_pictures_get_what_was_made_for_them_and_nothing_else_does(ratio, sensor, name):
    among = [*EVERY, fake("live_x4", 4, ratio=0.5, fast=True)]
    chosen = choose(ratio, sensor, among, fast=True)
    assert chosen.shipped.name == name
    assert ("live pictures" in chosen.reason) == (name == "live_x4")
    assert not choose(ratio, sensor, among).shipped.fast


def test_the_reason_names_weights_scale_sensor_and_score():
    reason = choose(4.5, "dtof", EVERY).reason
    for word in ("a_x4", "x4.5", "sensor dtof", "dtof and clean", "0.60 (area)"):
        assert word in reason


def test_the_reason_says_if_nothing_fits_the_sensor():
    assert "nothing shipped fits sensor realsense" in choose(4, "realsense", EVERY).reason


def test_an_unknown_sensor_lists_the_known_ones():
    with pytest.raises(ValueError, match=", ".join(SENSORS)):
        choose(4, "kinect", EVERY)


def test_depth_as_large_as_the_rgb_is_refused():
    with pytest.raises(ValueError, match="larger"):
        choose(1, None, EVERY)
