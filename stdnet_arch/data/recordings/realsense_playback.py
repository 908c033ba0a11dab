"""Frames of a RealSense recording, all of them and in order; needs the extra ``realsense``.

The SDK's own pipeline drops frames at the start, and others if one is slow. So the sensors are
played one frame after the other, and depth and color are paired by their times here.
"""

import atexit
import queue
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_registration import Pose
from stdnet_arch.data.recordings.recording import Intrinsics

WAIT_S = 0.2
"""How often to look whether the file has ended."""
KEEP = 64
"""Frames of one side that may wait for the other."""


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
    pose: Pose
    """From depth to color."""
    fps: float
    """Frames per second of the color."""


class Playback:
    """An open recording; a context manager that closes it.

    Args:
        path: ``.bag`` or ``.db3``.

    Raises:
        ValueError: it cannot be read, or holds no depth or no color.
        ImportError: pyrealsense2 is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rs = import_realsense()
        try:
            self._device = self._rs.context().load_device(str(path))
        except RuntimeError as error:
            raise ValueError(f"{path}: expected a RealSense recording; {error}") from error
        self._device.set_real_time(False)
        self._arrived: queue.Queue[Image] = queue.Queue(4)
        self._closed = False
        kinds = (self._rs.stream.depth, self._rs.stream.color)
        self._sensors = []
        found: dict[Any, Any] = {}
        for sensor in self._device.query_sensors():
            profiles = [p for p in sensor.get_stream_profiles() if p.stream_type() in kinds]
            found |= {profile.stream_type(): profile for profile in profiles}
            if profiles:
                self._sensors.append((sensor, profiles))
        if len(found) < 2:
            raise ValueError(f"{path}: expected streams of depth and color; got {len(found)} of 2")
        self.cameras = _cameras(*(found[kind] for kind in kinds))

    def __enter__(self) -> "Playback":
        """Start; nothing is lost before both sensors listen."""
        self._device.pause()
        for sensor, profiles in self._sensors:
            sensor.open(profiles)
            sensor.start(self._take)
        self._device.resume()
        # The SDK's threads must not outlive the interpreter.
        atexit.register(self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        atexit.unregister(self._stop)
        self._stop()

    def _stop(self) -> None:
        self._closed = True
        with suppress(queue.Empty):  # a sensor that waits for room goes on
            while True:
                self._arrived.get_nowait()
        for sensor, _profiles in self._sensors:
            sensor.stop()
            sensor.close()

    def pairs(self) -> Iterator[tuple[Image, Image]]:
        """Depth and color of (almost) one time: no further apart than half a frame."""
        near_ms = 500 / self.cameras.fps
        waiting: tuple[deque[Image], deque[Image]] = deque(maxlen=KEEP), deque(maxlen=KEEP)
        depths, colors = waiting
        for image in self._images():
            waiting[0 if image.is_depth else 1].append(image)
            while depths and colors:
                gap_ms = depths[0].time_ms - colors[0].time_ms
                if abs(gap_ms) <= near_ms:
                    yield depths.popleft(), colors.popleft()
                else:
                    (colors if gap_ms > 0 else depths).popleft()

    def _images(self) -> Iterator[Image]:
        """All images of the file, in order."""
        stopped = self._rs.playback_status.stopped
        while True:
            ended = self._device.current_status() == stopped
            try:
                yield self._arrived.get(timeout=WAIT_S)
            except queue.Empty:
                if ended:
                    return

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
    return CameraPair(one, other, Pose(rotation, np.array(between.translation)), float(color.fps()))


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
