"""One clip from files to files: reads ahead, writes behind, continues where it stopped."""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.codecs.rgb_codec import encode_gray
from stdnet_arch.data.recordings.depth_io import DepthReader
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Recording
from stdnet_arch.data.recordings.rgb_registration import advice_on_fit
from stdnet_arch.inference.depth_cleaning import SensorCleaner, SensorFrame, check_plausible
from stdnet_arch.inference.jobs.background import WriteBehind, read_ahead
from stdnet_arch.inference.jobs.input_state import State, describe_inputs
from stdnet_arch.inference.jobs.opening import (
    find_first,
    look_at,
    opening_line,
    warnings_of,
)
from stdnet_arch.inference.jobs.outputs import SUBFOLDERS, OutputFolder
from stdnet_arch.inference.jobs.preview import VIDEO_SUFFIXES
from stdnet_arch.inference.jobs.settings import reading_settings, running_settings
from stdnet_arch.inference.jobs.side_outputs import (
    FinishedClip,
    SideOutputs,
    check_side_outputs,
    misses_side_outputs,
    write_side_outputs,
)
from stdnet_arch.inference.jobs.timeline import SUFFIXES as TIMELINE_SUFFIXES
from stdnet_arch.inference.predictor import DepthSRPredictor, Prediction
from stdnet_arch.inference.refinement import RefinedRecording, Refinement, check_origin
from stdnet_arch.utils.depth_step import takes_step
from stdnet_arch.utils.input_errors import InputError, check_number, check_positive
from stdnet_arch.utils.limits import peak_memory_mb
from stdnet_arch.utils.names import check_output_folder, check_target, resolve_name
from stdnet_arch.utils.whole_file import write_whole

LOGGER = logging.getLogger(__name__)

AHEAD = 4
"""Frames that wait for the network, and predictions that wait for the disk."""
CONFIDENCE, ERROR_MAP = "confidence", "error_map"
FRAMES = "frames"
"""News of a run on each frame that it has written."""
HOLES = ("fill", "mark")
CONFIDENCES = (0, 1, 2)


@dataclass(frozen=True)
class Job:
    """One clip to super-resolve, from files to files."""

    depth: Path
    """A folder of depth frames, a npy or npz stack, or a recording that holds RGB, too."""
    rgb: Path | None
    """A folder of PNG or JPEG, or a video file; None if the depth's recording holds it."""
    output: Path
    """Folder of the result, a file per frame, called like those of the depth."""
    reading: Reading = Reading()
    """Options of reading the files and of pairing their frames."""
    max_depth_m: float | None = None
    """Depths beyond it are holes."""
    refine: str | None = None
    """Depth is as large as the RGB: how it is made coarse, a rule of ``refinement.RULES``."""
    depth_format: str = "png16"
    """A format of ``depth_file.FORMATS``."""
    holes: str = "fill"
    """``fill``: the network's guess; ``mark``: 0 where the sensor saw nothing."""
    confidence: bool = False
    """Also ``confidence/``, 8-bit PNG: 255 where the sensor measured, 0 elsewhere."""
    error_map: bool = False
    """Also ``error_map/``: the absolute error that the network expects [m]."""
    side_outputs: SideOutputs = SideOutputs()
    """Side outputs of the clip."""
    overwrite: bool = False
    """Replace the frames of other settings."""
    depth_fingerprint: str = ""
    """A name for what the depth was made of, where this package made it."""

    def __post_init__(self) -> None:
        """Refuse what cannot work before anything is read."""
        if self.holes not in HOLES:
            raise ValueError(f"holes must be one of {', '.join(HOLES)}; got {self.holes!r}")
        self._check_numbers()
        check_output_folder(self.output, self.read_from, SUBFOLDERS)
        for path, suffixes in self.extra_files:
            check_target(path, suffixes, self.read_from)

    def _check_numbers(self) -> None:
        """Refuse numbers that mean nothing, such as NaN; files may hold any."""
        camera, coding = self.side_outputs.camera, self.reading.coding
        given = {
            "max_depth (--max-depth)": self.max_depth_m,
            "fps (--fps)": self.side_outputs.fps,
            "the depth unit (--depth-unit)": None if isinstance(coding.unit, str) else coding.unit,
            "fx of --intrinsics": camera and camera.fx_px,
            "fy of --intrinsics": camera and camera.fy_px,
        }
        for name, value in given.items():
            if value is not None:
                check_positive(value, name)
        for value in coding.disparity or ():
            check_positive(value, "FOCAL and BASELINE (--disparity)")
        if coding.invalid is not None:
            check_number(coding.invalid, "invalid (--invalid)")
        if camera is not None:
            check_number(camera.cx_px, "cx of --intrinsics")
            check_number(camera.cy_px, "cy of --intrinsics")
        least = self.reading.min_confidence
        if least not in CONFIDENCES or isinstance(least, bool):
            raise InputError(f"min_confidence must be 0, 1 or 2; got {least!r}")

    @property
    def read_from(self) -> list[Path | None]:
        """Files and folders that are read."""
        return [self.depth, self.rgb, self.side_outputs.gt]

    @property
    def extra_files(self) -> list[tuple[Path, tuple[str, ...]]]:
        """Files that are written beside the frames, and how they may end."""
        files = (
            (self.side_outputs.mp4, VIDEO_SUFFIXES),
            (self.side_outputs.rerun, TIMELINE_SUFFIXES),
        )
        return [(path, suffixes) for path, suffixes in files if path is not None]


