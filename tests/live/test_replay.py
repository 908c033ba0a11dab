"""Replays keep the time, captures keep the newest frame; a clock of our own counts the seconds."""

import threading

import numpy as np
import pytest

from stdnet_arch.data.recordings.rgb_io import RGBFiles
from stdnet_arch.live.cameras import Capture, ReplayCamera, Shot, frame_times


class Clock:
    """Time that passes when somebody waits or reads."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s

    def wait(self, seconds):
        self.now_s += seconds
        return False


class Recorded:
    """A recording of ``count`` frames; reading one takes ``cost_s``."""

    fps = None

    def __init__(self, clock, count=8, cost_s=0.0, times_s=None, jumps=True):
        self.clock, self.count, self.cost_s = clock, count, cost_s
        self.times_s = times_s or [None] * count
        self.rgb = RGBFiles([])
        self.depth = type("D", (), {"__len__": lambda _: count, "only_forwards": not jumps})()

    def time_s(self, i):
        return self.times_s[i]

    def intrinsics(self, i):
        return None

    def frames(self, start=0):
        for i in range(start, self.count):
            self.clock.now_s += self.cost_s
            yield np.full((1, 1), i + 1.0), np.zeros((4, 4, 3), np.uint8)


def played(recording, clock, **options):
    """Numbers of the frames, when they were taken, and when they came."""
    camera = ReplayCamera(recording, clock=clock, **options)
    rows = [
        (shot.number, shot.captured_s - 100, clock.now_s - 100, int(shot.read()[0][0, 0]) - 1)
        for shot in camera.shots(clock)
    ]
    return camera, np.array(rows)


def test_frames_come_at_the_times_of_the_recording():
    clock = Clock()
    times_s = [7.0, 7.5, 9.25]
    _, rows = played(Recorded(clock, 3, times_s=times_s), clock)
    np.testing.assert_allclose(rows[:, 1], [0, 0.5, 2.25])
    np.testing.assert_allclose(rows[:, 2], rows[:, 1])
    np.testing.assert_array_equal(rows[:, 0], rows[:, 3])


@pytest.mark.parametrize(
    ("times_s", "fps", "expected"),
    [([1, 3, 2], None, 1 / 30), ([1, 2, None], None, 1 / 30), ([1, 2, 3], 4, 1 / 4)],
)
def test_times_that_cannot_be_used_give_way_to_a_rate(times_s, fps, expected):
    found, said = frame_times(Recorded(Clock(), 3, times_s=times_s), fps)
    np.testing.assert_allclose(found, [0, expected, 2 * expected])
    assert ("--fps" in said) == (fps is None)


def test_a_slow_reader_loses_the_frames_whose_time_has_passed():
    clock = Clock()
    camera, rows = played(Recorded(clock, 20, cost_s=2.5), clock, fps=1)
    numbers, captured_s, came_s, _ = rows.T
    start_s = 2.5  # the first frame is read before the clock starts
    np.testing.assert_allclose(captured_s, start_s + numbers)
    # Only the newest frame is read: it is late by its reading and at most a period.
    assert (came_s - captured_s).max() <= 2.5 + 1
    assert np.diff(numbers).max() > 1
    assert camera.slipped_s == 0


def test_what_can_only_be_read_forwards_loses_nothing_and_the_clock_slips():
    clock = Clock()
    camera, rows = played(Recorded(clock, 6, cost_s=2.5, jumps=False), clock, fps=1)
    np.testing.assert_array_equal(rows[:, 0], range(6))
    np.testing.assert_allclose(rows[:, 2], rows[:, 1])
    assert camera.slipped_s == pytest.approx(5 * 1.5)


class Burst:
    """A camera that gives a frame, and four more when it is told to."""

    about, intrinsics = "burst", None

    def __init__(self):
        self.go, self.done = threading.Event(), threading.Event()

    def shots(self, stop):
        yield Shot(0, 0.0, dict)
        assert self.go.wait(60)
        for i in range(1, 5):
            yield Shot(i, float(i), dict)
        self.done.set()


def test_the_newest_frame_wins_and_the_others_are_counted():
    camera = Burst()
    capture = Capture(camera)
    shots = capture.shots()
    assert next(shots).number == 0
    camera.go.set()
    assert camera.done.wait(60)
    assert next(shots).number == 4
    assert (capture.captured, capture.taken, capture.dropped) == (5, 2, 3)
    assert next(shots, None) is None


def test_what_the_camera_raises_comes_out():
    class Broken:
        def shots(self, stop):
            yield Shot(0, 0.0, dict)
            raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        list(Capture(Broken()).shots())


def test_a_capture_that_is_stopped_gives_no_more_frames():
    camera = Burst()
    capture = Capture(camera)
    shots = capture.shots()
    next(shots)
    capture.stop()
    camera.go.set()
    assert list(shots) == []
