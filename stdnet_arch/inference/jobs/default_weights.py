"""Shipped weights for a recording, where the user names none."""

import argparse
import logging
from collections.abc import Sequence

from stdnet_arch.data.recordings.open_recording import FOLDERS
from stdnet_arch.data.recordings.realsense import SUFFIXES
from stdnet_arch.inference.jobs.job import Job, open_job
from stdnet_arch.inference.predictor import DEFAULT_SCALE
from stdnet_arch.utils.depth_step import estimate_step_m
from stdnet_arch.weights.choice import Choice, choose
from stdnet_arch.weights.shipped import find_weights

LOGGER = logging.getLogger("stdnet_arch")
COARSE_M = 0.02
"""Steps of this size and more [m] are those of a dToF sensor."""


def fill_in_weights(args: argparse.Namespace, jobs: Sequence[Job]) -> None:
    """Complete ``args.weights``: a path, of what was named or of what fits the first clip.

    Args:
        args: options of the command line. ``any_ratio`` is set where what fits has another scale.
        jobs: what is to be done.

    Raises:
        FileNotFoundError, ValueError: no such weights, or the first clip cannot be opened.
    """
    if args.weights is None:
        scale = None if args.scale == "auto" else int(args.scale)
        choice, ratio = choose_for(jobs[0], args.sensor, scale)
        LOGGER.warning(choice.reason)
        args.weights = choice.shipped.path
        args.scale = "auto"
        args.any_ratio = args.any_ratio or choice.shipped.scale != ratio
    args.weights = find_weights(args.weights).absolute()


def choose_for(
    job: Job, sensor: str | None = None, ratio: float | None = None
) -> tuple[Choice, float]:
    """Choose shipped weights for a job.

    Args:
        job: its recording is looked at, as far as its first frame.
        sensor: kind of its sensor; None: a phone's or RealSense's by the form of the recording,
            dToF by the steps of the first frame, else unknown.
        ratio: H / h; None: that of the recording.

    Returns:
        What was chosen and why, and the ratio.
    """
    from_camera = job.rgb is None and job.depth.suffix.lower() in SUFFIXES
    recording = open_job(job, round(ratio or DEFAULT_SCALE))
    depth_m = recording.depth.read(0)
    if ratio is None and from_camera:  # its depth is made for whatever scale is asked for
        ratio = DEFAULT_SCALE
    elif ratio is None:
        ratio = next(recording.colors()).shape[0] / depth_m.shape[0]
    if sensor is None and from_camera:
        sensor = "realsense"
    elif (
        sensor is None
        and job.rgb is None
        and any(is_it(job.depth) for is_it, _ in FOLDERS.values())
    ):
        sensor = "phone"
    elif sensor is None and (estimate_step_m(depth_m[depth_m > 0]) or 0) >= COARSE_M:
        sensor = "dtof"
    return choose(ratio, sensor), ratio
