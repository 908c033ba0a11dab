"""Poses in files that lie beside the frames: TUM, 7-Scenes, ScanNet, Replica, ours."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from stdnet_arch.data.recordings.track.pose_file import read_poses
from stdnet_arch.data.recordings.track.track import Late, Pose, Track, times_in_names
from stdnet_arch.data.recordings.track.trajectory import Trajectory, read_numbers
from stdnet_arch.data.rotation import pose_matrix
from stdnet_arch.utils.input_errors import is_regular

TIMED = "groundtruth.txt"
"""``time tx ty tz qx qy qz qw`` of TUM, at times of their own."""
LISTED = ("poses.txt", "traj.txt")
"""A pose per frame; see :func:`pose_file.read_poses`."""
FOLDERS = ("pose", "poses")
"""A file of 4x4 numbers per frame."""
WORDS = (".color", ".rgb")
"""Ends of a picture's name that the file of its pose does not have."""


def find_track(root: Path, rgb: Sequence[Path]) -> Track:
    """Find times in the names of pictures, and poses in or beside their folder.

    Args:
        root: folder of the frames, or of their folders.
        rgb: the pictures, in order.

    Returns:
        Times and poses by the place of the picture; files of poses are read when asked for.
    """
    times_s = times_in_names([path.stem for path in rgb])
    known = (lambda _: None) if times_s is None else times_s.__getitem__
    return Track(known, _find_poses(root, rgb, times_s))


def _find_poses(
    root: Path, rgb: Sequence[Path], times_s: Sequence[float] | None
) -> Callable[[int], Pose | None]:
    if times_s is not None and is_regular(root / TIMED):
        return Late(lambda: _timed_poses(root / TIMED, times_s))
    listed = next((root / name for name in LISTED if is_regular(root / name)), None)
    if listed is not None:
        return Late(lambda: _listed_poses(listed, len(rgb)))
    own = [place for path in rgb[:1] for place in _places(root, path) if is_regular(place)]
    if own:
        return lambda i: next(map(_matrix, filter(is_regular, _places(root, rgb[i]))), None)
    return lambda _: None


def _timed_poses(path: Path, times_s: Sequence[float]) -> list[Pose | None]:
    numbers = read_numbers(path)
    if numbers.shape[1] != 8:
        raise ValueError(
            f"{path}: expected lines time tx ty tz qx qy qz qw; got {numbers.shape[1]} numbers"
        )
    poses = [pose_matrix(line[1:4], line[4:]) for line in numbers]
    trajectory = Trajectory(numbers[:, 0].tolist(), poses)
    return [trajectory.at(time_s) for time_s in times_s]


def _listed_poses(path: Path, frames: int) -> list[Pose]:
    poses = read_poses(path)
    if len(poses) != frames:
        raise ValueError(f"{path}: expected {frames} poses, as RGB frames; got {len(poses)}")
    return poses


def _places(root: Path, picture: Path) -> list[Path]:
    """Name the files that may hold the pose of a picture."""
    stem = picture.stem
    for word in WORDS:
        stem = stem.removesuffix(word)
    folders = [root / folder / f"{stem}.txt" for folder in FOLDERS]
    return [*folders, picture.with_name(f"{stem}.pose.txt")]


def _matrix(path: Path) -> Pose | None:
    """Read 4x4 numbers; None where tracking was lost, which ScanNet writes as infinite."""
    matrix = read_numbers(path)
    if matrix.shape != (4, 4):
        raise ValueError(f"{path}: expected 4 lines of 4 numbers; got {matrix.shape}")
    return matrix if np.isfinite(matrix).all() else None