def run_job(
    job: Job,
    predictor: DepthSRPredictor,
    quiet: bool = False,
    recording: Recording | None = None,
    tick: Callable[[str], object] = lambda _: None,
) -> int:
    """Super-resolve a clip.

    Frames are written whole, in order. If the output folder holds some of the same settings, the
    run continues behind them. It reads the network's ``halo`` of frames before the first missing
    one again, so that the result is the same.

    Args:
        job: the clip and its options.
        predictor: the network to run.
        quiet: no progress bar.
        recording: the recording, if it is open already; the job's paths then only name it.
        tick: told after each frame what was made of it: ``frames``, or a side output. What it
            raises stops the run; the frames that were made stay, whole.

    Returns:
        Frames written by this run.

    Raises:
        ImportError, MemoryError, OSError, TypeError, ValueError: what the message says.
    """
    job = complete(job, predictor)
    output = OutputFolder(job.output, job.depth_format)
    settings, inputs = settings_of(job, predictor), inputs_of(job)
    for path, suffixes in job.extra_files:
        check_target(path, suffixes, [predictor.weights])
    if not job.overwrite and is_done(job, output, settings, inputs):
        LOGGER.info("%s is done already", job.output)
        return 0
    recording = recording or open_job(job, predictor.scale)
    say_opening(job, predictor, recording)
    check_side_outputs(job.side_outputs, recording)
    clip = FinishedClip(recording, output, job.depth_format, job.max_depth_m, quiet, tick)
    names = clip.names()
    with output.held():
        output.claim(settings, job.overwrite, names, inputs)
        first = output.first_missing(names)
        if first:
            LOGGER.info("%s: continuing after %d of %d frames", job.output, first, len(names))
        if first < len(names):
            with tqdm(total=len(names), initial=first, unit="frame", disable=quiet) as bar:

                def written() -> None:
                    bar.update()
                    tick(FRAMES)

                write_frames(job, predictor, recording, output, first, len(names), written)
        write_side_outputs(job.side_outputs, clip, first)
        output.finish(names)
    return len(names) - first


def finish_job(job: Job, predictor: DepthSRPredictor, quiet: bool = False) -> None:
    """Make what else is wanted of a clip whose frames were written in pieces, and mark it as done.

    Raises:
        ValueError: frames are missing.
    """
    job = complete(job, predictor)
    output = OutputFolder(job.output, job.depth_format)
    if is_done(job, output, settings_of(job, predictor), inputs_of(job)):
        return
    recording = open_job(job, predictor.scale)
    clip = FinishedClip(recording, output, job.depth_format, job.max_depth_m, quiet)
    names = clip.names()
    there = sum(map(output.is_whole, names))
    if there < len(names):
        raise ValueError(f"expected {len(names)} frames in {job.output}; got {there}")
    with output.held():
        write_side_outputs(job.side_outputs, clip, 0)
        output.finish(names)


def complete(job: Job, predictor: DepthSRPredictor) -> Job:
    """Add what other outputs need: a time line shows the errors that the network expects.

    Raises:
        InputError: two options contradict each other.
    """
    check_origin(job.refine, job.reading.register, predictor.lq_origin)
    expects = contract_of(predictor.net).expects_error
    return replace(job, error_map=True) if job.side_outputs.rerun is not None and expects else job


def inputs_of(job: Job) -> State:
    """Return the state of what the frames are made from."""
    return describe_inputs([job.depth, job.rgb])


def is_done(job: Job, output: OutputFolder, settings: dict[str, Any], inputs: State) -> bool:
    """Tell whether the frames of these settings and all that is wanted beside them are there."""
    frames = output.done_frames(settings, inputs)
    return frames is not None and not misses_side_outputs(job.side_outputs, job.output, frames)


