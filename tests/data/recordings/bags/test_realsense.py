"""RealSense recordings: a faked SDK everywhere, the real one where it is installed."""

import builtins

import fake_realsense
import numpy as np
import pytest
from fake_realsense import CODES, PERIOD_MS, RGB
from realsense_bag import record

from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics


@pytest.fixture
def bag(tmp_path, monkeypatch):
    """Four frames that the faked SDK plays; color is late, and one has no depth."""
    fake_realsense.play(monkeypatch, ("color", -PERIOD_MS, RGB[0]))
    (tmp_path / "x.bag").touch()
    return tmp_path / "x.bag"


def open_bag(path):
    return open_recording(path, None, Reading(), 4)


@pytest.mark.parametrize("start", [0, 3])
def test_frames_are_metres_at_a_fourth_of_the_color(bag, start):
    depths, colors = zip(*open_bag(bag).frames(start), strict=True)
    np.testing.assert_allclose(np.stack(depths), CODES[start:] * 0.00025, rtol=1e-6)
    np.testing.assert_array_equal(np.stack(colors), RGB[start:])
    assert not fake_realsense.RUNNING


def test_the_camera_is_the_colors(bag):
    recording = open_bag(bag)
    assert recording.intrinsics(2) == Intrinsics(20.5, 21.5, 12, 8)
    assert (recording.fps, len(recording.depth), recording.depth.name(3)) == (15, 4, "000003")


@pytest.mark.parametrize("order", [(0, 1, 3), (3, 0, 2), (1, 1, 2)])
def test_depth_can_be_read_in_any_order(bag, order):
    depth = open_bag(bag).depth
    for i in order:
        np.testing.assert_allclose(depth.read(i), CODES[i] * 0.00025, rtol=1e-6)


def test_a_recording_can_be_left_early(bag):
    frames = open_bag(bag).frames()
    next(frames)
    frames.close()
    assert not fake_realsense.RUNNING


def test_bgr_becomes_rgb(bag, monkeypatch):
    monkeypatch.setattr(fake_realsense, "KIND", ["bgr8"])
    np.testing.assert_array_equal(next(open_bag(bag).colors()), RGB[0][..., ::-1])


def test_other_colors_are_refused(bag, monkeypatch):
    monkeypatch.setattr(fake_realsense, "KIND", ["yuyv"])
    with pytest.raises(ValueError, match="color must be rgb8 or bgr8"):
        list(open_bag(bag).frames())


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda kind, time_ms: kind == "color", "streams of depth and color; got 1 of 2"),
        (lambda kind, time_ms: (kind == "color") == (time_ms < 0), "of the same times; got none"),
    ],
)
def test_recordings_without_pairs_are_refused(bag, monkeypatch, keep, message):
    kept = [frame for frame in fake_realsense.FRAMES if keep(*frame[:2])]
    monkeypatch.setattr(fake_realsense, "FRAMES", kept)
    with pytest.raises(ValueError, match=message):
        open_bag(bag)


def test_rubbish_is_named(bag):
    with pytest.raises(ValueError, match="expected a RealSense recording; Failed to resolve"):
        open_bag(bag.rename(bag.with_name("rubbish.bag")))


def test_a_missing_library_names_its_extra(tmp_path, monkeypatch):
    original = builtins.__import__

    def without(name, *arguments):
        if name == "pyrealsense2":
            raise ImportError("no such module")
        return original(name, *arguments)

    (tmp_path / "x.bag").touch()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'stdnet_arch\[realsense\]'"):
        open_bag(tmp_path / "x.bag")


@pytest.mark.slow
def test_the_real_sdk_plays_what_it_recorded(tmp_path):
    rs = pytest.importorskip("pyrealsense2")
    record(rs, tmp_path / "x.db3", CODES.repeat(12, 1).repeat(12, 2), RGB.repeat(6, 1).repeat(6, 2))
    recording = open_bag(tmp_path / "x.db3")
    depths, colors = zip(*recording.frames(), strict=True)
    np.testing.assert_array_equal(np.stack(colors), RGB.repeat(6, 1).repeat(6, 2))
    expected = (CODES * 1e-3).repeat(6, 1).repeat(6, 2)
    np.testing.assert_allclose(np.stack(depths), expected, rtol=1e-5)
    assert recording.intrinsics(0) == Intrinsics(80, 80, 71.5, 47.5)
