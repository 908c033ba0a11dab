"""The stages from files to files: each has its folder, and continues where it was stopped."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from stdnet_arch.data.codecs.depth_file import FLOAT16, read_depth, write_depth
from stdnet_arch.data.recordings.depth_io import DepthCoding, DepthFiles, depth_frames, open_depth
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import FileRecording
from stdnet_arch.inference.depth_cleaning import fill_holes
from stdnet_arch.inference.jobs.input_state import describe_inputs
from stdnet_arch.inference.jobs.job import Job, run_job
from stdnet_arch.inference.jobs.outputs import OutputFolder
from stdnet_arch.inference.jobs.preview import clip_limits
from stdnet_arch.inference.jobs.side_outputs import SideOutputs
from stdnet_arch.inference.predictor import DepthSRPredictor
from stdnet_arch.metrics.pixels import LineFit
from stdnet_arch.stereodiff.matcher import Matcher, build_matcher
from stdnet_arch.stereodiff.open_video import (
    open_app_recording,
    open_files,
    open_source_clip,
)
from stdnet_arch.stereodiff.options import DiffusionOptions, StereoDiffOptions
from stdnet_arch.stereodiff.posed_video import PosedVideo
from stdnet_arch.stereodiff.refinement import (
    DiffusionStep,
    DisparityFrame,
    Windows,
    refine_video,
    size_for_network,
    to_piece,
)
from stdnet_arch.stereodiff.scores import score_video
from stdnet_arch.stereodiff.svd import (
    SVDStep,
    check_folders,
    fingerprint,
    load_parts,
)
from stdnet_arch.utils.device import choose_device
from stdnet_arch.utils.folder_lock import hold_folder
from stdnet_arch.utils.whole_file import write_json

LOGGER = logging.getLogger(__name__)
STEREO, DIFFUSION, DEPTH, SUPER = "stereo", "diffusion", "depth", "super"
STAGES_KIND = "npy"
SCORES = "scores.json"
Depths = Iterator[NDArray[np.float32]]


def run_stereodiff(
    options: StereoDiffOptions, step: DiffusionStep | None = None
) -> dict[str, dict[str, float]]:
    """Run all stages that are asked for.

    Args:
        options: the stages and their options.
        step: refines windows in stage 2; None: loaded from ``options.diffusion.folder``.

    Returns:
        The errors of each stage, if there is truth.

    Raises:
        ImportError, MemoryError, OSError, TypeError, ValueError: what the message says.
    """
    video = open_video(options)
    predictor = _predictor(options)
    matcher_options = dict(options.matcher)
    if predictor and matcher_options["type"] == "PlaneSweep":
        matcher_options.setdefault("reduce", predictor.scale)
    matcher = build_matcher(matcher_options)
    matcher.check(video)
    if options.diffusion is not None and step is None:
        diffusion = options.diffusion
        check_folders(diffusion.folder, diffusion.unet, diffusion.context)
    truth = None if options.gt is None else open_depth(options.gt, DepthCoding(), by_name=True)
    if truth is not None and len(truth) != len(video):
        raise ValueError(f"{options.gt}: expected {len(video)} true depths; got {len(truth)}")

    settings = _settings(options, video, matcher_options)
    with hold_folder(options.output):
        stages = _write_stages(options, video, matcher, predictor, settings, step)
        if truth is None:
            return {}
        return _score(options, video, stages, lambda: depth_frames(truth))


def _write_stages(
    options: StereoDiffOptions,
    video: PosedVideo,
    matcher: Matcher,
    predictor: DepthSRPredictor | None,
    settings: dict[str, Any],
    step: DiffusionStep | None,
) -> dict[str, OutputFolder]:
    """Write what is missing of every stage; see :func:`run_stereodiff`.

    Args:
        options: options of the method.
        video: video to read.
        matcher: stage 1.
        predictor: stage 3; None: there is none.
        settings: all that a frame of stage 1 depends on, see :func:`_settings`.
        step: the network of stage 2; None: loaded where it is needed.

    Returns:
        The folders of metric depth, by the name of their stage.
    """
    stereo = OutputFolder(options.output / STEREO, STAGES_KIND)
    _write_stage(stereo, settings, video, options, lambda i: matcher.depths(video, i))
    stages = {STEREO: stereo}
    if options.diffusion is not None:
        diffusion = options.diffusion
        raw = OutputFolder(options.output / DIFFUSION, STAGES_KIND)
        settings = {**settings, DIFFUSION: _plain(asdict(diffusion) | {"device": None})}
        settings["diffusion_weights"] = "given" if step else fingerprint(
            diffusion.folder, diffusion.unet
        )  # fmt: skip
        if raw.done_frames(settings) is None or options.overwrite:
            step = step or load_step(diffusion)
        _write_stage(
            raw, settings, video, options,
            lambda i: _refined(video, stereo, diffusion, step, i),
        )  # fmt: skip
    else:
        LOGGER.warning("no diffusion folder was given: stage 2 is left out, depth is stage 1's")
        raw = None
    depth = OutputFolder(options.output / DEPTH, options.format)
    settings = {**settings, "format": options.format}
    _write_stage(depth, settings, video, options, lambda i: _aligned(video, stereo, raw, i))
    stages[DEPTH] = depth
    if predictor:
        depth_fingerprint = hashlib.sha256(json.dumps(settings).encode()).hexdigest()
        stages[SUPER] = _super_resolve(options, video, depth, predictor, depth_fingerprint)
    return stages


def open_video(options: StereoDiffOptions) -> PosedVideo:
    """Open the video that the options name."""
    coding = DepthCoding(options.depth_unit)
    if options.recording is not None:
        return open_app_recording(options.recording, coding)
    if options.source is not None:
        return open_source_clip(options.source, options.root, str(options.clip), options.source_opt)
    if options.rgb is None:
        raise ValueError("rgb must say what is read; got none")
    return open_files(
        options.rgb, options.poses, options.pose_axes, options.intrinsics, options.depth, coding
    )


def load_step(options: DiffusionOptions) -> SVDStep:
    """Stage 2's network from the user's folder."""
    parts = load_parts(options.folder, options.unet, options.context)
    device = choose_device(options.device)
    return SVDStep(
        parts, options.steps, options.start, device, options.half, options.frames_at_once
    )


def _write_stage(
    output: OutputFolder,
    settings: dict[str, Any],
    video: PosedVideo,
    options: StereoDiffOptions,
    depths: Callable[[int], Depths],
) -> None:
    """Write what of a stage is missing, whole files in order; nothing if it is done."""
    inputs = describe_inputs(options.read_from)
    if not options.overwrite and output.is_done(settings, inputs):
        LOGGER.info("%s is done already", output.folder)
        return
    names = video.names
    output.claim(settings, options.overwrite, names, inputs)
    first = output.first_missing(names)
    if first:
        LOGGER.info("%s: continuing after %d of %d frames", output.folder, first, len(names))
    if first < len(names):
        with tqdm(
            total=len(names), initial=first, desc=output.folder.name, unit="frame",
            disable=options.quiet,
        ) as progress:  # fmt: skip
            for name, depth in zip(names[first:], depths(first), strict=True):
                write_depth(output.path(name), depth, output.depth_format)
                progress.update()
    output.finish(names)


def read_stage(output: OutputFolder, video: PosedVideo, start: int = 0) -> Depths:
    """The frames of a stage from ``start`` on."""
    unit = FLOAT16 if output.depth_format == "float16png" else None
    return (read_depth(output.path(name), unit) for name in video.names[start:])


def filled(output: OutputFolder, video: PosedVideo, start: int) -> Depths:
    """Stage 1 without holes: the nearest depth of the frame; of the frame before, if it has none,
    and of the first one with any before that.

    Raises:
        ValueError: no frame has any depth.
    """
    nearby = [*range(start, -1, -1), *range(start + 1, len(video))]
    whole = (read_depth(output.path(video.names[i])) for i in nearby)
    before = next((depth for depth in whole if (depth > 0).any()), None)
    if before is None:
        raise ValueError(f"{output.folder}: stage 1 found no depth in any frame")
    before = fill_holes(before, before > 0)
    for depth_m in read_stage(output, video, start):
        if (depth_m > 0).any():
            before = fill_holes(depth_m, depth_m > 0)
        yield before


def _refined(
    video: PosedVideo,
    stereo: OutputFolder,
    options: DiffusionOptions,
    step: DiffusionStep | None,
    first: int,
) -> Depths:
    """Stage 2: disparity up to scale and shift, at stage 1's size."""
    if step is None:
        raise ValueError("stage 2 needs a network; got none")
    near_m, far_m = clip_limits(read_stage(stereo, video))
    rgb_size = next(video.colors()).shape[:2]
    size = size_for_network((rgb_size[0], rgb_size[1]), options.longest_px)
    out = next(read_stage(stereo, video)).shape
    spread = max(1 / near_m - 1 / far_m, 1e-12) if near_m > 0 else 1.0

    def pieces(start: int) -> Iterator[DisparityFrame]:
        pairs = zip(filled(stereo, video, start), video.colors(start), strict=True)
        for depth_m, rgb in pairs:
            share = np.clip((1 / depth_m - 1 / far_m) / spread, 0, 1).astype(np.float32)
            yield to_piece(share, rgb, size)

    windows = Windows(options.window, options.overlap)
    for frame in refine_video(step, pieces, len(video), windows, options.seed, first):
        if not frame.isfinite().all():
            raise ValueError("stage 2 gave numbers that are not finite; half: false may help")
        small = torch.nn.functional.interpolate(
            frame[None], size=out, mode="bilinear", antialias=True
        )
        yield small[0, 0].numpy()


