"""``frame_annotations_*.jgz``: PyTorch3D's cameras of each frame -> poses and intrinsics."""

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.utils.input_errors import InputError, reading

GZIP = 16 + zlib.MAX_WBITS
FORMATS = ("ndc_isotropic", "ndc_norm_image_bounds")
# PyTorch3D's axes are x left, y up, z forward; ours x right, y down, z forward.
_TURN = np.diag([-1.0, -1.0, 1.0])


class Annotation(NamedTuple):
    """Camera of a frame."""

    pose: NDArray[np.float64]
    """Camera to world, ``(4, 4)`` [m]; x right, y down, z forward."""
    intrinsics_px: tuple[float, float, float, float]
    """``fx, fy, cx, cy``; (0, 0) is the centre of the first pixel."""


def read_annotations(path: Path) -> dict[str, dict[int, Annotation]]:
    """Read the cameras of every clip of a split.

    Args:
        path: gzipped JSON, a list with one entry per frame and view.

    Returns:
        Folder of a clip to frame number to camera.

    Raises:
        InputError: it is no such file.
    """
    with reading(path, "gzipped JSON"):
        entries = json.loads(zlib.decompress(path.read_bytes(), GZIP))
    if not isinstance(entries, list):
        raise InputError(f"{path}: expected a list of frames; got {type(entries).__name__}")
    clips: dict[str, dict[int, Annotation]] = {}
    for entry in entries:
        with reading(path, "frames with frame_number, image: path, size, and viewpoint"):
            # <clip>/images/<frame>, maybe behind further folders
            clip = PurePosixPath(entry["image"]["path"]).parts[-3]
            number = int(entry["frame_number"])
            clips.setdefault(clip, {})[number] = _annotation(entry)
    return clips


def _annotation(entry: Mapping[str, Any]) -> Annotation:
    view = entry["viewpoint"]
    # A point as a row: in the view it is world @ R + T.
    rotation = _TURN @ np.asarray(view["R"], np.float64).reshape(3, 3).T
    translation = _TURN @ np.asarray(view["T"], np.float64).reshape(3)
    pose = np.eye(4)
    pose[:3, :3] = rotation.T
    pose[:3, 3] = -rotation.T @ translation
    return Annotation(pose, _intrinsics(view, entry["image"]["size"]))


def _intrinsics(view: Mapping[str, Any], size: Sequence[int]) -> tuple[float, float, float, float]:
    """Normalised coordinates to pixels; ``size`` is H and W."""
    kind = str(view.get("intrinsics_format", FORMATS[1])).lower()
    if kind not in FORMATS:
        raise InputError(f"intrinsics_format must be one of {', '.join(FORMATS)}; got {kind}")
    half = np.array([size[1], size[0]], np.float64) / 2
    unit = np.full(2, half.min()) if kind == "ndc_isotropic" else half
    focal = np.asarray(view["focal_length"], np.float64) * unit
    # A frame's middle lies at half its size from its corner, which is half a pixel off its first
    # pixel's centre.
    centre = half - np.asarray(view["principal_point"], np.float64) * unit - 0.5
    return float(focal[0]), float(focal[1]), float(centre[0]), float(centre[1])
