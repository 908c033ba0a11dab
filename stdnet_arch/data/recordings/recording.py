"""Depth and RGB of one view, paired frame by frame, and the camera's intrinsics where known."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_io import DepthReader, depth_frames
from stdnet_arch.data.recordings.pairing import Pairing
from stdnet_arch.data.recordings.rgb_io import RGBReader
from stdnet_arch.data.recordings.track.track import Pose, Track
from stdnet_arch.utils.input_errors import InputError

Frame = tuple[NDArray[np.floating], NDArray[np.uint8]]
"""Depth [m] ``(h, w)`` and RGB ``(H, W, 3)``."""


class Intrinsics(NamedTuple):
    """A pinhole camera of the RGB; pixel (0, 0) is the centre of the first one."""

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float


def check_camera(camera: Intrinsics, what: str) -> None:
    """Refuse a camera that sees nothing.

    Raises:
        InputError: a number is NaN or infinite, or a focal length not above 0.
    """
    if not all(map(math.isfinite, camera)) or min(camera.fx_px, camera.fy_px) <= 0:
        raise InputError(f"{what} must have fx, fy > 0 and numbers cx, cy; got {tuple(camera)}")


@dataclass(frozen=True)
class About:
    """Facts that were found out about a recording, for people."""

    layout: str = ""
    """Layout that it was taken for."""
    unit: str = "m"
    """The unit of the stored depth, and why."""
    sensor: str | None = None
    """Kind of sensor that measured it (``phone``, ``realsense``, ``clean``), if the layout says."""
    pairing: Pairing | None = None
    notes: tuple[str, ...] = ()
    """Findings that a user should look at, a sentence each."""


class Recording(Protocol):
    """Depth and RGB of one clip, as a job reads them."""

    @property
    def about(self) -> About:
        """Return the facts that were found out."""

    @property
    def depth(self) -> DepthReader:
        """Return only the depth."""

    @property
    def fps(self) -> float | None:
        """Frames per second, if known."""

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Depth [m] ``(h, w)`` and RGB ``(H, W, 3)`` from frame ``start`` to the end."""

    def colors(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """Yield only the RGB."""

    def intrinsics(self, i: int) -> Intrinsics | None:
        """The camera of frame ``i``; None if the recording does not say."""

    def time_s(self, i: int) -> float | None:
        """Time at which frame ``i`` was taken [s], since 1970 or any moment; None if it is not
        known."""

    def pose(self, i: int) -> Pose | None:
        """Return the pose of frame ``i``, camera to world, ``(4, 4)``; None if it is not known."""


@dataclass(frozen=True)
class FileRecording:
    """Depth and RGB from two places.

    Raises:
        ValueError: there are not as many frames of both.
    """

    depth: DepthReader
    rgb: RGBReader
    depth_name: str
    """Name of the depth in errors."""
    rgb_name: str
    camera: Callable[[int], Intrinsics | None] = lambda _: None
    about: About = About()
    track: Track = Track()
    keep: object = None
    """Object that must live as long as the recording: a temporary folder."""

    def __post_init__(self) -> None:
        """Compare the numbers of frames, as far as they are known."""
        if self.rgb.count is not None and self.rgb.count != len(self.depth):
            raise ValueError(self._differ(f"has {self.rgb.count}"))

    @property
    def fps(self) -> float | None:
        """Frames per second of the RGB."""
        return self.rgb.fps

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """See :class:`Recording`."""
        colors = self.rgb.frames(start)
        for i, depth_m in enumerate(depth_frames(self.depth, start), start):
            color = next(colors, None)
            if color is None:
                raise ValueError(self._differ(f"ends after {i}"))
            yield depth_m, color
        if next(colors, None) is not None:
            raise ValueError(self._differ("has more"))

    def colors(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """See :class:`Recording`."""
        return self.rgb.frames(start)

    def intrinsics(self, i: int) -> Intrinsics | None:
        """See :class:`Recording`."""
        return self.camera(i)

    def time_s(self, i: int) -> float | None:
        """See :class:`Recording`."""
        return self.track.time_s(i)

    def pose(self, i: int) -> Pose | None:
        """See :class:`Recording`."""
        return self.track.pose(i)

    def _differ(self, rgb: str) -> str:
        return (
            f"depth and RGB must have as many frames: {self.depth_name} has {len(self.depth)}, "
            f"{self.rgb_name} {rgb}"
        )
