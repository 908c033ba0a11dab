"""Poses at times of their own -> the pose at any time between them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from stdnet_arch.data.recordings.track.track import Pose
from stdnet_arch.utils.input_errors import check_regular, reading

GAP_S = 0.25
"""Poses further apart say nothing about the time between them [s]."""


class Trajectory:
    """Poses in the order of their times.

    Args:
        times_s: when they were measured [s], any order, no two equal.
        poses: camera to world, ``(4, 4)`` each.

    Raises:
        ValueError: there are not as many of both, or none.
    """

    def __init__(self, times_s: Sequence[float], poses: Sequence[Pose]) -> None:
        if len(times_s) != len(poses) or not poses:
            raise ValueError(f"expected a time per pose; got {len(times_s)} and {len(poses)}")
        order = np.argsort(times_s)
        self.times_s: NDArray[np.float64] = np.asarray(times_s, np.float64)[order]
        self.poses = np.stack(poses)[order]

    def at(self, time_s: float) -> Pose | None:
        """Interpolate: linear in place, at constant speed in rotation.

        Returns:
            None outside the times, or between two that are more than ``GAP_S`` apart.
        """
        right = int(np.searchsorted(self.times_s, time_s))
        if right < len(self.times_s) and self.times_s[right] == time_s:
            return self.poses[right]
        if right in {0, len(self.times_s)}:
            return None
        both = slice(right - 1, right + 1)
        start_s, end_s = self.times_s[both]
        if end_s - start_s > GAP_S:
            return None
        share = (time_s - start_s) / (end_s - start_s)
        pose = np.eye(4)
        turns = Rotation.from_matrix(self.poses[both, :3, :3])
        pose[:3, :3] = Slerp([0, 1], turns)(share).as_matrix()
        pose[:3, 3] = (1 - share) * self.poses[right - 1, :3, 3] + share * self.poses[right, :3, 3]
        return pose


def read_numbers(path: Path) -> NDArray[np.float64]:
    """Read a text file of as many numbers in each line; ``#`` begins a comment.

    Raises:
        InputError: it holds something else.
    """
    check_regular(path)
    with reading(path, "lines of as many numbers"):
        return np.loadtxt(path, ndmin=2, delimiter="," if "," in _first_line(path) else None)


def _first_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in lines if line.strip() and not line.startswith("#")), "")
