"""Scenes of the data set ARKitScenes, raw or of its upsampling part, and of SceneFun3D.

``lowres_depth/<id>_<seconds>.png`` (16 bit, mm, 192x256), ``confidence/...`` (0, 1, 2), RGB in
``wide``, ``hires_wide`` or ``vga_wide``, cameras in ``wide_intrinsics/<id>_<seconds>.pincam`` and
so on ("width height fx fy cx cy"). Depth and RGB differ in rate and belong together by time.
"""

import logging
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stdnet_arch.data.recordings.depth_io import (
    ConfidentDepth,
    DepthCoding,
    DepthFiles,
    DepthReader,
)
from stdnet_arch.data.recordings.frame_files import list_frames
from stdnet_arch.data.recordings.recording import FileRecording, Intrinsics
from stdnet_arch.data.recordings.rgb_io import IMAGE_SUFFIXES, RGBFiles

LOGGER = logging.getLogger(__name__)

DEPTH = "lowres_depth"
RGB = ("wide", "hires_wide", "vga_wide")
NEAR_S = 0.5 / 60 + 1e-3
"""Depth comes 60 times a second, with times rounded to milliseconds."""


def is_arkitscenes(path: Path) -> bool:
    """Whether a folder looks like one."""
    return (path / DEPTH).is_dir()


def open_arkitscenes(path: Path, coding: DepthCoding, min_confidence: int = 0) -> FileRecording:
    """Open a scene: every RGB frame with the depth nearest in time.

    RGB frames without depth within half a sixtieth of a second are left out, which is said.

    Args:
        path: its folder.
        coding: how stored values become metres; the unit is mm unless it says otherwise.
        min_confidence: pixels of less confidence are holes.

    Raises:
        FileNotFoundError, ValueError: something is missing or cannot be read.
    """
    folder = next((path / name for name in RGB if (path / name).is_dir()), None)
    if folder is None:
        raise FileNotFoundError(f"expected RGB in one of {', '.join(RGB)} of {path}; got none")
    depth_files = list_frames(path / DEPTH, (".png",), by_name=True)
    rgb_files = list_frames(folder, IMAGE_SUFFIXES, by_name=True)
    pairs = pair_by_time(rgb_files, depth_files)
    if len(pairs) < len(rgb_files):
        LOGGER.warning(
            "%s: %d of %d RGB frames have no depth within %.3g s and are left out",
            path, len(rgb_files) - len(pairs), len(rgb_files), NEAR_S,
        )  # fmt: skip
    if not pairs:
        raise ValueError(f"{path}: expected depth and RGB of the same times; got none")
    rgb, near = zip(*pairs, strict=True)
    coding = replace(coding, unit=coding.unit or "mm")
    depth: DepthReader = DepthFiles(near, coding, [file.stem for file in rgb])
    if min_confidence > 0:
        files = [path / "confidence" / file.name for file in near]
        depth = ConfidentDepth(depth, files, min_confidence)
    cameras = _find_cameras(path / f"{folder.name}_intrinsics", rgb)
    return FileRecording(
        depth,
        RGBFiles(rgb),
        f"{path / DEPTH}",
        f"{folder}",
        lambda i: None if cameras is None else read_pincam(cameras[i]),
    )


def pair_by_time(
    files: Sequence[Path], others: Sequence[Path], near_s: float = NEAR_S
) -> list[tuple[Path, Path]]:
    """Each file with the other one nearest in time, if that is within ``near_s`` seconds.

    Args:
        files: ``<id>_<seconds>.*``, any order.
        others: the same, not empty.
        near_s: how far apart the two may be [s].
    """
    known = sorted((time_of(file), file) for file in others)
    times = [time for time, _ in known]
    pairs = []
    for file in sorted(files, key=time_of):
        time = time_of(file)
        right = bisect_left(times, time)
        nearest = min(known[max(right - 1, 0) : right + 1], key=lambda item: abs(item[0] - time))
        if abs(nearest[0] - time) <= near_s:
            pairs.append((file, nearest[1]))
    return pairs


def time_of(file: Path) -> float:
    """Seconds in a name ``<id>_<seconds>``."""
    try:
        return float(file.stem.rpartition("_")[2])
    except ValueError:
        raise ValueError(f"expected a name <id>_<seconds>; got {file}") from None


def read_pincam(path: Path) -> Intrinsics:
    """The camera in a file "width height fx fy cx cy"."""
    numbers = path.read_text(encoding="utf-8").split()
    if len(numbers) != 6:
        raise ValueError(f"{path}: expected width height fx fy cx cy; got {numbers}")
    return Intrinsics(*map(float, numbers[2:]))


def _find_cameras(folder: Path, rgb: Sequence[Path]) -> list[Path] | None:
    """The camera file of each RGB frame; None if not all have one."""
    if not folder.is_dir():
        return None
    pairs = pair_by_time(rgb, list_frames(folder, (".pincam",), by_name=True))
    return [camera for _, camera in pairs] if len(pairs) == len(rgb) else None
