"""Recordings of the iPhone app Record3D, exported as "EXR + JPG sequence".

``metadata.json``, ``rgb/0.jpg`` (or png), ``depth/0.exr`` (float metres in channel R), in the
folder ``EXR_RGBD`` of the export or the export itself.
"""

import json
from pathlib import Path
from typing import Any

from stdnet_arch.data.recordings.depth_io import (
    ConfidentDepth,
    DepthCoding,
    DepthFolder,
    DepthReader,
)
from stdnet_arch.data.recordings.frame_files import list_frames
from stdnet_arch.data.recordings.recording import FileRecording, Intrinsics
from stdnet_arch.data.recordings.rgb_io import IMAGE_SUFFIXES, RGBFiles

INNER = "EXR_RGBD"
CONFIDENCE = "confidence"


def is_record3d(path: Path) -> bool:
    """Whether a folder looks like one."""
    return (
        any((place / "metadata.json").is_file() for place in (path, path / INNER))
        or (path / "rgbd").is_dir()
    )


def open_record3d(path: Path, coding: DepthCoding, min_confidence: int = 0) -> FileRecording:
    """Open a recording.

    Args:
        path: its folder.
        coding: how stored values become metres; metres unless it says otherwise.
        min_confidence: pixels of less confidence are holes, if the export has a folder of that.

    Raises:
        FileNotFoundError, ValueError: something is missing or cannot be read.
        ImportError: OpenEXR is not installed.
    """
    if (path / "rgbd").is_dir():
        raise ValueError(
            f"{path} is an unpacked .r3d file, whose depth is packed once more; export the "
            "recording from the app as EXR + JPG sequence"
        )
    place = path if (path / "metadata.json").is_file() else path / INNER
    metadata = _read_metadata(place / "metadata.json")
    depth: DepthReader = DepthFolder(place / "depth", coding)
    if min_confidence > 0:
        files = list_frames(place / CONFIDENCE, (".png",))
        depth = ConfidentDepth(depth, files, min_confidence)
    fps = metadata.get("fps")
    rgb = RGBFiles(list_frames(place / "rgb", IMAGE_SUFFIXES), float(fps) if fps else None)
    cameras = cameras_of(metadata)
    return FileRecording(
        depth,
        rgb,
        f"{place / 'depth'}",
        f"{place / 'rgb'}",
        lambda i: cameras[min(i, len(cameras) - 1)] if cameras else None,
    )


def cameras_of(metadata: dict[str, Any]) -> list[Intrinsics]:
    """The camera of each frame (``perFrameIntrinsicCoeffs``), or one for all (``K``).

    ``K`` is stored by columns: ``[fx, 0, 0, 0, fy, 0, cx, cy, 1]``.
    """
    per_frame = metadata.get("perFrameIntrinsicCoeffs")
    if per_frame:
        return [Intrinsics(*map(float, row[:4])) for row in per_frame]
    k = metadata.get("K")
    if k is None:
        return []
    return [Intrinsics(*(float(k[i]) for i in (0, 4, 6, 7)))]


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: expected the metadata of Record3D; {error}") from error
    if not isinstance(metadata, dict):
        raise ValueError(f"{path}: expected a JSON object; got {type(metadata).__name__}")
    return metadata