def open_job(job: Job, scale: int) -> Recording:
    """Open what the job reads, made coarse if that is asked for."""
    refinement = None if job.refine is None else Refinement(scale, job.refine)
    recording = open_recording(job.depth, job.rgb, job.reading, scale)
    return recording if refinement is None else RefinedRecording(recording, refinement)


def say_opening(job: Job, predictor: DepthSRPredictor, recording: Recording) -> None:
    """Say what a clip is taken for, before anything is written.

    Raises:
        ValueError: no frame of the clip holds depth, or it cannot be in metres.
    """
    cleaner = predictor.open_cleaner(job.max_depth_m)
    look = look_at(recording.depth, cleaner)
    height, width = next(iter(recording.colors())).shape[:2]
    rgb_size = height, width
    LOGGER.info("%s", opening_line(recording.about, look, cleaner, rgb_size, predictor.describe()))
    for line in warnings_of(recording.about):
        LOGGER.warning("%s", line)
    measured_m = look.first_m[cleaner.measured(look.first_m)]
    check_plausible(measured_m, cleaner.range_m, cleaner.max_m)
    whole = recording
    if isinstance(recording, RefinedRecording):
        whole = recording.recording
    else:
        predictor.plan_sizes(look.size, rgb_size)
    if advice := advice_on_fit(whole, next(iter(look.frames))):
        LOGGER.warning("%s", advice)


def write_frames(  # noqa: PLR0913, PLR0917  a range of frames, their input, network and output
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
        job: the clip and its options.
        predictor: makes them.
        recording: depth and RGB of the clip.
        output: folder of the frames.
        first: the first one.
        stop: behind the last one.
        written: called for each.
    """
    depth = recording.depth
    _, first_m = find_first(depth, predictor.open_cleaner(job.max_depth_m))
    cleaner = predictor.open_cleaner(job.max_depth_m, first_m)
    halo = contract_of(predictor.net).halo
    start = context_start(depth, cleaner, first, halo, predictor.chunk)
    frames = read_ahead(cleaner.frames(recording.frames(start)), AHEAD)
    earlier = None
    if start > 0 and takes_step(predictor.net):  # the first frame with depth shows the steps
        prepared = predictor.open_cleaner(job.max_depth_m).clean(first_m)
        earlier = SensorFrame(*prepared, np.zeros((1, 1, 3), np.uint8))
    predictions = predictor.predict_prepared(frames, earlier, job.refine is not None)
    with closing(frames), closing(predictions), WriteBehind(AHEAD) as writer:
        for i, prediction in enumerate(predictions, start):
            if isinstance(recording, RefinedRecording):
                prediction = recording.refined(i, prediction)
            if i >= first:
                writer.submit(write_frame, job, output, depth.name(i), prediction)
                written()
                _tell_memory(i + 1)
            if i + 1 == stop < len(depth):
                break
    for line in cleaner.report.lines(cleaner.range_m):
        LOGGER.warning(line)


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
        write_depth(output.beside(ERROR_MAP, name), error_m, job.depth_format)
    if job.confidence:
        path = resolve_name(output.folder, f"{CONFIDENCE}/{name}.png", "the name of a frame")
        write_whole(path, encode_gray(np.where(measured, 255, 0)))
    if job.holes == "mark":
        depth_m = np.where(measured, depth_m, np.float32(0))
    write_depth(output.path(name), depth_m, job.depth_format)


def settings_of(job: Job, predictor: DepthSRPredictor) -> dict[str, Any]:
    """All that a frame of the result depends on, as plain values."""
    return {
        "depth": str(job.depth.resolve()),
        "rgb": None if job.rgb is None else str(job.rgb.resolve()),
        **reading_settings(job.reading),
        "max_depth_m": job.max_depth_m,
        "format": job.depth_format,
        "holes": job.holes,
        "confidence": job.confidence,
        "weights": predictor.fingerprint,
        "scale": predictor.scale,
        "depth_range_m": predictor.depth_range_m,
        "precision": predictor.precision,
        **({"runtime": predictor.runtime} if predictor.runtime != "pytorch" else {}),
        **({"error_map": True} if job.error_map else {}),
        **({"depth_step_m": predictor.step_m} if predictor.step_m is not None else {}),
        **({"lq_origin": predictor.lq_origin} if predictor.lq_origin != "middle" else {}),
        **running_settings(predictor),
        **({"made_of": job.depth_fingerprint} if job.depth_fingerprint else {}),
        **({"refine": job.refine} if job.refine else {}),
    }
