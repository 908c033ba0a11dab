"""Recordings of the iPhone app Record3D: "EXR + JPG sequence", or an unpacked ``.r3d``.

The export: ``metadata.json``, ``rgb/0.jpg`` (or png), ``depth/0.exr`` (float metres in channel R),
in the folder ``EXR_RGBD`` or at its top. A ``.r3d``: see :mod:`exports.record3d_file`.
"""

from pathlib import Path
from typing import Any

from stdnet_arch.data.recordings.assemble import assemble, pair_readers, say_unit_of
from stdnet_arch.data.recordings.depth_io import (
    SUFFIXES,
    ConfidentDepth,
    DepthFiles,
    DepthReader,
)
from stdnet_arch.data.recordings.exports.record3d_file import (
    Record3DDepth,
    depth_size,
    read_confidence,
)
from stdnet_arch.data.recordings.frame_files import list_frames
from stdnet_arch.data.recordings.frame_names import frame_numbers_of
from stdnet_arch.data.recordings.pairing import pair_frames
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import About, FileRecording, Intrinsics
from stdnet_arch.data.recordings.rgb_io import IMAGE_SUFFIXES, RGBFiles
from stdnet_arch.data.recordings.track.apps import record3d_poses, record3d_times_s
from stdnet_arch.data.recordings.track.track import Late, Track
from stdnet_arch.utils.input_errors import is_regular, read_json

INNER = "EXR_RGBD"
CONFIDENCE = "confidence"
PACKED = "rgbd"
DEPTH_UNIT = "m (of this app)"


def is_record3d(path: Path) -> bool:
    """Tell whether a folder looks like one."""
    return any(is_regular(place / "metadata.json") for place in (path, path / INNER)) or (
        (path / PACKED).is_dir() and is_regular(path / "metadata")
    )


def open_record3d(path: Path, reading: Reading) -> FileRecording:
    """Open a recording; depth, RGB and cameras belong together by the numbers of their names.

    Args:
        path: its folder.
        reading: the user's choices; metres unless they say otherwise.

    Raises:
        FileNotFoundError, ValueError: something is missing or cannot be read.
        ImportError: OpenEXR or lzfse is not installed.
    """
    if (path / PACKED).is_dir():
        return _open_unpacked(path, reading)
    place = path if is_regular(path / "metadata.json") else path / INNER
    metadata = _read_metadata(place / "metadata.json")
    files = list_frames(place / "depth", SUFFIXES, by_name=True)
    depth: DepthReader = DepthFiles(files, reading.coding)
    rgb = RGBFiles(list_frames(place / "rgb", IMAGE_SUFFIXES, by_name=True), _fps(metadata))
    pairing = pair_readers(depth, rgb, reading)
    if reading.min_confidence > 0:
        confidence = [place / CONFIDENCE / f"{file.stem}.png" for file in files]
        depth = ConfidentDepth(depth, confidence, reading.min_confidence)
    return assemble(
        depth,
        rgb,
        pairing,
        reading,
        places=(f"{place / 'depth'}", f"{place / 'rgb'}"),
        about=About("Record3D", say_unit_of(files, reading.coding), "phone"),
        camera=CamerasByNumber(cameras_of(metadata), rgb.files),
        track=_track(metadata, rgb.files),
    )


class CamerasByNumber:
    """The camera of a frame, by the number in its name: frames may have been deleted.

    Args:
        cameras: cameras of all frames ever recorded, or one, or none.
        files: the frames that are left.
    """

    def __init__(self, cameras: list[Intrinsics], files: list[Path]) -> None:
        self.cameras = cameras
        numbers = frame_numbers_of([file.stem for file in files])
        self.numbers = range(len(files)) if numbers is None else [int(n) for n in numbers]

    def __call__(self, place: int) -> Intrinsics | None:
        """Return the camera of the frame at a place of the files."""
        if len(self.cameras) < 2:
            return self.cameras[0] if self.cameras else None
        number = self.numbers[place]
        return self.cameras[number] if number < len(self.cameras) else None


def cameras_of(metadata: dict[str, Any]) -> list[Intrinsics]:
    """Read the camera of each frame (``perFrameIntrinsicCoeffs``), or one for all (``K``).

    ``K`` is stored by columns: ``[fx, 0, 0, 0, fy, 0, cx, cy, 1]``.
    """
    per_frame = metadata.get("perFrameIntrinsicCoeffs")
    try:
        if per_frame:
            return [Intrinsics(*map(float, row[:4])) for row in per_frame]
        k = metadata.get("K")
        return [] if k is None else [Intrinsics(*(float(k[i]) for i in (0, 4, 6, 7)))]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"Record3D's metadata: expected K of 9 numbers or fx, fy, cx, cy of each frame; {error}"
        ) from error


def _open_unpacked(path: Path, reading: Reading) -> FileRecording:
    """Open the files of a ``.r3d``."""
    metadata = _read_metadata(path / "metadata")
    place = path / PACKED
    files = list_frames(place, (".depth",), by_name=True)
    depth: DepthReader = Record3DDepth(files, depth_size(metadata))
    rgb = RGBFiles(list_frames(place, (".jpg", ".jpeg", ".png"), by_name=True), _fps(metadata))
    names = [file.stem for file in rgb.files]
    pairing = pair_frames([file.stem for file in files], names, reading.pair, reading.within_s)
    if reading.min_confidence > 0:
        height, width = depth.read(0).shape
        depth = ConfidentDepth(
            depth,
            lambda i: read_confidence(files[i].with_suffix(".conf"), (height, width)),
            reading.min_confidence,
        )
    return assemble(
        depth,
        rgb,
        pairing,
        reading,
        places=(f"depth of {path}", f"RGB of {path}"),
        about=About("Record3D .r3d", DEPTH_UNIT, "phone"),
        camera=CamerasByNumber(cameras_of(metadata), rgb.files),
        track=_track(metadata, rgb.files),
    )


def _track(metadata: dict[str, Any], files: list[Path]) -> Track:
    """Find times (``frameTimestamps``) and poses by the numbers in the names."""
    numbers = frame_numbers_of([file.stem for file in files])
    places = range(len(files)) if numbers is None else [int(number) for number in numbers]
    times_s = Late(lambda: record3d_times_s(metadata))
    poses = Late(lambda: record3d_poses(metadata))
    return Track(lambda j: times_s(places[j]), lambda j: poses(places[j]))


def _fps(metadata: dict[str, Any]) -> float | None:
    fps = metadata.get("fps")
    return float(fps) if fps else None


def _read_metadata(path: Path) -> dict[str, Any]:
    metadata = read_json(path)
    if not isinstance(metadata, dict):
        raise ValueError(f"{path}: expected a JSON object; got {type(metadata).__name__}")
    return metadata
