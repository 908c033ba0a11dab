"""Scenes of the data set ARKitScenes, raw or of its upsampling part, and of SceneFun3D.

Depth lies in ``lowres_depth/<id>_<seconds>.png`` (16 bit, mm, 192x256), with ``confidence/...`` (0,
1, 2). RGB lies in ``wide``, ``hires_wide`` or ``vga_wide``, cameras in
``wide_intrinsics/<id>_<seconds>.pincam`` and so on ("width height fx fy cx cy"). Depth and RGB
differ in rate and belong together by time.
"""

from collections.abc import Sequence
from pathlib import Path

from stdnet_arch.data.recordings.assemble import assemble, say_unit_of, with_unit
from stdnet_arch.data.recordings.depth_io import ConfidentDepth, DepthFiles, DepthReader
from stdnet_arch.data.recordings.frame_files import list_frames
from stdnet_arch.data.recordings.pairing import pair_by_time
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import About, FileRecording, Intrinsics
from stdnet_arch.data.recordings.rgb_io import IMAGE_SUFFIXES, RGBFiles
from stdnet_arch.data.recordings.track.apps import arkitscenes_poses
from stdnet_arch.data.recordings.track.track import Late, Track
from stdnet_arch.utils.input_errors import is_regular, read_text

DEPTH = "lowres_depth"
RGB = ("wide", "hires_wide", "vga_wide")
TRAJECTORY = "lowres_wide.traj"
NEAR_S = 0.5 / 60 + 1e-3
"""Depth comes 60 times a second, with times rounded to milliseconds."""


def is_arkitscenes(path: Path) -> bool:
    """Tell whether a folder looks like one."""
    return (path / DEPTH).is_dir()


def open_arkitscenes(path: Path, reading: Reading) -> FileRecording:
    """Open a scene: RGB and depth that are each other's nearest in time.

    RGB frames without depth within half a sixtieth of a second are left out, which is said.

    Args:
        path: its folder.
        reading: the user's choices; the unit is mm unless they say otherwise.

    Raises:
        FileNotFoundError, ValueError: something is missing or cannot be read.
    """
    folder = next((path / name for name in RGB if (path / name).is_dir()), None)
    if folder is None:
        raise FileNotFoundError(f"expected RGB in one of {', '.join(RGB)} of {path}; got none")
    reading = with_unit(reading, "mm", "ARKitScenes layout")
    files = list_frames(path / DEPTH, (".png",), by_name=True)
    rgb_files = list_frames(folder, IMAGE_SUFFIXES, by_name=True)
    try:
        pairing = pair_by_time(
            [*map(time_of, files)], [*map(time_of, rgb_files)], reading.within_s or NEAR_S
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    depth: DepthReader = DepthFiles(files, reading.coding)
    if reading.min_confidence > 0:
        confidence = [path / "confidence" / file.name for file in files]
        depth = ConfidentDepth(depth, confidence, reading.min_confidence)
    cameras = _find_cameras(path / f"{folder.name}_intrinsics", rgb_files)
    return assemble(
        depth,
        RGBFiles(rgb_files),
        pairing,
        reading,
        places=(f"{path / DEPTH}", f"{folder}"),
        about=About("ARKitScenes", say_unit_of(files, reading.coding), "phone"),
        camera=lambda j: None if cameras is None else read_pincam(cameras[j]),
        track=_track(path, rgb_files),
        names=[rgb_files[j].stem for _, j in pairing.pairs],
    )


def _track(path: Path, rgb: Sequence[Path]) -> Track:
    """Find times in the names, and poses in ``lowres_wide.traj`` of raw scenes."""
    times_s = [*map(time_of, rgb)]
    trajectory = path / TRAJECTORY
    if not is_regular(trajectory):
        return Track(times_s.__getitem__)
    return Track(times_s.__getitem__, Late(lambda: arkitscenes_poses(trajectory, times_s)))


def time_of(file: Path) -> float:
    """Seconds in a name ``<id>_<seconds>``."""
    try:
        return float(file.stem.rpartition("_")[2])
    except ValueError:
        raise ValueError(f"expected a name <id>_<seconds>; got {file}") from None


def read_pincam(path: Path) -> Intrinsics:
    """The camera in a file "width height fx fy cx cy"."""
    words = read_text(path).split()
    try:
        _, _, *camera = map(float, words)
        return Intrinsics(*camera)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected width height fx fy cx cy; got {words}") from error


def _find_cameras(folder: Path, rgb: Sequence[Path]) -> dict[int, Path] | None:
    """Find the camera file of each RGB frame; None if not all have one."""
    if not folder.is_dir():
        return None
    files = list_frames(folder, (".pincam",), by_name=True)
    pairing = pair_by_time([*map(time_of, files)], [*map(time_of, rgb)], NEAR_S)
    return {j: files[i] for i, j in pairing.pairs} if not pairing.lone_rgb else None
