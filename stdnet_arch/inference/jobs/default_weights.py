"""Shipped weights for a recording, where the user names none."""

import argparse
import logging
from collections.abc import Sequence

import numpy as np

from stdnet_arch.inference.depth_cleaning import SensorCleaner
from stdnet_arch.inference.jobs.job import Job, open_job
from stdnet_arch.inference.jobs.opening import find_first
from stdnet_arch.inference.predictor import DEFAULT_SCALE
from stdnet_arch.inference.refinement import RefinedRecording
from stdnet_arch.inference.sizes import plan_sizes
from stdnet_arch.utils.depth_step import estimate_step_m
from stdnet_arch.weights.choice import Choice, choose
from stdnet_arch.weights.shipped import find_weights

LOGGER = logging.getLogger("stdnet_arch")
COARSE_M = 0.02
"""Steps of this size and more [m] are those of a dToF sensor."""


def fill_in_weights(args: argparse.Namespace, jobs: Sequence[Job], fast: bool = False) -> None:
    """Complete ``args.weights``: a path, of what was named or of what fits the first clip.

    Args:
        args: options of the command line. ``any_ratio`` is set where what fits has another scale.
        jobs: the clips to do.
        fast: see :func:`~stdnet_arch.weights.choice.choose`.

    Raises:
        FileNotFoundError, ValueError: no such weights, or the first clip cannot be opened.
    """
    if args.weights is None:
        scale = None if args.scale == "auto" else int(args.scale)
        choice, ratio = choose_for(jobs[0], args.sensor, scale, fast)
        LOGGER.warning(choice.reason)
        args.weights_reason = choice.reason
        args.weights = choice.shipped.path
        args.scale = "auto"
        args.any_ratio = args.any_ratio or choice.shipped.scale != ratio
    args.weights = find_weights(args.weights).absolute()


def choose_for(
    job: Job, sensor: str | None = None, ratio: float | None = None, fast: bool = False
) -> tuple[Choice, float]:
    """Choose shipped weights for a job.

    Args:
        job: its recording is looked at, as far as its first frame.
        sensor: kind of its sensor; None: a phone's or RealSense's by the form of the recording,
            dToF by the steps of the first frame, else unknown.
        ratio: H / h; None: that of the recording.
        fast: see :func:`~stdnet_arch.weights.choice.choose`.

    Returns:
        What was chosen and why, and the ratio.
    """
    recording = open_job(job, round(ratio or DEFAULT_SCALE))
    _, depth_m = find_first(recording.depth, SensorCleaner(np.inf, job.max_depth_m))
    size = next(iter(recording.colors())).shape[:2]
    if not isinstance(recording, RefinedRecording):
        height, width = depth_m.shape
        plan_sizes((height, width), (size[0], size[1]), DEFAULT_SCALE, any_ratio=True)
    if ratio is None:
        ratio = round(size[0] / depth_m.shape[0], 3)
    if sensor is None:
        sensor = recording.about.sensor
    if sensor is None:
        seen_m = depth_m[np.isfinite(depth_m) & (depth_m > 0)]
        sensor = "dtof" if (estimate_step_m(seen_m) or 0) >= COARSE_M else None
    return choose(ratio, sensor, fast=fast), ratio
