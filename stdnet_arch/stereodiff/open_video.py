"""RGB video and its cameras from files, from what a phone's app wrote, or from a dataset."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_io import DepthCoding, open_depth
from stdnet_arch.data.recordings.exports.record3d import is_record3d
from stdnet_arch.data.recordings.exports.stray_scanner import is_stray_scanner
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import FileRecording, Intrinsics
from stdnet_arch.data.recordings.rgb_io import RGBFiles, open_rgb
from stdnet_arch.data.recordings.track.pose_file import read_poses
from stdnet_arch.data.sources.source import Source, build_source
from stdnet_arch.stereodiff.posed_video import PosedVideo


def open_files(
    rgb: Path,
    poses: Path | None = None,
    pose_axes: str = "opencv",
    intrinsics: Sequence[float] | None = None,
    depth: Path | None = None,
    coding: DepthCoding = DepthCoding(),  # noqa: B008  frozen
) -> PosedVideo:
    """RGB from a folder or a video, and what else there is of it.

    Args:
        rgb: a folder of PNG or JPEG, or a video.
        poses: see :func:`stdnet_arch.data.recordings.track.pose_file.read_poses`.
        pose_axes: see there.
        intrinsics: ``fx, fy, cx, cy`` in pixels of the RGB, of all frames.
        depth: a folder of depth frames or a npy or npz stack.
        coding: meaning of the stored values.

    Raises:
        FileNotFoundError, ImportError, ValueError: what the message says.
    """
    colors = open_rgb(rgb)
    placed = None if poses is None else read_poses(poses, pose_axes)
    measured = None if depth is None else open_depth(depth, coding)
    lengths = [len(known) for known in (placed, measured) if known is not None]
    frames = colors.count if colors.count is not None else next(iter(lengths), None)
    if frames is None:
        raise ValueError(f"{rgb} does not say how many frames it has; give poses or depth")
    if placed is not None and len(placed) != frames:
        raise ValueError(f"{poses}: expected {frames} poses, as frames of {rgb}; got {len(placed)}")
    if intrinsics is not None and (len(intrinsics) != 4 or min(intrinsics[:2]) <= 0):
        raise ValueError(f"intrinsics must be fx, fy > 0 and cx, cy; got {list(intrinsics)}")
    camera = None if intrinsics is None else Intrinsics(*map(float, intrinsics))
    names = (
        [path.stem for path in colors.files]
        if isinstance(colors, RGBFiles)
        else [f"{i:06d}" for i in range(frames)]
    )
    pose = (lambda i: placed[i]) if placed is not None else (lambda _: None)
    return PosedVideo(colors, names, f"{rgb}", lambda _: camera, pose, measured)


def open_app_recording(path: Path, coding: DepthCoding = DepthCoding()) -> PosedVideo:  # noqa: B008
    """Open a recording of Record3D or Stray Scanner, which say the camera of every frame.

    Raises:
        FileNotFoundError, ImportError, ValueError: what the message says.
    """
    if not (is_record3d(path) or is_stray_scanner(path)):
        raise ValueError(
            f"a recording with poses must be a folder of Record3D or Stray Scanner; got {path}"
        )
    recording = open_recording(path, None, Reading(coding), scale=1)
    if not isinstance(recording, FileRecording):
        raise TypeError(f"expected a recording of files at {path}; got {type(recording).__name__}")
    depth = recording.depth
    frames = len(depth)
    known = sum(recording.pose(i) is not None for i in range(frames))
    if known != frames:
        raise ValueError(f"{path}: expected {frames} poses, as frames; got {known}")
    names = [depth.name(i) for i in range(frames)]
    return PosedVideo(recording.rgb, names, f"{path}", recording.intrinsics, recording.pose, depth)


def open_source_clip(
    name: str, root: str, clip: str, options: dict[str, object] | None = None
) -> PosedVideo:
    """A clip of a dataset: TarTanAir, Synthetic and others that know their cameras.

    Args:
        name: key of ``SOURCE_REGISTRY``.
        root: folder of the dataset.
        clip: its name there.
        options: further arguments of the source.

    Raises:
        FileNotFoundError, TypeError, ValueError: what the message says.
    """
    source = build_source(name, root, options or {})
    clips = source.clips()
    if clip not in clips:
        raise ValueError(f"{name} at {root!r} has the clips {', '.join(clips)}; got {clip!r}")
    frames = clips[clip]
    intrinsics = getattr(source, "intrinsics_px", lambda _: None)(clip)
    camera = None if intrinsics is None else Intrinsics(*map(float, intrinsics))
    place = getattr(source, "pose", None)
    return PosedVideo(
        SourceColors(source, clip, frames),
        [f"{i:06d}" for i in range(frames)],
        f"{name} {root} {clip}",
        lambda _: camera,
        (lambda i: place(clip, i)) if place else (lambda _: None),
    )


class SourceColors:
    """The RGB of a dataset's clip."""

    fps: float | None = None

    def __init__(self, source: Source, clip: str, frames: int) -> None:
        self.source, self.clip = source, clip
        self.count: int | None = frames

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """The frames from ``start`` on, one at a time."""
        return (np.asarray(self.source.guide(self.clip, i)) for i in range(start, self.count or 0))
