"""Side outputs of a finished clip: a video, a time line, errors, point clouds."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from stdnet_arch.data.codecs.depth_file import FLOAT16, read_depth
from stdnet_arch.data.recordings.depth_io import (
    DepthFiles,
    DepthReader,
    PickedDepth,
    depth_frames,
    open_depth,
)
from stdnet_arch.data.recordings.pairing import pair_frames
from stdnet_arch.data.recordings.recording import Intrinsics, Recording
from stdnet_arch.data.recordings.stored_depth import DepthCoding
from stdnet_arch.inference.depth_cleaning import SensorCleaner
from stdnet_arch.inference.jobs.outputs import ERROR_MAP, OutputFolder
from stdnet_arch.inference.jobs.preview import clip_limits, write_video
from stdnet_arch.inference.jobs.timeline import TimelineFrame, import_rerun, write_timeline
from stdnet_arch.inference.refinement import RefinedRecording
from stdnet_arch.utils.input_errors import read_json
from stdnet_arch.utils.names import resolve_name
from stdnet_arch.visual.point_cloud import write_point_cloud
from stdnet_arch.visual.truth import SUMMARY, TruthFrame, write_errors

LOGGER = logging.getLogger(__name__)

ERRORS, POINTS = "errors", "points"
DEFAULT_FPS = 30.0


class SideOutputs(NamedTuple):
    """Side outputs that are asked for."""

    mp4: Path | None = None
    """A video: RGB | LR depth | prediction."""
    fps: float | None = None
    """Frames per second of that video; None: the recording's, or 30."""
    gt: Path | None = None
    """True depth of the same frames, at the size of the RGB: errors are drawn."""
    gt_coding: DepthCoding = DepthCoding()
    rerun: Path | None = None
    """A file ``.rrd``: the clip and its result on the recording's time line, for Rerun."""
    ply: bool = False
    """A point cloud per frame."""
    camera: Intrinsics | None = None
    """Camera of the RGB, if the recording does not say it."""


