"""Whatever a user has: folders, stacks, videos, bags, or what a sensor's own app wrote."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from stdnet_arch.data.recordings.bags.azure_kinect import is_azure_kinect, open_azure_kinect
from stdnet_arch.data.recordings.bags.realsense import RealSenseRecording
from stdnet_arch.data.recordings.bags.rosbag import SUFFIXES as BAG_SUFFIXES
from stdnet_arch.data.recordings.bags.rosbag import (
    is_of_realsense_sdk,
    is_ros_folder,
    open_rosbag,
)
from stdnet_arch.data.recordings.exports.arkitscenes import is_arkitscenes, open_arkitscenes
from stdnet_arch.data.recordings.exports.folder_pairs import find_two_folders, is_one_folder
from stdnet_arch.data.recordings.exports.open_folders import (
    open_listed,
    open_one_folder,
    open_transforms,
    open_two_places,
)
from stdnet_arch.data.recordings.exports.polycam import is_polycam, open_polycam
from stdnet_arch.data.recordings.exports.record3d import is_record3d, open_record3d
from stdnet_arch.data.recordings.exports.stray_scanner import is_stray_scanner, open_stray_scanner
from stdnet_arch.data.recordings.exports.transforms_json import has_transforms
from stdnet_arch.data.recordings.exports.tum_lists import has_lists
from stdnet_arch.data.recordings.exports.unpacked import Unpacked
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import FileRecording, Recording
from stdnet_arch.data.recordings.rgb_registration import RegisteredRecording

Opener = Callable[[Path, Reading], FileRecording]

ZIPS = (".zip", ".r3d")
CONFIDENT: dict[str, tuple[Callable[[Path], bool], Opener]] = {
    "Stray Scanner": (is_stray_scanner, open_stray_scanner),
    "Record3D": (is_record3d, open_record3d),
    "ARKitScenes": (is_arkitscenes, open_arkitscenes),
}
"""Folders that hold confidence."""
PLAIN: dict[str, tuple[Callable[[Path], bool], Opener]] = {
    "Polycam": (is_polycam, open_polycam),
    "NeRFCapture or nerfstudio": (has_transforms, open_transforms),
    "TUM": (has_lists, open_listed),
    "depth and RGB folders": (lambda path: find_two_folders(path) is not None, open_two_places),
    "depth and RGB files": (is_one_folder, open_one_folder),
}
INNER = ("results", "keyframes", "iphone")
"""Folders that the layouts of Replica, Polycam and ScanNet++ lie in."""
NAME_BOTH = "name its RGB, too (--rgb RGB; of live: --camera replay DEPTH RGB)"
RECORDED, RESULT = "recording", "infer.json"
"""Names that ``live --record`` and ``infer`` leave in a folder."""


def open_recording(depth: Path, rgb: Path | None, reading: Reading, scale: int) -> Recording:
    """Open a recording.

    Args:
        depth: a folder or pattern of depth frames, one frame, a npy or npz stack, or a 16-bit
            video; without ``rgb``, what holds both: a bag of RealSense or ROS, an Azure Kinect
            ``.mkv``, a Record3D ``.r3d``, a zip, or a folder of a known layout.
        rgb: a folder or pattern of pictures, one picture, or a video.
        reading: the user's choices of how it is read.
        scale: the network's; depth of another view than the RGB's is made for it.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is something else, or depth and RGB do not belong together.
        ImportError: an optional library is missing; it is named.
    """
    recording = _open(depth, rgb, reading, scale)
    return RegisteredRecording(recording) if reading.register else recording


def _open(depth: Path, rgb: Path | None, reading: Reading, scale: int) -> Recording:
    """Open what is named; see :func:`open_recording`."""
    if rgb is not None:
        _check_confidence(reading, "depth and RGB of two places")
        return open_two_places(depth, reading, rgb)
    suffix = depth.suffix.lower()
    if not depth.exists():
        raise FileNotFoundError(f"expected a recording at {depth}; it does not exist")
    if suffix in ZIPS and depth.is_file():
        unpacked = Unpacked(depth)
        recording = _open_folder(unpacked.root, reading, scale)
        return (
            replace(recording, keep=unpacked) if isinstance(recording, FileRecording) else recording
        )
    if suffix in BAG_SUFFIXES and depth.is_file():
        if suffix != ".mcap" and is_of_realsense_sdk(depth):
            if reading.rotate_rgb or reading.rotate_depth:
                raise ValueError(
                    f"{depth}: a RealSense recording's depth is moved to its color, so neither can "
                    "be turned alone; leave --rotate-rgb and --rotate-depth out"
                )
            try:
                return RealSenseRecording(depth, scale)
            except ImportError as error:
                raise ImportError(
                    f"{error}; a bag of ROS needs rosbags instead: pip install 'stdnet_arch[ros]'"
                ) from error
        return open_rosbag(depth, reading, scale)
    if is_azure_kinect(depth):
        return open_azure_kinect(depth, reading, scale)
    if depth.is_dir():
        return _open_folder(depth, reading, scale)
    raise ValueError(
        "without RGB, depth must be a recording that holds both: a RealSense or ROS bag "
        f"({', '.join(BAG_SUFFIXES)}), an Azure Kinect .mkv, {', '.join(ZIPS)}, or a folder; got "
        f"{depth}: {NAME_BOTH}"
    )


def _open_folder(path: Path, reading: Reading, scale: int) -> Recording:
    for looks_like, open_it in CONFIDENT.values():
        if looks_like(path):
            return open_it(path, reading)
    if is_ros_folder(path):
        return open_rosbag(path, reading, scale)
    for name, (looks_like, open_it) in PLAIN.items():
        if looks_like(path):
            _check_confidence(reading, name)
            return open_it(path, reading)
    inner = next((path / name for name in INNER if (path / name).is_dir()), None)
    if inner is not None:
        return _open_folder(inner, reading, scale)
    raise ValueError(
        f"without RGB, depth must be a recording of RealSense ({', '.join(BAG_SUFFIXES[:2])}) or a "
        f"folder of {', '.join([*CONFIDENT, *PLAIN])}; got {path}: {_hint(path)}"
    )


def _hint(path: Path) -> str:
    """Say what helps with a folder that holds no recording."""
    if (path / RECORDED).is_dir():
        return (
            f"live wrote it: its recording is {path / RECORDED}, what it showed {path / 'result'}"
        )
    if (path / RESULT).is_file():
        return "it is a result of infer, not a recording; python -m stdnet_arch.view shows it"
    return NAME_BOTH


def _check_confidence(reading: Reading, layout: str) -> None:
    if reading.min_confidence > 0:
        raise ValueError(
            f"two folders hold no confidence ({layout}); leave the least confidence out"
        )
