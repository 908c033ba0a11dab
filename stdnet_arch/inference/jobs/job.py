"""One clip from files to files: reads ahead, writes behind, goes on where it stopped."""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.codecs.rgb_codec import encode_gray
from stdnet_arch.data.recordings.depth_io import DepthCoding, DepthReader, depth_frames
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.recording import Recording
from stdnet_arch.inference.depth_cleaning import SensorCleaner, SensorFrame
from stdnet_arch.inference.jobs.background import WriteBehind, read_ahead
from stdnet_arch.inference.jobs.input_state import State, describe_inputs
from stdnet_arch.inference.jobs.outputs import SUBFOLDERS, OutputFolder
from stdnet_arch.inference.jobs.preview import VIDEO_SUFFIXES
from stdnet_arch.inference.jobs.side_outputs import (
    Extras,
    FinishedClip,
    check_extras,
    missing_extras,
    write_extras,
)
from stdnet_arch.inference.predictor import DepthSRPredictor, Prediction
from stdnet_arch.inference.streams.streaming import runs_exactly
from stdnet_arch.utils.depth_step import takes_step
from stdnet_arch.utils.input_errors import InputError, check_number, check_positive
from stdnet_arch.utils.memory import peak_memory_mb
from stdnet_arch.utils.names import check_output_folder, check_target, resolve_name
from stdnet_arch.utils.whole_file import write_whole

LOGGER = logging.getLogger(__name__)

AHEAD = 4
"""Frames that wait for the network, and predictions that wait for the disk."""
CONFIDENCE, ERROR_MAP = "confidence", "error_map"
HOLES = ("fill", "mark")
CONFIDENCES = (0, 1, 2)


@dataclass(frozen=True)
class Job:
    """What to make of which files."""

    depth: Path
    """A folder of depth frames, a npy or npz stack, or a recording that holds RGB, too."""
    rgb: Path | None
    """A folder of PNG or JPEG, or a video file; None if the depth's recording holds it."""
    output: Path
    """Folder of the result, a file per frame, called like those of the depth."""
    coding: DepthCoding = DepthCoding()
    by_name: bool = False
    """File names are timestamps: frames are paired by their order."""
    max_depth_m: float | None = None
    """Depths beyond it are holes."""
    min_confidence: int = 0
    """Depths of less confidence (0, 1, 2) are holes, where a recording holds any."""
    kind: str = "png16"
    """A format of ``depth_file.FORMATS``."""
    holes: str = "fill"
    """``fill``: the network's guess; ``mark``: 0 where the sensor saw nothing."""
    confidence: bool = False
    """Also ``confidence/``, 8-bit PNG: 255 where the sensor measured, 0 elsewhere."""
    error_map: bool = False
    """Also ``error_map/``: the absolute error that the network expects [m]."""
    extras: Extras = Extras()
    """What else to make of the clip."""
    overwrite: bool = False
    """Replace the frames of other settings."""
    made_of: str = ""
    """A name for what the depth was made of, where this package made it."""

    def __post_init__(self) -> None:
        """Refuse what cannot work before anything is read."""
        if self.holes not in HOLES:
            raise ValueError(f"holes must be one of {', '.join(HOLES)}; got {self.holes!r}")
        self._check_numbers()
        check_output_folder(self.output, self.read_from, SUBFOLDERS)
        if self.extras.mp4 is not None:
            check_target(self.extras.mp4, VIDEO_SUFFIXES, self.read_from)

    def _check_numbers(self) -> None:
        """Refuse numbers that mean nothing, such as NaN; files may hold any."""
        camera, unit = self.extras.camera, self.coding.unit
        given = {
            "max_depth (--max-depth)": self.max_depth_m,
            "fps (--fps)": self.extras.fps,
            "the depth unit (--depth-unit)": None if isinstance(unit, str) else unit,
            "fx of --intrinsics": camera and camera.fx_px,
            "fy of --intrinsics": camera and camera.fy_px,
        }
        for name, value in given.items():
            if value is not None:
                check_positive(value, name)
        if self.coding.invalid is not None:
            check_number(self.coding.invalid, "invalid (--invalid)")
        if camera is not None:
            check_number(camera.cx_px, "cx of --intrinsics")
            check_number(camera.cy_px, "cy of --intrinsics")
        if self.min_confidence not in CONFIDENCES or isinstance(self.min_confidence, bool):
            raise InputError(f"min_confidence must be 0, 1 or 2; got {self.min_confidence!r}")

    @property
    def read_from(self) -> list[Path | None]:
        """Files and folders that are read."""
        return [self.depth, self.rgb, self.extras.gt]


