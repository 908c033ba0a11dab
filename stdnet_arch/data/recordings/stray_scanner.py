"""Recordings of the iPhone app Stray Scanner, as it exports them.

``depth/000000.png`` (16 bit, mm, 192x256; npy of older versions), ``confidence/000000.png`` (0, 1,
2), ``rgb.mp4``, ``camera_matrix.csv``, ``odometry.csv``; see the app's "Data Specification".
"""

import csv
from dataclasses import replace
from pathlib import Path

from stdnet_arch.data.recordings.depth_io import (
    ConfidentDepth,
    DepthCoding,
    DepthFolder,
    DepthReader,
)
from stdnet_arch.data.recordings.frame_files import list_frames
from stdnet_arch.data.recordings.recording import FileRecording, Intrinsics
from stdnet_arch.data.recordings.rgb_io import RGBVideo

CAMERA_COLUMNS = ("fx", "fy", "cx", "cy")


def is_stray_scanner(path: Path) -> bool:
    """Whether a folder looks like one."""
    return (path / "rgb.mp4").is_file() and (path / "depth").is_dir()


def open_stray_scanner(path: Path, coding: DepthCoding, min_confidence: int = 0) -> FileRecording:
    """Open a recording.

    Args:
        path: its folder.
        coding: how stored values become metres; the unit is mm unless it says otherwise.
        min_confidence: pixels of less confidence are holes.

    Raises:
        FileNotFoundError, ValueError: something is missing or cannot be read.
    """
    coding = replace(coding, unit=coding.unit or "mm")
    depth: DepthReader = DepthFolder(path / "depth", coding)
    if min_confidence > 0:
        files = list_frames(path / "confidence", (".png",))
        depth = ConfidentDepth(depth, files, min_confidence)
    # The depth is as the sensor gives it, so the video must be, too.
    rgb = RGBVideo(path / "rgb.mp4", upright=False)
    cameras = read_cameras(path)
    return FileRecording(
        depth,
        rgb,
        f"{path / 'depth'}",
        f"{path / 'rgb.mp4'}",
        lambda i: cameras[min(i, len(cameras) - 1)] if cameras else None,
    )


def read_cameras(path: Path) -> list[Intrinsics]:
    """The camera of each frame if ``odometry.csv`` has it, else the one of ``camera_matrix.csv``.

    Returns:
        None, one, or one per frame.
    """
    odometry = path / "odometry.csv"
    if odometry.is_file():
        with odometry.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
        if rows and set(CAMERA_COLUMNS) <= rows[0].keys():
            return [Intrinsics(*(float(row[name]) for name in CAMERA_COLUMNS)) for row in rows]
    matrix = path / "camera_matrix.csv"
    if not matrix.is_file():
        return []
    lines = matrix.read_text(encoding="utf-8").split()
    (fx, _, cx), (_, fy, cy) = ([float(x) for x in line.split(",")] for line in lines[:2])
    return [Intrinsics(fx, fy, cx, cy)]
