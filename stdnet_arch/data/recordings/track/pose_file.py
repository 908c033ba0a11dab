"""Camera poses from a text file: a line per frame."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.rotation import OPENGL_AXES, pose_matrix
from stdnet_arch.utils.input_errors import check_regular, reading

Pose = NDArray[np.float64]
AXES = ("opencv", "opengl")
LAYOUTS: dict[int, Callable[[NDArray[np.float64]], Pose]] = {
    8: lambda line: pose_matrix(line[1:4], line[4:]),
    12: lambda line: np.vstack([line.reshape(3, 4), [0, 0, 0, 1]]),
    16: lambda line: line.reshape(4, 4),
}
"""Numbers of a line: TUM (time tx ty tz qx qy qz qw), KITTI (3x4 by rows), 4x4 by rows."""
LAST_ROW = [0.0, 0.0, 0.0, 1.0]
FARTHEST_FROM_A_ROTATION = 1e-3


def read_poses(path: Path, axes: str = "opencv") -> list[Pose]:
    """Camera-to-world poses, ``(4, 4)`` each, metres; x right, y down, z forward.

    Args:
        path: lines of 8 (TUM), 12 (KITTI) or 16 numbers, separated by blanks or commas; lines that
            begin with ``#`` do not count.
        axes: ``opencv`` (x right, y down, z forward) or ``opengl`` (x right, y up, z backward).

    Raises:
        FileNotFoundError, ValueError: no such file, or a line that is no pose; it is named.
    """
    if axes not in AXES:
        raise ValueError(f"pose_axes must be one of {', '.join(AXES)}; got {axes!r}")
    poses = []
    check_regular(path)
    with reading(path):
        lines = path.read_text(encoding="utf-8").splitlines()
    for number, text in enumerate(lines, 1):
        if text.strip() and not text.lstrip().startswith("#"):
            try:
                poses.append(_pose(text))
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
    if not poses:
        raise ValueError(f"{path}: expected a pose per line; got none")
    return [pose @ OPENGL_AXES for pose in poses] if axes == "opengl" else poses


def _pose(text: str) -> Pose:
    line = np.array([float(word) for word in text.replace(",", " ").split()])
    if len(line) not in LAYOUTS:
        raise ValueError(f"expected {', '.join(map(str, LAYOUTS))} numbers; got {len(line)}")
    if not np.isfinite(line).all():
        raise ValueError(f"expected finite numbers; got {text.strip()}")
    pose = LAYOUTS[len(line)](line)
    if pose[3].tolist() != LAST_ROW:
        raise ValueError(f"expected the last row of a pose, {LAST_ROW}; got {pose[3].tolist()}")
    turn = pose[:3, :3]
    off = np.abs(turn @ turn.T - np.eye(3)).max()
    if not off < FARTHEST_FROM_A_ROTATION or np.linalg.det(turn) < 0:
        raise ValueError(f"expected a rotation; got {turn.round(4).tolist()}")
    return pose