class FinishedClip:
    """A clip whose frames are all written.

    Args:
        recording: depth and RGB of the clip.
        output: folder of its frames.
        depth_format: their format.
        max_depth_m: depths beyond it are holes.
        quiet: no progress bars.
        tick: told the name of a side output after each frame of it.
    """

    def __init__(
        self,
        recording: Recording,
        output: OutputFolder,
        depth_format: str,
        max_depth_m: float | None,
        quiet: bool = False,
        tick: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.recording, self.output, self.quiet, self.tick = recording, output, quiet, tick
        self.depth_format, self.unit = (
            depth_format,
            FLOAT16 if depth_format == "float16png" else None,
        )
        self.cleaner = SensorCleaner(np.inf, max_depth_m)

    def names(self) -> list[str]:
        """List the names of the frames."""
        return [self.recording.depth.name(i) for i in range(len(self.recording.depth))]

    def written(self) -> Iterator[NDArray[np.float32]]:
        """The predictions [m]."""
        return (read_depth(self.output.path(name), self.unit) for name in self.names())

    def measured(self) -> Iterator[NDArray[np.float32]]:
        """Read what the sensor saw [m], 0 elsewhere."""
        for depth_m in depth_frames(self.recording.depth):
            yield np.where(self.cleaner.measured(depth_m), depth_m, np.float32(0))

    def expected(self) -> Iterator[NDArray[np.float32] | None]:
        """Read the errors that the network expects [m]; None where they were not written."""
        for name in self.names():
            path = self.output.beside(ERROR_MAP, name)
            yield read_depth(path, self.unit) if path.is_file() else None

    def progress(self, items: Iterable[Any], what: str) -> Iterator[Any]:
        """The items, with a progress bar."""
        count = len(self.recording.depth)
        for item in tqdm(items, what, count, unit="frame", disable=self.quiet):
            yield item
            self.tick(what)


def misses_side_outputs(side_outputs: SideOutputs, folder: Path, frames: int) -> bool:
    """Tell whether something of what is wanted is not there."""
    points = sum(path.suffix == ".ply" for path in _files(folder / POINTS))
    return (
        any(
            path is not None and not path.is_file()
            for path in (side_outputs.mp4, side_outputs.rerun)
        )
        or (side_outputs.gt is not None and not _is_compared(folder, side_outputs.gt))
        or (side_outputs.ply and points != frames)
    )


def write_side_outputs(side_outputs: SideOutputs, clip: FinishedClip, first: int) -> None:
    """Make what is wanted.

    Args:
        side_outputs: side outputs to write.
        clip: the finished clip.
        first: frames before it were there already, and so may be what was made of them.

    Raises:
        ValueError: it cannot be made; the message says why.
    """
    if side_outputs.mp4 is not None:
        panels = zip(clip.recording.colors(), clip.measured(), clip.written(), strict=True)
        fps = side_outputs.fps or clip.recording.fps or DEFAULT_FPS
        limits_m = clip_limits(clip.measured())
        write_video(side_outputs.mp4, clip.progress(panels, side_outputs.mp4.name), limits_m, fps)
        LOGGER.info("wrote %s", side_outputs.mp4)
    if side_outputs.rerun is not None:
        _write_timeline(side_outputs.rerun, side_outputs, clip)
    if side_outputs.gt is not None:
        _write_errors(side_outputs, open_truth(side_outputs, clip.recording), clip)
    if side_outputs.ply:
        _write_points(side_outputs, clip, first)


def check_side_outputs(side_outputs: SideOutputs, recording: Recording) -> None:
    """Refuse what cannot be made before anything is computed."""
    if side_outputs.ply and side_outputs.camera is None and recording.intrinsics(0) is None:
        raise ValueError(
            "point clouds need the camera, which this recording does not say; give --intrinsics "
            "FX FY CX CY in pixels of the RGB"
        )
    if side_outputs.rerun is not None:
        import_rerun()
        recording.time_s(0), recording.pose(0)
        if side_outputs.camera is None and recording.intrinsics(0) is None:
            LOGGER.warning(
                "%s will hold no cameras and no points, since the recording does not say its "
                "camera; --intrinsics FX FY CX CY does",
                side_outputs.rerun,
            )
    if side_outputs.gt is not None:
        size, needed = open_truth(side_outputs, recording).read(0).shape, _rgb_size(recording)
        if size != needed:
            raise ValueError(
                f"ground truth must have the size of the RGB, {needed}; "
                f"{side_outputs.gt} has {size}"
            )


def open_truth(side_outputs: SideOutputs, recording: Recording) -> DepthReader:
    """Open the ground truth of the frames of a recording, paired with them by their names.

    Raises:
        ValueError: a frame has no truth.
    """
    if side_outputs.gt is None:
        raise ValueError("no ground truth was given")
    truth = open_depth(side_outputs.gt, side_outputs.gt_coding, by_name=True)
    names = [recording.depth.name(i) for i in range(len(recording.depth))]
    if isinstance(truth, DepthFiles) and len(names) > 1:
        try:
            pairing = pair_frames(names, truth.names)
        except ValueError as error:
            raise ValueError(f"ground truth {side_outputs.gt}: {error}") from error
        if not pairing.lone_depth:
            return PickedDepth(truth, [j for _, j in sorted(pairing.pairs)])
    if len(truth) != len(names):
        raise ValueError(
            f"ground truth must have a frame for each of the {len(names)} of depth; "
            f"{side_outputs.gt} has {len(truth)}"
        )
    return truth


def _rgb_size(recording: Recording) -> tuple[int, ...]:
    return next(recording.colors()).shape[:2]


def _write_timeline(path: Path, side_outputs: SideOutputs, clip: FinishedClip) -> None:
    recording = clip.recording

    def moments() -> Iterator[TimelineFrame]:
        items = zip(
            recording.colors(), clip.measured(), clip.written(), clip.expected(), strict=True
        )
        for i, (rgb, lq_m, pred_m, error_m) in enumerate(clip.progress(items, path.name)):
            camera = side_outputs.camera or recording.intrinsics(i)
            block = _block_of(recording, rgb, lq_m)
            place = recording.pose(i), recording.time_s(i)
            yield TimelineFrame(rgb, lq_m, pred_m, error_m, camera, block, *place)

    write_timeline(path, moments(), clip_limits(clip.measured()), clip.depth_format == "png16")
    LOGGER.info("wrote %s", path)


def _block_of(
    recording: Recording, rgb: NDArray[np.uint8], lq_m: NDArray[np.floating]
) -> tuple[float, float]:
    """Measure a pixel of the depth in pixels of the RGB: height and width."""
    if isinstance(recording, RefinedRecording):  # its last blocks may reach beyond the picture
        return recording.refinement.scale, recording.refinement.scale
    return rgb.shape[0] / lq_m.shape[0], rgb.shape[1] / lq_m.shape[1]


def _write_errors(side_outputs: SideOutputs, truth: DepthReader, clip: FinishedClip) -> None:
    def frames() -> Iterator[TruthFrame]:
        items = zip(
            clip.names(), clip.recording.colors(), clip.written(), depth_frames(truth), strict=True
        )
        yield from map(TruthFrame._make, clip.progress(items, ERRORS))

    folder = clip.output.folder / ERRORS
    (folder / SUMMARY).unlink(missing_ok=True)
    about, unit = str(Path(side_outputs.gt or "").resolve()), side_outputs.gt_coding.unit
    numbers = write_errors(folder, frames, about, unit)
    LOGGER.info("%s: %s", folder, json.dumps(numbers))


def _write_points(side_outputs: SideOutputs, clip: FinishedClip, first: int) -> None:
    items = zip(clip.names(), clip.recording.colors(), clip.written(), strict=True)
    for i, (name, rgb, depth_m) in enumerate(clip.progress(items, POINTS)):
        path = resolve_name(clip.output.folder, f"{POINTS}/{name}.ply", "the name of a frame")
        camera = side_outputs.camera or clip.recording.intrinsics(i)
        if camera is None:
            raise ValueError(f"the recording does not say the camera of frame {i}")
        if i >= first or not path.is_file():
            write_point_cloud(path, depth_m, rgb, camera)


def _is_compared(folder: Path, gt: Path) -> bool:
    """Tell whether the errors in a folder belong to this ground truth, as it is now."""
    summary = folder / ERRORS / SUMMARY
    try:
        said = read_json(summary)
        newest = max(path.stat().st_mtime for path in (gt, *_files(gt)))
        return said["gt"] == str(gt.resolve()) and newest <= summary.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
