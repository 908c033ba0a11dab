"""Cameras of a live session: anything that gives frames as time goes by."""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from stdnet_arch.data.recordings.recording import Frame, Intrinsics, Recording
from stdnet_arch.data.recordings.rgb_io import RGBFiles
from stdnet_arch.inference.jobs.opening import only_forwards

DEFAULT_FPS = 30.0


class Shot(NamedTuple):
    """One frame of a camera."""

    number: int
    """Counts all frames of the camera, those that nobody takes as well."""
    captured_s: float
    """Time at which it was taken, by ``time.monotonic``."""
    read: Callable[[], Frame]
    """Depth [m] ``(h, w)`` and RGB ``(H, W, 3)``; costs time, so only frames that are used do."""


class Camera(Protocol):
    """A source of frames; the capture thread goes through :meth:`shots`."""

    about: str
    """Description for people."""
    intrinsics: Intrinsics | None
    """Intrinsics of the RGB."""

    def shots(self, stop: threading.Event) -> Iterator[Shot]:
        """Give frames when they are taken, until there are no more or ``stop`` is set."""


class ReplayCamera:
    """Plays a recording in real time.

    A frame comes when its time has come. If reading cannot keep pace, frames whose time has passed
    are lost, as with a camera. A video or a bag can only be read forwards; there the clock stands
    still instead (:attr:`slipped_s`).

    Args:
        recording: depth and RGB.
        fps: frames per second; None: the times of the recording, else its rate, else 30.
        clock: tells the time [s].
    """

    def __init__(
        self,
        recording: Recording,
        fps: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.recording, self._clock = recording, clock
        self.times_s, how = frame_times(recording, fps)
        self.intrinsics = recording.intrinsics(0)
        self.about = f"replay of {len(self.times_s)} frames at {how}"
        self.slipped_s = 0.0
        self._jumps = can_jump(recording)
        self._frames: Iterator[Frame] = iter(())
        self._next = -1

    def shots(self, stop: threading.Event) -> Iterator[Shot]:
        """See :class:`Camera`."""
        i, start_s = 0, 0.0
        while i < len(self.times_s):
            frame = self._read(i)
            if i == 0:
                start_s = self._clock()
            late_s = self._clock() - start_s - self.times_s[i]
            if late_s > 0 and not self._jumps:
                start_s, self.slipped_s = start_s + late_s, self.slipped_s + late_s
            if late_s < 0 and stop.wait(min(-late_s, threading.TIMEOUT_MAX)):
                return
            yield Shot(i, start_s + self.times_s[i], partial(_known, frame))
            i = max(i + 1, bisect_right(self.times_s, self._clock() - start_s) - 1)
            if not self._jumps:
                i = self._next

    def _read(self, i: int) -> Frame:
        if i != self._next:
            self._frames = self.recording.frames(i)
        self._next = i + 1
        return next(self._frames)


def _known(frame: Frame) -> Frame:
    return frame


def frame_times(recording: Recording, fps: float | None) -> tuple[list[float], str]:
    """Find when each frame is due [s], from 0 on, and say where that comes from.

    Args:
        recording: may know times or a rate.
        fps: wins over both.
    """
    count = len(recording.depth)
    if fps is None:
        known_s = [recording.time_s(i) for i in range(count)]
        times_s = [time_s for time_s in known_s if time_s is not None]
        if len(times_s) == count and all(np.diff(times_s) > 0):
            return [time_s - times_s[0] for time_s in times_s], "the times of the recording"
    rate = fps or recording.fps or DEFAULT_FPS
    said = "" if fps or recording.fps else ", since the recording says no times (--fps)"
    return [i / rate for i in range(count)], f"{rate:g} frames/s{said}"


def can_jump(recording: Recording) -> bool:
    """Tell whether any frame of a recording can be read without those before it."""
    rgb: Any = getattr(recording, "rgb", None)
    while hasattr(rgb, "rgb"):  # turned, or some of the frames
        rgb = rgb.rgb
    return isinstance(rgb, RGBFiles) and not only_forwards(recording.depth)


class Capture:
    """One thread that looks through a camera and keeps only the newest frame.

    Args:
        camera: camera of the session.
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.captured = 0
        """Frames that the camera gave, by its own count."""
        self.taken = 0
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._newest: Shot | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    @property
    def dropped(self) -> int:
        """Frames that nobody will take: a newer one came first."""
        with self._changed:
            return self.captured - self.taken - (self._newest is not None)

    def shots(self) -> Iterator[Shot]:
        """Give the newest frame, again and again, until the camera ends.

        Raises:
            BaseException: as the camera raised it.
        """
        self._thread.start()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._ended)
                shot, self._newest = self._newest, None
                self.taken += shot is not None
            if shot is None:
                if self._error is not None:
                    raise self._error
                return
            yield shot

    def stop(self) -> None:
        """End the thread; a frame that waits is given up."""
        self._stop.set()
        with self._changed:
            self._newest, self._ended = None, True
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            for shot in self.camera.shots(self._stop):
                self._keep(shot)
        except BaseException as error:  # raised again in the thread that takes the frames
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _keep(self, shot: Shot) -> None:
        """Put a frame in the place of the one before."""
        with self._changed:
            if not self._stop.is_set():
                self._newest, self.captured = shot, shot.number + 1
                self._changed.notify_all()
