"""The command line of ``python -m stdnet_arch.infer``."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm.contrib.logging import logging_redirect_tqdm

from stdnet_arch.data.depth_file import FORMATS
from stdnet_arch.inference.depth_io import DepthCoding
from stdnet_arch.inference.extras import Drawing, Extras
from stdnet_arch.inference.job import HOLES, Job, run_job
from stdnet_arch.inference.manifest import (
    parse_shard,
    parse_unit,
    read_manifest,
    run_manifest,
)
from stdnet_arch.inference.predictor import DepthSRPredictor
from stdnet_arch.inference.recording import Intrinsics

USER_ERRORS = (ImportError, MemoryError, OSError, TypeError, ValueError)
INTERRUPTED = 130  # as shells say it
REPORTED = 24
LOGGER = logging.getLogger("stdnet_arch")


def main(argv: Sequence[str] | None = None, drawing: Drawing | None = None) -> int:
    """Run; 0 if all went well, 1 with one message if not, 2 for wrong usage, 130 for Ctrl-C.

    Args:
        argv: the arguments; None takes the program's.
        drawing: how errors and point clouds are drawn.
    """
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.manifest is None and not args.depth:
        parser.error(
            "give --depth (and --rgb, if the depth's recording does not hold it), or --manifest"
        )
    if args.manifest is not None and (args.depth or args.rgb or args.mp4 or args.gt):
        parser.error("--manifest names the clips: leave --depth, --rgb, --mp4 and --gt out")
    handler = logging.StreamHandler(sys.stderr)
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.WARNING if args.quiet else logging.INFO)
    try:
        with logging_redirect_tqdm([LOGGER]):
            return _run(args, drawing)
    except KeyboardInterrupt:
        LOGGER.error("stopped; the same command goes on where it stopped")
        return INTERRUPTED
    except USER_ERRORS as error:
        LOGGER.error("error: %s", error)
        return 1
    finally:
        LOGGER.removeHandler(handler)


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="python -m stdnet_arch.infer", description="Super-resolve depth video."
    )
    _add_files(parser)
    _add_depth(parser)
    run = parser.add_argument_group("network")
    run.add_argument("--weights", type=Path, required=True, help=".pth or .safetensors")
    run.add_argument("--scale", default="auto", help="only if the checkpoint does not say it")
    run.add_argument("--num-feat", type=int, help="only if the checkpoint does not say it")
    run.add_argument("--depth-range", type=float, help="metres that the network knows as 1")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    run.add_argument("--amp", action="store_true", help="half precision")
    _add_cutting(parser)
    many = parser.add_argument_group("many clips")
    many.add_argument("--manifest", type=Path, help="JSON lines: depth, rgb, output, ...")
    many.add_argument("--shard", default="0/1", help="i/n: every n-th clip from the i-th on")
    parser.add_argument("--quiet", action="store_true", help="no progress, warnings only")
    return parser


def _add_cutting(parser: argparse.ArgumentParser) -> None:
    cut = parser.add_argument_group("long clips and large frames")
    cut.add_argument("--chunk", type=int, default=1, help="frames at once; same result")
    cut.add_argument("--tile", type=int, help="cut frames into tiles of N depth pixels; not exact")
    cut.add_argument("--tile-overlap", type=int, help="depth pixels; default: a quarter of --tile")
    cut.add_argument(
        "--overlap", type=int, help="frames around a chunk, for recurrent networks; not exact"
    )
    cut.add_argument(
        "--report-difference",
        type=int,
        nargs="?",
        const=REPORTED,
        metavar="N",
        help=f"say how far off cutting is, on the first N frames ({REPORTED})",
    )


def _add_files(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument_group("files")
    files.add_argument(
        "--depth",
        type=Path,
        help="folder of frames, or a npy or npz (t, h, w); without --rgb, a RealSense .bag or "
        ".db3, or a folder of Stray Scanner, Record3D (EXR + JPG) or ARKitScenes",
    )
    files.add_argument("--rgb", type=Path, help="folder of PNG or JPEG, or a video")
    files.add_argument("-o", "--output", type=Path, required=True, help="folder of the result")
    files.add_argument("--format", default="png16", choices=tuple(FORMATS), help="of its frames")
    files.add_argument("--mp4", type=Path, help="also a video: RGB | LR depth | prediction")
    files.add_argument("--fps", type=float, help="of that video; default: as the RGB video, or 30")
    files.add_argument(
        "--confidence", action="store_true", help="also what was measured, 8-bit PNG"
    )
    files.add_argument("--gt", type=Path, help="true depth, as --depth: errors and an x-t slice")
    files.add_argument("--gt-unit", help="of that depth, as --depth-unit")
    files.add_argument("--ply", action="store_true", help="also a point cloud per frame")
    files.add_argument(
        "--intrinsics",
        type=float,
        nargs=4,
        metavar=("FX", "FY", "CX", "CY"),
        help="the camera in pixels of the RGB, if the recording does not say it",
    )
    files.add_argument("--overwrite", action="store_true", help="replace frames of other settings")


def _add_depth(parser: argparse.ArgumentParser) -> None:
    depth = parser.add_argument_group("depth")
    depth.add_argument(
        "--depth-unit", help="mm, m, metres per stored unit, or float16 (bits in a 16-bit PNG)"
    )
    depth.add_argument(
        "--invalid", type=float, help='a stored value that is "no depth" beside 0, NaN and inf'
    )
    depth.add_argument("--max-depth", type=float, help="metres; what is beyond is no depth")
    depth.add_argument(
        "--min-confidence",
        type=int,
        default=0,
        choices=(0, 1, 2),
        help="depth of less confidence is no depth, where a recording says it",
    )
    depth.add_argument("--npz-key", help="which array of a npz that holds several")
    depth.add_argument("--by-name", action="store_true", help="names are timestamps, not numbers")
    depth.add_argument(
        "--holes", default="fill", choices=HOLES, help="mark: 0 where the sensor saw nothing"
    )


def _run(args: argparse.Namespace, drawing: Drawing | None) -> int:
    shard = parse_shard(args.shard)
    options = _job_options(args)
    jobs = (
        [Job(depth=args.depth, rgb=args.rgb, output=args.output, **options)]
        if args.manifest is None
        else read_manifest(args.manifest, args.output, options)
    )
    predictor = DepthSRPredictor(
        args.weights,
        args.device,
        scale=_scale(args.scale),
        num_feat=args.num_feat,
        depth_range_m=args.depth_range,
        amp=args.amp,
        chunk=args.chunk,
        overlap=args.overlap,
        tile=args.tile,
        tile_overlap=args.tile_overlap,
        compare=args.report_difference,
    )
    if args.manifest is None:
        run_job(jobs[0], predictor, args.quiet, drawing)
        return 0

    def run(job: Job) -> int:
        return run_job(job, predictor, args.quiet, drawing)

    failed = run_manifest(jobs, shard, args.output, run)
    return 1 if failed else 0


def _job_options(args: argparse.Namespace) -> dict[str, Any]:
    """What all clips share."""
    unit = None if args.depth_unit is None else parse_unit(args.depth_unit)
    return {
        "coding": DepthCoding(unit, args.invalid, args.npz_key),
        "by_name": args.by_name,
        "max_depth_m": args.max_depth,
        "min_confidence": args.min_confidence,
        "kind": args.format,
        "holes": args.holes,
        "confidence": args.confidence,
        "extras": Extras(
            args.mp4,
            args.fps,
            args.gt,
            DepthCoding(None if args.gt_unit is None else parse_unit(args.gt_unit)),
            args.ply,
            None if args.intrinsics is None else Intrinsics(*args.intrinsics),
        ),
        "overwrite": args.overwrite,
    }


def _scale(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdigit():
        raise ValueError(f"scale must be auto or a whole number; got {text!r}")
    return int(text)
