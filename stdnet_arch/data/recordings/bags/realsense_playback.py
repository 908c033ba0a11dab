"""Frames of a RealSense recording or camera, in order; needs the extra ``realsense``.

The SDK's own pipeline drops frames at the start, and others if one is slow. So the sensors are
played one frame after the other, and depth and color are paired by their times here.
"""

import atexit
import queue
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_registration import Extrinsics
from stdnet_arch.data.recordings.recording import Intrinsics

WAIT_S = 0.2
"""Time between looks whether the file has ended."""
KEEP = 64
"""Frames of one side that may wait for the other."""
SIZE, RATE = (640, 480), 30
"""Width, height and frames per second of a camera that can choose."""
SILENT_S = 10.0
"""A device that gives nothing for so long is gone."""


class Image(NamedTuple):
    """One image of one sensor."""

    is_depth: bool
    time_ms: float
    data: NDArray[np.generic]
    """Codes ``(h, w)``, or colors ``(H, W, 3)``, RGB."""
    unit_m: float
    """Metres per code; 0 for color."""


class CameraPair(NamedTuple):
    """Intrinsics of both cameras, and the pose between them."""

    depth: Intrinsics
    color: Intrinsics
    pose: Extrinsics
    """From depth to color."""
    fps: float
    """Frames per second of the color."""