def run_job(
    job: Job,
    predictor: DepthSRPredictor,
    quiet: bool = False,
    recording: Recording | None = None,
) -> int:
    """Super-resolve a clip.

    Frames are written whole, in order. If the output folder holds some of the same settings, the
    run goes on behind them; it reads the network's ``halo`` of frames before the first missing one
    again, so that the result is the same.

    Args:
        job: what to do.
        predictor: what to do it with.
        quiet: no progress bar.
        recording: what is read, if it is open already; the job's paths then only name it.

    Returns:
        Frames written by this run.

    Raises:
        ImportError, MemoryError, OSError, TypeError, ValueError: what the message says.
    """
    output = OutputFolder(job.output, job.kind)
    settings, inputs = settings_of(job, predictor), inputs_of(job)
    if job.extras.mp4 is not None:
        check_target(job.extras.mp4, VIDEO_SUFFIXES, [predictor.weights])
    if not job.overwrite and is_done(job, output, settings, inputs):
        LOGGER.info("%s is done already", job.output)
        return 0
    recording = recording or open_job(job, predictor.scale)
    check_extras(job.extras, recording)
    clip = FinishedClip(recording, output, job.kind, job.max_depth_m, quiet)
    names = clip.names()
    with output.held():
        output.claim(settings, job.overwrite, names, inputs)
        first = output.first_missing(names)
        if first:
            LOGGER.info("%s: going on after %d of %d frames", job.output, first, len(names))
        if first < len(names):
            with tqdm(total=len(names), initial=first, unit="frame", disable=quiet) as bar:
                predict_frames(job, predictor, recording, output, first, len(names), bar.update)
        write_extras(job.extras, clip, first)
        output.finish(names)
    return len(names) - first


def finish_job(job: Job, predictor: DepthSRPredictor, quiet: bool = False) -> None:
    """Make what else is wanted of a clip whose frames were written in pieces, and mark it as done.

    Raises:
        ValueError: frames are missing.
    """
    output = OutputFolder(job.output, job.kind)
    if is_done(job, output, settings_of(job, predictor), inputs_of(job)):
        return
    recording = open_job(job, predictor.scale)
    clip = FinishedClip(recording, output, job.kind, job.max_depth_m, quiet)
    names = clip.names()
    there = sum(map(output.is_whole, names))
    if there < len(names):
        raise ValueError(f"expected {len(names)} frames in {job.output}; got {there}")
    with output.held():
        write_extras(job.extras, clip, 0)
        output.finish(names)


def inputs_of(job: Job) -> State:
    """Return the state of what the frames are made from."""
    return describe_inputs([job.depth, job.rgb])


def is_done(job: Job, output: OutputFolder, settings: dict[str, Any], inputs: State) -> bool:
    """Tell whether the frames of these settings and all that is wanted beside them are there."""
    frames = output.done_frames(settings, inputs)
    return frames is not None and not missing_extras(job.extras, job.output, frames)


def open_job(job: Job, scale: int) -> Recording:
    """What the job reads; see :func:`stdnet_arch.data.recordings.open_recording.open_recording`."""
    return open_recording(job.depth, job.rgb, job.coding, scale, job.by_name, job.min_confidence)


def predict_frames(  # noqa: PLR0913, PLR0917  frames from where to where of what by what to where
    job: Job,
    predictor: DepthSRPredictor,
    recording: Recording,
    output: OutputFolder,
    first: int,
    stop: int,
    written: Callable[[], object] = lambda: None,
) -> None:
    """Write the frames from ``first`` to ``stop``.

    Args:
        job: what they belong to.
        predictor: makes them.
        recording: what they are made from.
        output: where they go.
        first: the first one.
        stop: behind the last one.
        written: called for each.
    """
    depth = recording.depth
    cleaner = predictor.open_cleaner(job.max_depth_m)
    halo = contract_of(predictor.net).halo
    start = context_start(depth, cleaner, first, halo, predictor.chunk)
    frames = read_ahead(cleaner.frames(recording.frames(start)), AHEAD)
    earlier = first_measured(job, predictor, recording) if start > 0 else None
    predictions = predictor.predict_prepared(frames, earlier)
    with closing(frames), closing(predictions), WriteBehind(AHEAD) as writer:
        for i, prediction in enumerate(predictions, start):
            if i >= first:
                writer.submit(write_frame, job, output, depth.name(i), prediction)
                written()
                _tell_memory(i + 1)
            if i + 1 == stop < len(depth):
                break
    for line in cleaner.report.lines(predictor.depth_range_m):
        LOGGER.warning(line)


