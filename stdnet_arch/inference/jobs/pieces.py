"""Long clips cut into pieces that may run anywhere, in any order, to the same files."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.inference.jobs.job import (
    Job,
    complete,
    finish_job,
    inputs_of,
    open_job,
    settings_of,
    write_frames,
)
from stdnet_arch.inference.jobs.outputs import OutputFolder
from stdnet_arch.inference.predictor import DepthSRPredictor
from stdnet_arch.utils.windows import time_windows

LOGGER = logging.getLogger(__name__)


class Piece(NamedTuple):
    """Some frames of a job."""

    job: Job
    start: int
    stop: int


def cut_jobs(jobs: Sequence[Job], predictor: DepthSRPredictor, frames: int) -> list[Piece]:
    """Claim the output folders, and cut what is not done yet.

    Pieces begin where a chunk begins. A network without finite ``halo`` gets whole clips.

    Args:
        jobs: the clips to do.
        predictor: the network to run.
        frames: frames of a piece; rounded up to whole chunks.

    Raises:
        ImportError, OSError, ValueError: an input or an output cannot be used.
    """
    if frames < 1:
        raise ValueError(f"a piece needs at least 1 frame, got {frames}")
    size = -(-frames // predictor.chunk) * predictor.chunk
    pieces: list[Piece] = []
    for job in (complete(job, predictor) for job in jobs):
        output, settings = OutputFolder(job.output, job.depth_format), settings_of(job, predictor)
        inputs = inputs_of(job)
        if not job.overwrite and output.is_done(settings, inputs):
            continue
        depth = open_job(job, predictor.scale).depth
        count = len(depth)
        output.claim(settings, job.overwrite, [depth.name(i) for i in range(count)], inputs)
        whole = not contract_of(predictor.net).finite
        windows = time_windows(count, count if whole else size, 0)
        pieces += [Piece(job, window.read.start, window.read.stop) for window in windows]
    return pieces


def run_piece(piece: Piece, predictor: DepthSRPredictor) -> int:
    """Write the missing frames of a piece; the same to the bit as a run of the whole clip.

    It reads the network's ``halo`` of frames before the piece and as much as it needs behind it.

    Returns:
        Frames written.
    """
    job = piece.job
    recording = open_job(job, predictor.scale)
    output = OutputFolder(job.output, job.depth_format)
    names = [recording.depth.name(i) for i in range(piece.start, piece.stop)]
    first = piece.start + output.first_missing(names)
    if first < piece.stop:
        write_frames(job, predictor, recording, output, first, piece.stop)
    return piece.stop - first


def finish_jobs(
    jobs: Sequence[Job], predictor: DepthSRPredictor, quiet: bool = True
) -> list[tuple[Job, str]]:
    """Make videos and the like, and mark as done what is complete.

    Returns:
        The jobs that are not, and why.
    """
    failed = []
    for job in jobs:
        try:
            finish_job(job, predictor, quiet)
        except Exception as error:
            LOGGER.error("%s failed: %s", job.output, error)
            failed.append((job, f"{type(error).__name__}: {error}"))
    return failed


class PieceRunner:
    """Runs pieces one after the other with one network; what a worker of a cluster holds.

    Args:
        make_predictor: loads the network, in the worker.
    """

    def __init__(self, make_predictor: Callable[[], DepthSRPredictor]) -> None:
        self.predictor = make_predictor()

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        """Run ``item["piece"]``; an error becomes text, so that it does not stop the others."""
        piece: Piece = item["piece"]
        done = {"output": str(piece.job.output), "start": piece.start, "stop": piece.stop}
        try:
            return {**done, "frames": run_piece(piece, self.predictor), "error": ""}
        except Exception as error:
            return {**done, "frames": 0, "error": f"{type(error).__name__}: {error}"}


def with_absolute_paths(job: Job) -> Job:
    """A job with absolute paths, for workers that start elsewhere."""

    def absolute(path: Path | None) -> Path | None:
        return path and path.absolute()

    return replace(
        job,
        depth=job.depth.absolute(),
        rgb=absolute(job.rgb),
        output=job.output.absolute(),
        side_outputs=job.side_outputs._replace(
            mp4=absolute(job.side_outputs.mp4),
            rerun=absolute(job.side_outputs.rerun),
            gt=absolute(job.side_outputs.gt),
        ),
    )