class Device:
    """The two streams of an open device; a context manager that starts and stops them.

    Args:
        device: the SDK's.
        name: its name in errors.

    Raises:
        ValueError: it has no depth or no color.
    """

    def __init__(self, device: Any, name: str) -> None:  # noqa: ANN401  an optional library
        self._rs = import_realsense()
        self._device = device
        self._arrived: queue.Queue[Image] = queue.Queue(4)
        self._closed = False
        kinds = (self._rs.stream.depth, self._rs.stream.color)
        self._sensors = []
        found: dict[Any, Any] = {}
        for sensor in device.query_sensors():
            of_kinds = [p for p in sensor.get_stream_profiles() if p.stream_type() in kinds]
            if profiles := self._choose(of_kinds):
                found |= {profile.stream_type(): profile for profile in profiles}
                self._sensors.append((sensor, profiles))
        if len(found) < 2:
            raise ValueError(f"{name}: expected streams of depth and color; got {len(found)} of 2")
        self.cameras = _cameras(*(found[kind] for kind in kinds))

    def __enter__(self) -> "Device":
        """Start."""
        self._start()
        # The SDK's threads must not outlive the interpreter.
        atexit.register(self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        atexit.unregister(self._stop)
        self._stop()

    def pairs(self, stop: threading.Event | None = None) -> Iterator[tuple[Image, Image]]:
        """Depth and color of (almost) one time: no further apart than half a frame.

        Args:
            stop: ends it when it is set.
        """
        near_ms = 500 / self.cameras.fps
        waiting: tuple[deque[Image], deque[Image]] = deque(maxlen=KEEP), deque(maxlen=KEEP)
        depths, colors = waiting
        for image in self._images(stop or threading.Event()):
            waiting[0 if image.is_depth else 1].append(image)
            while depths and colors:
                gap_ms = depths[0].time_ms - colors[0].time_ms
                if abs(gap_ms) <= near_ms:
                    yield depths.popleft(), colors.popleft()
                else:
                    (colors if gap_ms > 0 else depths).popleft()

    def _choose(self, profiles: list[Any]) -> list[Any]:
        """Choose what a sensor is opened with."""
        return profiles

    def _start(self) -> None:
        for sensor, profiles in self._sensors:
            sensor.open(profiles)
            sensor.start(self._take)

    def _stop(self) -> None:
        self._closed = True
        with suppress(queue.Empty):  # a sensor that waits for room continues
            while True:
                self._arrived.get_nowait()
        for sensor, _profiles in self._sensors:
            sensor.stop()
            sensor.close()

    def _has_ended(self) -> bool:
        """Tell whether no further image will come."""
        return False

    def _images(self, stop: threading.Event) -> Iterator[Image]:
        """All images, in order."""
        silent_s = 0.0
        while not stop.is_set():
            ended = self._has_ended()
            try:
                yield self._arrived.get(timeout=WAIT_S)
                silent_s = 0.0
            except queue.Empty:
                silent_s += WAIT_S
                if ended:
                    return
                if silent_s > SILENT_S:
                    raise OSError(
                        f"expected frames of the RealSense device; none came for {SILENT_S:g} s: "
                        "is it still there, and does no other program use it?"
                    ) from None

    def _take(self, frame: Any) -> None:  # noqa: ANN401  an optional library
        """Called by the SDK for every frame, in its thread; waits for room."""
        is_depth = frame.is_depth_frame()
        unit_m = float(frame.as_depth_frame().get_units()) if is_depth else 0.0
        data = np.array(frame.get_data())
        if not is_depth:
            data = self._to_rgb(data, frame.get_profile().format())
        image = Image(is_depth, frame.get_timestamp(), data, unit_m)
        while not self._closed:
            with suppress(queue.Full):
                self._arrived.put(image, timeout=WAIT_S)
                return

    def _to_rgb(self, data: NDArray[np.generic], kind: Any) -> NDArray[np.generic]:  # noqa: ANN401
        """Color as RGB; an empty array for what cannot be read, since the SDK swallows errors."""
        kinds = self._rs.format
        known = {str(kinds.rgb8): data, str(kinds.bgr8): data[..., ::-1]}
        return np.ascontiguousarray(known.get(str(kind), data[:0]))


class Playback(Device):
    """An open recording.

    Args:
        path: ``.bag`` or ``.db3``.
        real_time: play it as it was recorded; else frame by frame, and nothing is lost.

    Raises:
        ValueError: it cannot be read, or holds no depth or no color.
        ImportError: pyrealsense2 is not installed.
    """

    def __init__(self, path: Path, real_time: bool = False) -> None:
        self.path = path
        rs = import_realsense()
        try:
            device = rs.context().load_device(str(path))
        except RuntimeError as error:
            raise ValueError(f"{path}: expected a RealSense recording; {error}") from error
        device.set_real_time(real_time)
        super().__init__(device, f"{path}")

    def _start(self) -> None:
        """Start; nothing is lost before both sensors listen."""
        self._device.pause()
        super()._start()
        self._device.resume()

    def _has_ended(self) -> bool:
        return bool(self._device.current_status() == self._rs.playback_status.stopped)


class LiveDevice(Device):
    """The first RealSense camera of this machine.

    Each sensor runs at ``SIZE`` and ``RATE`` where it can, else at its first profile.

    Raises:
        ValueError: there is none, or it has no depth or no color.
        ImportError: pyrealsense2 is not installed.
    """

    def __init__(self) -> None:
        devices = list(import_realsense().context().query_devices())
        if not devices:
            raise ValueError(
                "expected a RealSense camera; none is connected (--camera replay RECORDING plays a "
                "recording)"
            )
        super().__init__(devices[0], "RealSense camera")

    def _choose(self, profiles: list[Any]) -> list[Any]:
        wanted = (str(self._rs.format.z16), str(self._rs.format.rgb8), str(self._rs.format.bgr8))
        chosen: dict[Any, Any] = {}
        for profile in sorted(profiles, key=self._distance):
            if str(profile.format()) in wanted:
                chosen.setdefault(profile.stream_type(), profile)
        return list(chosen.values())

    def _distance(self, profile: Any) -> tuple[int, int]:  # noqa: ANN401
        """Measure how far a profile is from what is wanted: pixels, then rate."""
        video = profile.as_video_stream_profile()
        pixels = abs(video.width() - SIZE[0]) + abs(video.height() - SIZE[1])
        return pixels, abs(video.fps() - RATE)


def _cameras(depth: Any, color: Any) -> CameraPair:  # noqa: ANN401  an optional library
    """Read intrinsics and extrinsics from the profiles of both streams."""
    both = [profile.as_video_stream_profile().get_intrinsics() for profile in (depth, color)]
    one, other = (Intrinsics(camera.fx, camera.fy, camera.ppx, camera.ppy) for camera in both)
    try:
        between = depth.get_extrinsics_to(color)
    except RuntimeError as error:
        raise ValueError(
            f"expected how the cameras lie to each other; the file does not say it: {error}"
        ) from error
    rotation = np.reshape(between.rotation, (3, 3), order="F")  # stored by columns
    return CameraPair(
        one, other, Extrinsics(rotation, np.array(between.translation)), float(color.fps())
    )


def import_realsense() -> Any:  # noqa: ANN401  an optional library
    """The SDK, or an error that says how to get it."""
    try:
        import pyrealsense2
    except ImportError as error:
        raise ImportError(
            "RealSense recordings need pyrealsense2: pip install 'stdnet_arch[realsense]' (and "
            f"libusb-1.0 of the system); {error}"
        ) from error
    return pyrealsense2
