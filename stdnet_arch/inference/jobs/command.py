"""The command line of ``python -m stdnet_arch.infer``."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from stdnet_arch.inference.jobs.default_weights import fill_in_weights
from stdnet_arch.inference.jobs.job import Job, run_job
from stdnet_arch.inference.jobs.manifest import parse_shard, read_manifest, run_manifest
from stdnet_arch.inference.jobs.options import (
    add_job_options,
    add_predictor_options,
    job_options,
    log_to_screen,
    predictor_of,
)
from stdnet_arch.utils.commands import run_command

LOGGER = logging.getLogger("stdnet_arch")


def main(argv: Sequence[str] | None = None) -> int:
    """Run; return the exit code.

    It is 0 if all went well, 1 with one line if not, 2 for wrong usage, 70 for a bug and 130 for
    Ctrl-C.

    Args:
        argv: the arguments; None takes the program's.
    """
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.manifest is None and not args.depth:
        parser.error(
            "give --depth (and --rgb, if the depth's recording does not hold it), or --manifest"
        )
    if args.manifest is not None and (args.depth or args.rgb or args.mp4 or args.gt or args.rerun):
        parser.error(
            "--manifest names the clips: leave --depth, --rgb, --mp4, --rerun and --gt out"
        )
    with log_to_screen(args.quiet):
        return run_command(lambda: _run(args), LOGGER.error, debug=args.debug)


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="python -m stdnet_arch.infer", description="Super-resolve depth video."
    )
    files = parser.add_argument_group("files")
    files.add_argument(
        "--depth",
        type=Path,
        help="folder, pattern or file of depth, npy or npz (t, h, w), 16-bit video; without --rgb, "
        "what holds both: a bag, an Azure Kinect .mkv, .r3d, .zip or a known folder "
        "(docs/recordings.md)",
    )
    files.add_argument("--rgb", type=Path, help="folder, pattern or file of pictures, or a video")
    files.add_argument("-o", "--output", type=Path, required=True, help="folder of the result")
    files.add_argument("--mp4", type=Path, help="also a video: RGB | LR depth | prediction")
    files.add_argument(
        "--rerun",
        type=Path,
        metavar="FILE.rrd",
        help="also a time line for Rerun: RGB, LR depth, result, expected error, cameras, points",
    )
    files.add_argument("--gt", type=Path, help="true depth, as --depth: errors and an x-t slice")
    many = parser.add_argument_group("many clips")
    many.add_argument("--manifest", type=Path, help="JSON lines: depth, rgb, output, ...")
    many.add_argument("--shard", default="0/1", help="i/n: every n-th clip from the i-th on")
    add_job_options(parser)
    add_predictor_options(parser)
    return parser


def _run(args: argparse.Namespace) -> int:
    shard = parse_shard(args.shard)
    options = job_options(args)
    jobs = (
        [Job(depth=args.depth, rgb=args.rgb, output=args.output, **options)]
        if args.manifest is None
        else read_manifest(args.manifest, args.output, options)
    )
    fill_in_weights(args, jobs)
    predictor = predictor_of(args)
    if args.manifest is None:
        run_job(jobs[0], predictor, args.quiet)
        return 0

    def run(job: Job) -> int:
        return run_job(job, predictor, args.quiet)

    failed = run_manifest(jobs, shard, args.output, run)
    return 1 if failed else 0
