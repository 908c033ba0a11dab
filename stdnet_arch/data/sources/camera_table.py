"""``CameraPoses.csv`` of EasySynth, a plugin of Unreal -> pose and intrinsics of each frame."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.rotation import pose_matrix
from stdnet_arch.utils.input_errors import InputError, reading

COLUMNS = ("id", "tx", "ty", "tz", "qw", "qx", "qy", "qz", "fx", "fy", "cx", "cy")
TURNS: Mapping[str, NDArray[np.float64]] = {
    "left_handed": np.array([[0.0, 1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]),
    "right_handed": np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]),
}
"""The axes x right, y down, z forward in those of the table: x forward, z up, and y right (Unreal's
own) or left (later versions of the plugin)."""


class CameraRow(NamedTuple):
    """A row of the table."""

    pose: NDArray[np.float64]
    """Camera to world, ``(4, 4)`` [m]; x right, y down, z forward in both."""
    intrinsics_px: tuple[float, float, float, float]
    """``fx, fy, cx, cy`` of the whole frame, as stored: (0, 0) is the corner of the first pixel."""


def read_camera_table(path: Path, axes: str = "left_handed") -> dict[int, CameraRow]:
    """Read the cameras of a clip.

    Args:
        path: the CSV; its first line names :data:`COLUMNS`, positions are in metres.
        axes: one of :data:`TURNS`.

    Returns:
        Frame number (``id``) to camera.

    Raises:
        InputError: it is no such table.
    """
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, skipinitialspace=True))
    missing = [name for name in COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise InputError(f"{path}: expected columns {', '.join(COLUMNS)}; got no {missing[0]}")
    with reading(path, "a number in every cell"):
        return {int(row["id"]): _camera(row, TURNS[axes]) for row in rows}


def _camera(row: Mapping[str, str], turn: NDArray[np.float64]) -> CameraRow:
    position = [float(row[name]) for name in ("tx", "ty", "tz")]
    quaternion = [float(row[name]) for name in ("qx", "qy", "qz", "qw")]
    fx, fy, cx, cy = (float(row[name]) for name in ("fx", "fy", "cx", "cy"))
    return CameraRow(turn @ pose_matrix(position, quaternion) @ turn.T, (fx, fy, cx, cy))
