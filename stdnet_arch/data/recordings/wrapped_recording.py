"""A recording that shows another one with something changed."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.recording import Intrinsics, Recording
from stdnet_arch.data.recordings.track.track import Pose


class WrappedRecording:
    """Says what another recording says, unless a subclass says otherwise.

    Args:
        recording: the other one.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    @property
    def rgb(self) -> object:
        """Reader of the RGB, where the other recording has one: it tells whether frames can be
        jumped to."""
        return getattr(self.recording, "rgb", None)

    @property
    def fps(self) -> float | None:
        """Frames per second, if known."""
        return self.recording.fps

    def colors(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """Yield RGB from frame ``start`` on."""
        return self.recording.colors(start)

    def intrinsics(self, i: int) -> Intrinsics | None:
        """Return the camera of frame ``i``."""
        return self.recording.intrinsics(i)

    def time_s(self, i: int) -> float | None:
        """Return when frame ``i`` was taken [s]."""
        return self.recording.time_s(i)

    def pose(self, i: int) -> Pose | None:
        """Return where frame ``i`` was taken."""
        return self.recording.pose(i)
