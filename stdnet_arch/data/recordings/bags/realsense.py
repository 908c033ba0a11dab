"""Recordings of RealSense cameras (``.bag``, ``.db3``); need the extra ``realsense``.

Depth is moved to the view of the color camera. The network needs it ``scale`` times coarser than
the color: each block of ``scale x scale`` color pixels takes the lower median of the depths that
fall into it, or is a hole if none does.
"""

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.bags.realsense_playback import CameraPair, Image, Playback
from stdnet_arch.data.recordings.depth_registration import register_depth
from stdnet_arch.data.recordings.recording import About, Frame, Intrinsics
from stdnet_arch.data.recordings.track.track import Pose

SUFFIXES = (".bag", ".db3")
SENSOR = "realsense"


class RealSenseDepth:
    """The depth of a recording; going back starts the file again."""

    only_forwards = True

    def __init__(self, recording: "RealSenseRecording") -> None:
        self.recording = recording
        self._next: int | None = None
        self._frames: Generator[Frame, None, None] | None = None

    def __len__(self) -> int:
        """Number of frames."""
        return self.recording.count

    def read(self, i: int) -> NDArray[np.float32]:
        """Frame ``i`` [m], ``(h, w)``."""
        if self._frames is None or i != self._next:
            if self._frames is not None:
                self._frames.close()
            self._frames = self.recording.frames(i)
        self._next = i + 1
        return np.asarray(next(self._frames)[0], np.float32)

    def name(self, i: int) -> str:
        """Its number, six digits."""
        return f"{i:06d}"


class RealSenseRecording:
    """A recording; see :class:`stdnet_arch.data.recordings.recording.Recording`.

    Args:
        path: the file.
        block: color pixels per depth pixel along a side; the network's scale.

    Raises:
        FileNotFoundError, ValueError: no such file, or one without depth and color.
        ImportError: pyrealsense2 is not installed.
    """

    def __init__(self, path: Path, block: int) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"expected a recording at {path}; it does not exist")
        self.path, self.block = path, block
        with Playback(path) as playback:
            self.cameras = playback.cameras
            self.times_s = [color.time_ms / 1000 for _, color in playback.pairs()]
        self.count = len(self.times_s)
        if self.count == 0:
            raise ValueError(f"{path}: expected depth and color of the same times; got none")
        self.depth = RealSenseDepth(self)
        self.about = About(
            "RealSense, depth moved to the color camera", "as the sensor says", SENSOR
        )
        self.fps: float | None = self.cameras.fps

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """Depth [m] ``(h, w)`` and RGB ``(H, W, 3)`` from ``start`` on; those before are read."""
        with Playback(self.path) as playback:
            for i, (depth, color) in enumerate(playback.pairs()):
                if i >= start:
                    yield decode_pair(depth, color, self.cameras, self.block, f"{self.path}")

    def colors(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """Yield only the RGB."""
        return (rgb for _, rgb in self.frames(start))

    def intrinsics(self, i: int) -> Intrinsics | None:  # noqa: ARG002  one camera
        """The color camera; its distortion is not taken out."""
        return self.cameras.color

    def time_s(self, i: int) -> float | None:
        """Time at which the color of frame ``i`` was taken [s], by the sensor's clock."""
        return self.times_s[i]

    def pose(self, i: int) -> Pose | None:  # noqa: ARG002
        """Return None: the cameras do not know where they are."""
        return None


def decode_pair(
    depth: Image, color: Image, cameras: CameraPair, block: int, where: str = "RealSense"
) -> Frame:
    """Move the depth of a pair to the view of its color.

    Args:
        depth: frame of the depth sensor.
        color: frame of the color camera.
        cameras: intrinsics of both, and the pose between them.
        block: color pixels along a side of a depth pixel.
        where: name of the recording in errors.

    Returns:
        Depth [m], ``(H // block, W // block)``, and RGB, cut to whole blocks.

    Raises:
        ValueError: the color cannot be read.
    """
    if not color.data.size:
        raise ValueError(f"{where}: color must be rgb8 or bgr8; got another format")
    h, w = (side // block for side in color.data.shape[:2])
    depth_m = np.asarray(depth.data, np.float32) * np.float32(depth.unit_m)
    lq_m = register_depth(depth_m, cameras.depth, cameras.color, cameras.pose, (h, w), block)
    return lq_m, np.asarray(color.data[: h * block, : w * block], np.uint8)
