"""Whatever a user has: folders, stacks, videos, or what a sensor's own app wrote."""

from collections.abc import Callable
from pathlib import Path

from stdnet_arch.data.recordings.arkitscenes import is_arkitscenes, open_arkitscenes
from stdnet_arch.data.recordings.depth_io import DepthCoding, open_depth
from stdnet_arch.data.recordings.realsense import SUFFIXES, RealSenseRecording
from stdnet_arch.data.recordings.record3d import is_record3d, open_record3d
from stdnet_arch.data.recordings.recording import FileRecording, Recording
from stdnet_arch.data.recordings.rgb_io import open_rgb
from stdnet_arch.data.recordings.stray_scanner import is_stray_scanner, open_stray_scanner

Opener = Callable[[Path, DepthCoding, int], Recording]

FOLDERS: dict[str, tuple[Callable[[Path], bool], Opener]] = {
    "Stray Scanner": (is_stray_scanner, open_stray_scanner),
    "Record3D": (is_record3d, open_record3d),
    "ARKitScenes": (is_arkitscenes, open_arkitscenes),
}


def open_recording(  # noqa: PLR0913, PLR0917
    depth: Path,
    rgb: Path | None,
    coding: DepthCoding,
    scale: int,
    by_name: bool = False,
    min_confidence: int = 0,
) -> Recording:
    """Open a recording.

    Args:
        depth: a folder of depth frames or a npy or npz stack; without ``rgb``, what a sensor's app
            wrote: a RealSense ``.bag`` or ``.db3``, or a folder of Stray Scanner, Record3D
            ("EXR + JPG sequence") or ARKitScenes.
        rgb: a folder of PNG or JPEG, or a video.
        coding: how stored depth becomes metres.
        scale: the network's; a RealSense recording's depth is made for it.
        by_name: see :func:`stdnet_arch.data.recordings.frame_files.list_frames`.
        min_confidence: pixels of less confidence (0, 1, 2) are holes, where there is any.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is something else, frames are missing or differ in number.
        ImportError: an optional library is missing; it is named.
    """
    if rgb is not None:
        if min_confidence > 0:
            raise ValueError("two folders hold no confidence; leave the least confidence out")
        return FileRecording(
            open_depth(depth, coding, by_name), open_rgb(rgb, by_name), f"{depth}", f"{rgb}"
        )
    if depth.suffix.lower() in SUFFIXES:
        return RealSenseRecording(depth, scale)
    if not depth.exists():
        raise FileNotFoundError(f"expected a recording at {depth}; it does not exist")
    for looks_like, open_it in FOLDERS.values():
        if looks_like(depth):
            return open_it(depth, coding, min_confidence)
    raise ValueError(
        f"without RGB, depth must be a recording of RealSense ({', '.join(SUFFIXES)}) or a folder "
        f"of {', '.join(FOLDERS)}; got {depth}"
    )
