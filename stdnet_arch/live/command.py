"""The command line of ``python -m stdnet_arch.live``."""

import argparse
import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.data.codecs.depth_file import FORMATS
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.inference.jobs.default_weights import fill_in_weights
from stdnet_arch.inference.jobs.job import Job, open_job, say_opening
from stdnet_arch.inference.jobs.options import (
    add_network_options,
    log_to_screen,
    predictor_of,
)
from stdnet_arch.inference.jobs.reading_options import add_reading_options, reading_of
from stdnet_arch.inference.predictor import DEFAULT_SCALE, DepthSRPredictor
from stdnet_arch.inference.refinement import RULES, Refinement, check_origin
from stdnet_arch.inference.streams.streaming import runs_exactly
from stdnet_arch.live.cameras import Camera, ReplayCamera
from stdnet_arch.live.recorder import RESULT, Recorder, check_record_folder
from stdnet_arch.live.screens import SCREENS, Screen, open_screen
from stdnet_arch.live.session import LiveSession
from stdnet_arch.utils.commands import add_debug, run_command
from stdnet_arch.utils.device import choose_device
from stdnet_arch.utils.input_errors import InputError, check_positive
from stdnet_arch.utils.names import check_target
from stdnet_arch.view.address import check_port
from stdnet_arch.weights.choice import choose

LOGGER = logging.getLogger("stdnet_arch")
REALSENSE, REPLAY = "realsense", "replay"
PORT = 7860
SLOWEST_FPS = 0.001
REPORT = "live.json"
NOWHERE = Path(os.devnull)
"""Place of what is not read or not written."""
STOPPED = "stopped before the first frame"


def main(argv: Sequence[str] | None = None) -> int:
    """Look through a camera until it ends or Ctrl-C; return the exit code.

    Args:
        argv: the arguments; None takes the program's.
    """
    parser = build_parser()
    args = parser.parse_args(argv)
    sessions: list[LiveSession] = []

    def stopped() -> str:
        return f"stopped; {sessions[0].finish()}" if sessions else STOPPED

    with log_to_screen(args.quiet):
        return run_command(lambda: _run(args, sessions), LOGGER.error, stopped, args.debug)


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="python -m stdnet_arch.live", description="Super-resolve a camera's depth live."
    )
    parser.add_argument(
        "--camera",
        nargs="+",
        required=True,
        metavar=("KIND", "PLACE"),
        help="realsense: the first camera that is there; realsense FILE.bag: as if it were live; "
        "replay RECORDING, or replay DEPTH RGB: any recording that infer reads, in real time",
    )
    parser.add_argument("--record", type=Path, metavar="OUT", help="keep what was shown")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE.json",
        help=f"rate and latency; default: {REPORT} in --record's folder",
    )
    parser.add_argument(
        "--screen",
        default="auto",
        choices=SCREENS,
        help="auto: a window where there is a display, else a page in the browser",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"of the page; default: {PORT}")
    parser.add_argument("--seconds", type=float, help="end after that time")
    parser.add_argument("--fps", type=float, help="of a replay; default: as it was recorded")
    parser.add_argument(
        "--allow-delay",
        action="store_true",
        help="also a network that looks ahead; its results come so many frames late",
    )
    parser.add_argument("--max-depth", type=float, help="metres; what is beyond is no depth")
    parser.add_argument(
        "--refine", nargs="?", const=RULES[0], choices=RULES, help="depth is as large as the RGB"
    )
    parser.add_argument("--format", default="png16", choices=tuple(FORMATS), help="of --record")
    parser.add_argument("--quiet", action="store_true", help="warnings only")
    add_debug(parser)
    add_reading_options(parser)
    add_network_options(parser)
    return parser


def _run(args: argparse.Namespace, sessions: list[LiveSession]) -> int:
    kind, places = _places_of(args.camera)
    check_port(args.port)
    if args.record is not None:
        check_record_folder(args.record, places)
    report = args.report or (args.record and args.record / REPORT)
    if report is not None:
        check_target(report, (".json",), places)
    for value, name in ((args.seconds, "--seconds"), (args.fps, "--fps")):
        if value is not None:
            check_positive(value, name)
    if args.fps is not None and args.fps < SLOWEST_FPS:
        raise InputError(f"--fps must be at least {SLOWEST_FPS}; got {args.fps}")
    check_origin(args.refine, args.register, args.lq_origin)
    job = _job_of(args, places)
    _choose_weights(args, kind, job)
    predictor = predictor_of(args)
    check_delay(predictor, args.allow_delay)
    camera = _open_camera(kind, job, predictor, args.fps)
    try:
        _look(args, sessions, job, predictor, camera, report, places)
    except Exception:
        if sessions:  # what was shown until then is worth keeping
            with suppress(OSError):
                sessions[0].finish()
        raise
    LOGGER.info("%s", sessions[0].finish())
    return 0


