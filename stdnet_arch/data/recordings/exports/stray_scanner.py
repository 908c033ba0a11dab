"""Recordings of the iPhone app Stray Scanner, as it exports them.

``depth/000000.png`` (16 bit, mm, 192x256; npy of older versions), ``confidence/000000.png`` (0, 1,
2), ``rgb.mp4``, ``camera_matrix.csv``, ``odometry.csv``; see the app's "Data Specification".
"""

from pathlib import Path

from stdnet_arch.data.recordings.assemble import assemble, say_unit_of, with_unit
from stdnet_arch.data.recordings.depth_io import ConfidentDepth, DepthFiles, DepthReader
from stdnet_arch.data.recordings.frame_files import list_frames
from stdnet_arch.data.recordings.frame_names import frame_numbers_of
from stdnet_arch.data.recordings.pairing import Pairing, pair_by_order, pair_by_time
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import About, FileRecording, Intrinsics
from stdnet_arch.data.recordings.rgb_io import RGBVideo
from stdnet_arch.data.recordings.track.apps import stray_scanner_poses
from stdnet_arch.data.recordings.track.track import Late, Track
from stdnet_arch.utils.input_errors import is_regular, read_table, read_text

CAMERA_COLUMNS = ("fx", "fy", "cx", "cy")
DEPTH_SUFFIXES = (".png", ".npy")
HALF_FRAME = 0.5


def is_stray_scanner(path: Path) -> bool:
    """Tell whether a folder looks like one."""
    return is_regular(path / "rgb.mp4") and (path / "depth").is_dir()


def open_stray_scanner(path: Path, reading: Reading) -> FileRecording:
    """Open a recording.

    Depth and video are paired by order, or by the times of ``odometry.csv`` and of the video where
    one of them has lost frames.

    Args:
        path: its folder.
        reading: the user's choices; the unit is mm unless they say otherwise.

    Raises:
        FileNotFoundError, ValueError: something is missing or cannot be read.
    """
    reading = with_unit(reading, "mm", "Stray Scanner layout")
    files = list_frames(path / "depth", DEPTH_SUFFIXES, by_name=True)
    depth: DepthReader = DepthFiles(files, reading.coding)
    if reading.min_confidence > 0:
        confidence = [path / "confidence" / f"{file.stem}.png" for file in files]
        depth = ConfidentDepth(depth, confidence, reading.min_confidence)
    # The depth is as the sensor gives it, so the video must be, too.
    rgb = RGBVideo(path / "rgb.mp4", upright=False)
    numbers = _numbers(files)
    pairing = _pair(path, numbers, rgb, reading)
    cameras = read_cameras(path)
    depth_of = {j: numbers[i] for i, j in pairing.pairs}
    return assemble(
        depth,
        rgb,
        pairing,
        reading,
        places=(f"{path / 'depth'}", f"{path / 'rgb.mp4'}"),
        about=About("Stray Scanner", say_unit_of(files, reading.coding), "phone"),
        camera=lambda j: cameras[min(depth_of[j], len(cameras) - 1)] if cameras else None,
        track=_track(path, depth_of),
    )


def read_cameras(path: Path) -> list[Intrinsics]:
    """Read the camera of each frame from ``odometry.csv``, else the one of ``camera_matrix.csv``.

    Returns:
        None, one, or one per frame.

    Raises:
        ValueError: a file does not hold numbers where they belong.
    """
    rows = _odometry(path)
    if rows and set(CAMERA_COLUMNS) <= rows[0].keys():
        return [
            Intrinsics(*(_number(row[name], path / "odometry.csv") for name in CAMERA_COLUMNS))
            for row in rows
        ]
    matrix = path / "camera_matrix.csv"
    if not is_regular(matrix):
        return []
    text = read_text(matrix).replace(",", " ")
    numbers = [_number(word, matrix) for word in text.split()]
    if len(numbers) != 9:
        raise ValueError(f"{matrix}: expected a matrix of 3x3; got {len(numbers)} numbers")
    return [Intrinsics(numbers[0], numbers[4], numbers[2], numbers[5])]


def _pair(path: Path, numbers: list[int], rgb: RGBVideo, reading: Reading) -> Pairing:
    """Pair by order, unless frames are missing somewhere and the times are known."""
    count = len(numbers) if rgb.count is None else rgb.count
    whole = count == len(numbers) and numbers == list(range(numbers[0], numbers[0] + count))
    if reading.pair == "order" or (whole and reading.pair == "auto"):
        return pair_by_order(len(numbers), count)
    times_s = {
        int(_number(row["frame"], path / "odometry.csv")): _number(
            row["timestamp"], path / "odometry.csv"
        )
        for row in _odometry(path)
        if row.get("frame") and row.get("timestamp")
    }
    if not times_s or not set(numbers) <= times_s.keys():
        if count == len(numbers):
            return pair_by_order(len(numbers), count)
        raise ValueError(
            f"depth and RGB must have as many frames: {path / 'depth'} has {len(numbers)}, "
            f"{path / 'rgb.mp4'} has {count}, and odometry.csv does not say their times"
        )
    first_s = min(times_s.values())
    depth_s = [times_s[number] - first_s for number in numbers]
    return pair_by_time(depth_s, rgb.times_s(), reading.within_s)


def _track(path: Path, number_of: dict[int, int]) -> Track:
    """Find times and poses in ``odometry.csv``, by the number of the depth frame."""
    if not is_regular(path / "odometry.csv"):
        return Track()
    times_s = Late(lambda: _times_s(path))
    poses = Late(lambda: stray_scanner_poses(path))
    return Track(lambda j: times_s(number_of[j]), lambda j: poses(number_of[j]))


def _times_s(path: Path) -> list[float | None]:
    stamps = [row.get("timestamp") for row in _odometry(path)]
    return [_number(stamp, path / "odometry.csv") if stamp else None for stamp in stamps]


def _numbers(files: list[Path]) -> list[int]:
    """Number the frames as their names do, or by order where names hold no whole numbers."""
    found = frame_numbers_of([file.stem for file in files])
    if found is None or any(number != int(number) for number in found):
        return list(range(len(files)))
    return [int(number) for number in found]


def _odometry(path: Path) -> list[dict[str, str]]:
    odometry = path / "odometry.csv"
    if not is_regular(odometry):
        return []
    return read_table(odometry)


def _number(text: str | None, path: Path) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise ValueError(f"{path}: expected a number; got {text!r}") from None