def _aligned(
    video: PosedVideo, stereo: OutputFolder, raw: OutputFolder | None, first: int
) -> Depths:
    """Depth [m]: stage 2's disparity by the one line that brings it nearest to stage 1's."""
    if raw is None:
        yield from read_stage(stereo, video, first)
        return
    fit, farthest_m = LineFit(), 0.0
    for depth_m, disparity in zip(read_stage(stereo, video), read_stage(raw, video), strict=True):
        known = depth_m > 0
        fit.add(disparity[known], 1 / depth_m[known], torch.ones(int(known.sum())).bool())
        farthest_m = max(farthest_m, float(depth_m.max()))
    line = fit.line("scale-shift")
    LOGGER.info("stage 2: 1 / depth = %.4g * disparity + %.4g", *line)
    if line.scale <= 0:
        LOGGER.warning(
            "stage 2's video does not rise with stage 1's (scale %.3g): these weights do not make "
            "disparity", line.scale,
        )  # fmt: skip
    beyond = pixels = 0
    for disparity in read_stage(raw, video, first):
        inverse = line.scale * disparity + line.shift
        beyond, pixels = beyond + int((inverse < 1 / farthest_m).sum()), pixels + inverse.size
        yield (1 / np.maximum(inverse, 1 / farthest_m)).astype(np.float32)
    if beyond:
        LOGGER.warning(
            "%.3g %% of stage 2's pixels are beyond the farthest depth of stage 1, and take its "
            "%.4g m", 100 * beyond / pixels, farthest_m,
        )  # fmt: skip