def _look(  # noqa: PLR0913, PLR0917  what a session consists of
    args: argparse.Namespace,
    sessions: list[LiveSession],
    job: Job,
    predictor: DepthSRPredictor,
    camera: Camera,
    report: Path | None,
    places: Sequence[Path],
) -> None:
    """Run a session, which is put into ``sessions`` before its first frame."""
    with ExitStack() as last:
        # First, since it may be refused: a folder that was begun could not be recorded to again.
        screen = open_screen(args.screen, lambda: _open_page(args.port))
        last.callback(screen.close)
        recorder = None
        if args.record is not None:
            keeping = replace(job, error_map=contract_of(predictor.net).expects_error)
            recorder = last.enter_context(
                Recorder(args.record, keeping, predictor, camera.intrinsics, places)
            )
        refinement = None if job.refine is None else Refinement(predictor.scale, job.refine)
        session = LiveSession(
            predictor, camera, screen, recorder, refinement, job.max_depth_m, report, args.seconds
        )
        sessions.append(session)
        LOGGER.info("%s; Ctrl-C ends it", camera.about)
        session.run()


def _places_of(words: Sequence[str]) -> tuple[str, list[Path]]:
    """Split ``--camera`` into the kind of camera and what it reads.

    Raises:
        InputError: an unknown kind, or too few or too many places.
    """
    kind, places = words[0], [Path(word) for word in words[1:]]
    most = {REALSENSE: (0, 1), REPLAY: (1, 2)}.get(kind)
    if most is None or not most[0] <= len(places) <= most[1]:
        meant = f": --camera replay {' '.join(words)} plays it" if Path(kind).exists() else ""
        raise InputError(
            "--camera must be realsense, realsense FILE.bag, replay RECORDING or replay DEPTH RGB; "
            f"got {' '.join(words)}{meant}"
        )
    return kind, places


def _job_of(args: argparse.Namespace, places: Sequence[Path]) -> Job:
    """Describe how frames are read and super-resolved; the output is only a name."""
    depth, rgb = (*places, None, None)[:2]
    return Job(
        depth=depth or NOWHERE / "camera",
        rgb=rgb,
        output=(args.record or NOWHERE) / RESULT,
        reading=reading_of(args),
        max_depth_m=args.max_depth,
        refine=args.refine,
        depth_format=args.format,
    )


def _choose_weights(args: argparse.Namespace, kind: str, job: Job) -> None:
    """Complete ``args.weights`` as ``infer`` does; a camera has the network's scale.

    On a CPU weights that were made for live pictures come first.
    """
    fast = choose_device(args.device).type == "cpu"
    if kind == REALSENSE and args.weights is None:
        scale = DEFAULT_SCALE if args.scale == "auto" else int(args.scale)
        choice = choose(scale, args.sensor or REALSENSE, fast=fast)
        LOGGER.warning(choice.reason)
        args.weights, args.scale, args.weights_reason = choice.shipped.path, "auto", choice.reason
    fill_in_weights(args, [job], fast)


def check_delay(predictor: DepthSRPredictor, allowed: bool) -> None:
    """Refuse a network whose results come late, unless that is allowed.

    Raises:
        InputError: it looks ahead.
    """
    contract, name = contract_of(predictor.net), type(predictor.net).__name__
    ahead = 0 if contract.causal else contract.halo
    if ahead == 0:
        return
    if ahead is None or not runs_exactly(predictor.net):
        raise InputError(f"live needs a network that looks at no later frame; {name} needs all")
    if not allowed:
        raise InputError(
            f"{name} looks {ahead} frames ahead, so its results come {ahead} frames late: "
            "--allow-delay, or a network without delay (PlaneBlend: leave --weights out)"
        )


def _open_camera(kind: str, job: Job, predictor: DepthSRPredictor, fps: float | None) -> Camera:
    if kind == REALSENSE:
        if job.refine is not None:
            raise InputError("a RealSense camera's depth is made coarse here: leave --refine out")
        if job.reading != Reading():
            raise InputError(
                "a RealSense camera says how its depth is stored and where it lies: options of how "
                "a recording is read are for --camera replay; leave them out"
            )
        from stdnet_arch.live.realsense_camera import RealSenseCamera

        has_bag = NOWHERE not in job.depth.parents
        return RealSenseCamera(predictor.scale, job.depth if has_bag else None)
    say_opening(job, predictor, open_job(job, predictor.scale))
    # What is coarse is made by the session, so that whole frames are recorded.
    return ReplayCamera(open_job(replace(job, refine=None), predictor.scale), fps)


def _open_page(port: int) -> Screen:
    """Open the page, whose library takes seconds to load."""
    from stdnet_arch.live.page import Page

    return Page(port)
