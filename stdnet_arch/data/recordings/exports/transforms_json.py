"""Folders with ``transforms.json``: NeRFCapture, nerfstudio and their kin.

A list of ``frames`` with ``file_path`` and ``depth_file_path`` (or ``depth_path``), cameras as
``fl_x``, ``fl_y``, ``cx``, ``cy``, for all or of each frame. Whole numbers are mm unless
``integer_depth_scale`` or ``depth_unit_scale_factor`` says metres per stored unit.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stdnet_arch.data.recordings.picture_file import PICTURE_SUFFIXES
from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.data.recordings.track.track import Pose, Track
from stdnet_arch.data.rotation import OPENGL_AXES
from stdnet_arch.utils.input_errors import InputError, is_regular, read_json, reading
from stdnet_arch.utils.names import check_name

NAME = "transforms.json"
DEPTH_KEYS = ("depth_file_path", "depth_path")
UNIT_KEYS = ("integer_depth_scale", "depth_unit_scale_factor")
CAMERA_KEYS = ("fl_x", "fl_y", "cx", "cy")


class TransformsFrames(NamedTuple):
    """Frames that the file lists."""

    depth: list[Path]
    rgb: list[Path]
    unit: float | None
    cameras: list[Intrinsics | None]
    track: Track
    """Times and poses, read when they are asked for."""
    without_depth: int
    """Frames that name no depth."""


def has_transforms(root: Path) -> bool:
    """Tell whether a folder holds such a list."""
    return is_regular(root / NAME)


def read_transforms(root: Path) -> TransformsFrames:
    """Read the list.

    Raises:
        ValueError: it is no such list, or no frame has depth.
    """
    path = root / NAME
    content = read_json(path)
    try:
        frames = content["frames"]
        listed = [(frame, _depth_of(frame)) for frame in frames]
        unit = next((float(content[key]) for key in UNIT_KEYS if key in content), None)
        rgb = [_picture(root, frame["file_path"]) for frame, depth in listed if depth]
        cameras = [_camera({**content, **frame}) for frame, depth in listed if depth]
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected frames with file_path; {error!r}") from error
    depths = [root / check_name(depth, f"depth in {path}") for _, depth in listed if depth]
    if not depths:
        raise ValueError(
            f"{path}: expected {' or '.join(DEPTH_KEYS)} in its frames; got none of {len(frames)}"
        )
    if unit is not None and not unit > 0:
        raise ValueError(f"{path}: expected a positive {' or '.join(UNIT_KEYS)}; got {unit}")
    without = len(frames) - len(depths)
    used = [frame for frame, depth in listed if depth]
    track = Track(lambda i: _time_s(used[i], path), lambda i: _pose(used[i], path))
    return TransformsFrames(depths, rgb, unit, cameras, track, without)


def _depth_of(frame: dict[str, Any]) -> str | None:
    return next((str(frame[key]) for key in DEPTH_KEYS if frame.get(key)), None)


def _picture(root: Path, name: str) -> Path:
    """Complete a path that may come without its ending."""
    path = root / check_name(name, f"file_path in {NAME}")
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return path
    made = (path.with_name(path.name + suffix) for suffix in PICTURE_SUFFIXES)
    return next((other for other in made if is_regular(other)), path)


def _camera(frame: dict[str, Any]) -> Intrinsics | None:
    if not all(key in frame for key in CAMERA_KEYS):
        return None
    return Intrinsics(*(float(frame[key]) for key in CAMERA_KEYS))


def _pose(frame: dict[str, Any], path: Path) -> Pose | None:
    """Read a pose of OpenGL axes; None if the frame says none."""
    if "transform_matrix" not in frame:
        return None
    with reading(path, "transform_matrix of 3 or 4 rows of 4 numbers"):
        rows = np.asarray(frame["transform_matrix"], np.float64).reshape(-1, 4)
        return np.vstack([rows[:3].reshape(3, 4), [0, 0, 0, 1]]) @ OPENGL_AXES


def _time_s(frame: dict[str, Any], path: Path) -> float | None:
    with reading(path, "a timestamp in seconds"):
        return float(frame["timestamp"]) if "timestamp" in frame else None
