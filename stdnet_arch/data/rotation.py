"""Poses of cameras: position and quaternion to a matrix, and OpenGL's axes to ours."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

OPENGL_AXES = np.diag([1.0, -1.0, -1.0, 1.0])
"""x right, y up, z backward <-> x right, y down, z forward: ``pose @ OPENGL_AXES``."""


def pose_matrix(position_m: ArrayLike, quaternion: ArrayLike) -> NDArray[np.float64]:
    """A pose, ``(4, 4)``.

    Args:
        position_m: position of the camera in the world, 3 numbers [m].
        quaternion: ``x, y, z, w``, any length but 0: turns camera into world coordinates.

    Raises:
        ValueError: not 3 and 4 finite numbers, or a quaternion of length 0.
    """
    place, turn = np.asarray(position_m, np.float64), np.asarray(quaternion, np.float64)
    length = np.linalg.norm(turn)
    if place.shape != (3,) or turn.shape != (4,) or not np.isfinite(place).all() or not length > 0:
        raise ValueError(
            "a pose must be 3 finite numbers and a quaternion x, y, z, w that is not 0; got "
            f"{place.tolist()} and {turn.tolist()}"
        )
    x, y, z, w = turn / length
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = place
    return matrix
