"""Raw data of the iPhone app Polycam, after its public description.

``keyframes/depth/*.png`` (16 bit, mm), ``keyframes/images`` or ``corrected_images`` (``*.jpg``),
and ``keyframes/cameras`` or ``corrected_cameras`` (``*.json``: ``fx``, ``fy``, ``cx``, ``cy``).
"""

from pathlib import Path

from stdnet_arch.data.recordings.assemble import assemble, pair_readers, say_unit_of, with_unit
from stdnet_arch.data.recordings.depth_io import DepthFiles
from stdnet_arch.data.recordings.frame_files import list_frames
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import About, FileRecording, Intrinsics
from stdnet_arch.data.recordings.rgb_io import IMAGE_SUFFIXES, RGBFiles
from stdnet_arch.data.recordings.track.apps import polycam_pose
from stdnet_arch.data.recordings.track.track import Track
from stdnet_arch.utils.input_errors import is_regular, read_json

PREFIXES = ("corrected_", "")
"""Pictures and cameras after the app's own adjustment come first."""


def is_polycam(path: Path) -> bool:
    """Tell whether a folder looks like one."""
    root = _keyframes(path)
    return (root / "depth").is_dir() and any((root / f"{p}cameras").is_dir() for p in PREFIXES)


def open_polycam(path: Path, reading: Reading) -> FileRecording:
    """Open a recording; frames of depth and RGB are paired by their names.

    Args:
        path: its folder, or ``keyframes`` in it.
        reading: the user's choices; the unit is mm unless they say otherwise.

    Raises:
        FileNotFoundError, ValueError: something is missing or cannot be read.
    """
    root = _keyframes(path)
    reading = with_unit(reading, "mm", "Polycam layout")
    prefix = next((p for p in PREFIXES if (root / f"{p}images").is_dir()), "")
    files = list_frames(root / "depth", (".png",), by_name=True)
    rgb_files = list_frames(root / f"{prefix}images", IMAGE_SUFFIXES, by_name=True)
    depth, rgb = DepthFiles(files, reading.coding), RGBFiles(rgb_files)
    cameras = root / f"{prefix}cameras"
    return assemble(
        depth,
        rgb,
        pair_readers(depth, rgb, reading),
        reading,
        places=(f"{root / 'depth'}", f"{root / (prefix + 'images')}"),
        about=About("Polycam", say_unit_of(files, reading.coding), "phone"),
        camera=lambda j: read_camera(cameras / f"{rgb_files[j].stem}.json"),
        track=Track(pose=lambda j: polycam_pose(cameras / f"{rgb_files[j].stem}.json")),
    )


def read_camera(path: Path) -> Intrinsics | None:
    """Read the camera of a frame; None if there is no file of it.

    Raises:
        ValueError: the file does not hold a camera.
    """
    if not is_regular(path):
        return None
    content = read_json(path)
    try:
        return Intrinsics(*(float(content[key]) for key in ("fx", "fy", "cx", "cy")))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected fx, fy, cx and cy; {error!r}") from error


def _keyframes(path: Path) -> Path:
    return path / "keyframes" if (path / "keyframes").is_dir() else path