def first_measured(
    job: Job, predictor: DepthSRPredictor, recording: Recording
) -> SensorFrame | None:
    """Read the clip's first frame with depth, which shows the steps; None if nobody wants them."""
    if not takes_step(predictor.net):
        return None
    cleaner = predictor.open_cleaner(job.max_depth_m)
    for depth_m in depth_frames(recording.depth):
        if cleaner.measured(depth_m).any():
            return SensorFrame(*cleaner.clean(depth_m), np.zeros((1, 1, 3), np.uint8))
    return None


def _tell_memory(frames: int) -> None:
    """Say now and then how much memory the program has taken at most: it must not grow."""
    if frames == 100 or frames % 1000 == 0:
        LOGGER.info("%d frames, peak memory %.0f MB", frames, peak_memory_mb())


def context_start(
    depth: DepthReader, cleaner: SensorCleaner, first: int, halo: int | None, chunk: int = 1
) -> int:
    """The frame to read from, so that frame ``first`` comes out as in a run from frame 0.

    That is the network's ``halo`` before it; further back if there is no depth in that frame, since
    an earlier one stands in for it. With chunks, it is where a chunk begins, a chunk earlier: the
    same frames then go through the network together, and the result is the same to the bit.
    """
    if halo is None:
        return 0
    start = max(first - halo - (chunk if chunk > 1 else 0), 0) // chunk * chunk
    while start > 0 and not cleaner.measured(depth.read(start)).any():
        start -= chunk
    return start


def write_frame(job: Job, output: OutputFolder, name: str, prediction: Prediction) -> None:
    """The files of a frame; the depth is the last one, so that the others are there with it."""
    depth_m, measured, error_m = prediction
    if job.error_map:
        if error_m is None:
            raise ValueError(
                "--error-map needs a network that expects errors, such as PlaneBlend; this one "
                "does not"
            )
        write_depth(output.beside(ERROR_MAP, name), error_m, job.kind)
    if job.confidence:
        path = resolve_name(output.folder, f"{CONFIDENCE}/{name}.png", "the name of a frame")
        write_whole(path, encode_gray(np.where(measured, 255, 0)))
    if job.holes == "mark":
        depth_m = np.where(measured, depth_m, np.float32(0))
    write_depth(output.path(name), depth_m, job.kind)


def settings_of(job: Job, predictor: DepthSRPredictor) -> dict[str, Any]:
    """All that a frame of the result depends on, as plain values."""
    return {
        "depth": str(job.depth.resolve()),
        "rgb": None if job.rgb is None else str(job.rgb.resolve()),
        "unit": job.coding.unit,
        "invalid": job.coding.invalid,
        "npz_key": job.coding.npz_key,
        "by_name": job.by_name,
        "max_depth_m": job.max_depth_m,
        "min_confidence": job.min_confidence,
        "format": job.kind,
        "holes": job.holes,
        "confidence": job.confidence,
        "weights": predictor.fingerprint,
        "scale": predictor.scale,
        "depth_range_m": predictor.depth_range_m,
        "amp": predictor.amp,
        **({"error_map": True} if job.error_map else {}),
        **({"depth_step_m": predictor.step_m} if predictor.step_m is not None else {}),
        **cutting_settings(predictor),
        **({"made_of": job.made_of} if job.made_of else {}),
    }


def cutting_settings(predictor: DepthSRPredictor) -> dict[str, int | None]:
    """What of the cutting changes the result: nothing, for an exact stream of whole frames."""
    settings: dict[str, int | None] = {}
    if not runs_exactly(predictor.net):
        settings |= {"overlap": predictor.overlap, "chunk": predictor.chunk}
    if predictor.tile is not None:
        settings |= {"tile": predictor.tile, "tile_overlap": predictor.tile_overlap}
    return settings