def _super_resolve(
    options: StereoDiffOptions,
    video: PosedVideo,
    depth: OutputFolder,
    predictor: DepthSRPredictor,
    depth_fingerprint: str,
) -> OutputFolder:
    """Stage 3: the network on top, by the machinery of ``python -m stdnet_arch.infer``."""
    unit = FLOAT16 if options.format == "float16png" else None
    reader = DepthFiles(
        [depth.path(name) for name in video.names], DepthCoding(unit), [*video.names]
    )
    recording = FileRecording(reader, video.rgb, f"{depth.folder}", video.where, video.intrinsics)
    mp4 = None if options.super_resolution is None else options.super_resolution.mp4
    job = Job(
        depth.folder, Path(video.where), options.output / SUPER, Reading(DepthCoding(unit)),
        depth_format=options.format, side_outputs=SideOutputs(mp4=mp4),
        overwrite=options.overwrite, depth_fingerprint=depth_fingerprint,
    )  # fmt: skip
    run_job(job, predictor, options.quiet, recording)
    return OutputFolder(job.output, options.format)


def _score(
    options: StereoDiffOptions,
    video: PosedVideo,
    stages: dict[str, OutputFolder],
    truth: Callable[[], Depths],
) -> dict[str, dict[str, float]]:
    """Errors of every stage, metric and by the paper's alignment; also in ``scores.json``."""
    scores = {}
    for stage, output in stages.items():
        for align in ("none", "scale-shift"):

            def pairs(output: OutputFolder = output) -> Iterator[Any]:
                return zip(read_stage(output, video), truth(), strict=True)

            name = stage if align == "none" else f"{stage}, aligned"
            scores[name] = score_video(pairs, align)
            LOGGER.info("%s: %s", name, json.dumps(scores[name]))
    write_json(options.output / SCORES, scores)
    return scores


def _predictor(options: StereoDiffOptions) -> DepthSRPredictor | None:
    if options.super_resolution is None:
        return None
    arguments = asdict(options.super_resolution)
    del arguments["mp4"]
    return DepthSRPredictor(**arguments)


def _settings(
    options: StereoDiffOptions, video: PosedVideo, matcher: dict[str, Any]
) -> dict[str, Any]:
    """All that a frame of stage 1 depends on, as plain values."""
    read = {
        name: getattr(options, name)
        for name in (
            "rgb", "poses", "pose_axes", "intrinsics", "depth", "depth_unit", "recording", "source",
            "root", "clip", "source_opt",
        )
    }  # fmt: skip
    kept = {name: value for name, value in matcher.items() if name != "device"}
    return _plain({**read, "frames": len(video), "matcher": kept})


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """As JSON would give it back, paths resolved."""
    resolved = {k: str(v.resolve()) if isinstance(v, Path) else v for k, v in values.items()}
    return json.loads(json.dumps(resolved))
