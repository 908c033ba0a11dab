"""Times and poses of the frames of a recording, as far as the recording says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.frame_names import are_times, frame_numbers_of, seconds_of

Pose = NDArray[np.float64]
"""Camera to world, ``(4, 4)``, metres; x right, y down, z forward."""
QUARTER_TURN = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
"""Moves a point as its picture is turned by 90 degrees clockwise."""
T = TypeVar("T")


@dataclass(frozen=True)
class Track:
    """Times and poses of frames by their place; nothing is read before it is asked for."""

    time_s: Callable[[int], float | None] = lambda _: None
    """Time [s]: since 1970, or since any moment of the recording."""
    pose: Callable[[int], Pose | None] = lambda _: None


class Late(Generic[T]):
    """A list that is made when it is first asked for.

    Args:
        make: makes it; may raise, and then does so at every question.
    """

    def __init__(self, make: Callable[[], Sequence[T]]) -> None:
        self._make = make

    @cached_property
    def items(self) -> Sequence[T]:
        """The list."""
        return self._make()

    def __call__(self, i: int) -> T | None:
        """Return item ``i``; None behind the end."""
        return self.items[i] if i < len(self.items) else None


def times_in_names(names: Sequence[str]) -> list[float] | None:
    """Read the times [s] that names of frames hold; None if they hold none."""
    numbers = frame_numbers_of(names)
    return None if numbers is None or not are_times(numbers) else seconds_of(numbers)


def turn_pose(pose: Pose, degrees: int) -> Pose:
    """Return the pose of a camera whose picture is turned.

    Args:
        pose: before.
        degrees: clockwise; 0, 90, 180 or 270.
    """
    return pose @ np.linalg.matrix_power(QUARTER_TURN.T, degrees // 90)
