"""Recordings of RealSense cameras (``.bag``, ``.db3``); need the extra ``realsense``.

Depth is moved to the view of the color camera. The network needs it ``scale`` times coarser than
the color: each block of ``scale x scale`` color pixels takes the lower median of the depths that
fall into it, or is a hole if none does.
"""

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_registration import register_depth
from stdnet_arch.data.recordings.realsense_playback import Image, Playback
from stdnet_arch.data.recordings.recording import About, Frame, Intrinsics

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
            self.count = sum(1 for _ in playback.pairs())
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
                    yield self._decode(depth, color)

    def colors(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """Yield only the RGB."""
        return (rgb for _, rgb in self.frames(start))

    def intrinsics(self, i: int) -> Intrinsics | None:  # noqa: ARG002  one camera
        """The color camera; its distortion is not taken out."""
        return self.cameras.color

    def _decode(self, depth: Image, color: Image) -> Frame:
        if not color.data.size:
            raise ValueError(f"{self.path}: color must be rgb8 or bgr8; got another format")
        h, w = (side // self.block for side in color.data.shape[:2])
        depth_m = np.asarray(depth.data, np.float32) * np.float32(depth.unit_m)
        camera, target, pose, _ = self.cameras
        lq_m = register_depth(depth_m, camera, target, pose, (h, w), self.block)
        return lq_m, np.asarray(color.data[: h * self.block, : w * self.block], np.uint8)
