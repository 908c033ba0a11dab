"""Times and poses as the apps of phones and ARKitScenes write them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from stdnet_arch.data.recordings.track.track import Pose
from stdnet_arch.data.recordings.track.trajectory import Trajectory, read_numbers
from stdnet_arch.data.rotation import OPENGL_AXES, pose_matrix
from stdnet_arch.utils.input_errors import is_regular, read_json, read_table, reading

ODOMETRY = ("x", "y", "z", "qx", "qy", "qz", "qw")
POLYCAM = tuple(f"t_{row}{column}" for row in range(3) for column in range(4))


def record3d_poses(metadata: dict[str, Any]) -> list[Pose]:
    """``poses`` of the metadata: camera to world, ``qx qy qz qw x y z``, OpenGL axes.

    Raises:
        InputError: they are something else.
    """
    with reading("Record3D's metadata", "poses of 7 numbers"):
        lines = metadata.get("poses") or []
        return [pose_matrix(line[4:], line[:4]) @ OPENGL_AXES for line in lines]


def record3d_times_s(metadata: dict[str, Any]) -> list[float]:
    """``frameTimestamps`` of the metadata [s]; empty if there are none.

    Raises:
        InputError: they are something else.
    """
    with reading("Record3D's metadata", "frameTimestamps in seconds"):
        return [float(time_s) for time_s in metadata.get("frameTimestamps") or []]


def stray_scanner_poses(path: Path) -> list[Pose]:
    """``odometry.csv``: camera to world, x right, y down, z forward.

    Args:
        path: folder of the recording.

    Raises:
        ValueError: the columns are not there.
    """
    rows = read_table(path / "odometry.csv")
    if rows and not set(ODOMETRY) <= rows[0].keys():
        raise ValueError(f"{path / 'odometry.csv'}: expected columns {ODOMETRY}; got {[*rows[0]]}")
    with reading(path / "odometry.csv", "numbers"):
        numbers = [[float(row[name]) for name in ODOMETRY] for row in rows]
        return [pose_matrix(line[:3], line[3:]) for line in numbers]


def polycam_pose(path: Path) -> Pose | None:
    """Camera to world of a frame (``t_00`` to ``t_23``, OpenGL axes); None if the file has none.

    Raises:
        InputError: the numbers are no numbers.
    """
    if not is_regular(path):
        return None
    content = read_json(path)
    with reading(path, "the camera of a frame"):
        if not set(POLYCAM) <= content.keys():
            return None
        rows = np.reshape([float(content[name]) for name in POLYCAM], (3, 4))
    return np.vstack([rows, [0, 0, 0, 1]]) @ OPENGL_AXES


def arkitscenes_poses(path: Path, times_s: Sequence[float]) -> list[Pose | None]:
    """``*.traj`` of ARKitScenes at other times: ``time``, axis times angle, place; world to camera.

    Args:
        path: the file.
        times_s: times of the frames [s].

    Raises:
        ValueError: it holds something else.
    """
    numbers = read_numbers(path)
    if numbers.shape[1] != 7:
        raise ValueError(f"{path}: expected 7 numbers a line; got {numbers.shape[1]}")
    to_camera = np.tile(np.eye(4), (len(numbers), 1, 1))
    to_camera[:, :3, :3] = Rotation.from_rotvec(numbers[:, 1:4]).as_matrix()
    to_camera[:, :3, 3] = numbers[:, 4:]
    trajectory = Trajectory(numbers[:, 0].tolist(), list(np.linalg.inv(to_camera)))
    return [trajectory.at(time_s) for time_s in times_s]
