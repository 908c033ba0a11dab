"""Options that the command line and the cluster share, and what they mean."""

import argparse
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm.contrib.logging import logging_redirect_tqdm

from stdnet_arch.data.codecs.depth_file import FORMATS
from stdnet_arch.data.recordings.depth_units import parse_unit
from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.data.recordings.stored_depth import DepthCoding
from stdnet_arch.inference.jobs.job import HOLES
from stdnet_arch.inference.jobs.reading_options import add_reading_options, reading_of
from stdnet_arch.inference.jobs.side_outputs import SideOutputs
from stdnet_arch.inference.lq_origin import ORIGINS
from stdnet_arch.inference.precision import PRECISIONS
from stdnet_arch.inference.predictor import DepthSRPredictor
from stdnet_arch.inference.refinement import RULES
from stdnet_arch.inference.streams.openvino_stream import RUNTIMES
from stdnet_arch.utils.commands import add_debug
from stdnet_arch.weights.choice import SENSORS

REPORTED = 24
LOGGER = logging.getLogger("stdnet_arch")
PACKAGE = Path(__file__).resolve().parents[2]


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of how depth is read, and of what is written of every clip."""
    add_reading_options(parser)
    depth = parser.add_argument_group("depth")
    depth.add_argument("--max-depth", type=float, help="metres; what is beyond is no depth")
    depth.add_argument(
        "--refine",
        nargs="?",
        const=RULES[0],
        choices=RULES,
        help="depth is as large as the RGB: the network sees a value of each block (its median, or "
        "every n-th pixel), fills holes, and measured depth is kept within its noise",
    )
    depth.add_argument(
        "--holes", default="fill", choices=HOLES, help="mark: 0 where the sensor saw nothing"
    )
    out = parser.add_argument_group("results")
    out.add_argument("--format", default="png16", choices=tuple(FORMATS), help="of the frames")
    out.add_argument("--fps", type=float, help="of the video; default: as the RGB video, or 30")
    out.add_argument("--confidence", action="store_true", help="also where it was measured")
    out.add_argument(
        "--error-map",
        action="store_true",
        help="also the absolute error that the network expects of each pixel, in error_map/",
    )
    out.add_argument("--gt-unit", help="of true depth, as --depth-unit")
    out.add_argument("--ply", action="store_true", help="also a point cloud per frame")
    out.add_argument(
        "--intrinsics",
        type=float,
        nargs=4,
        metavar=("FX", "FY", "CX", "CY"),
        help="the camera in pixels of the RGB, if the recording does not say it",
    )
    out.add_argument("--overwrite", action="store_true", help="replace frames of other settings")
    parser.add_argument("--quiet", action="store_true", help="no progress, warnings only")
    add_debug(parser)


def add_predictor_options(parser: argparse.ArgumentParser) -> None:
    """The network, and how clips and frames are run."""
    add_network_options(parser)
    add_cutting_options(parser)


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """The network, and where it runs."""
    run = parser.add_argument_group("network")
    run.add_argument(
        "--weights",
        type=Path,
        help=".pth, .safetensors or the name of shipped weights (python -m stdnet_arch.weights); "
        "default: shipped ones that fit the first clip",
    )
    run.add_argument(
        "--sensor",
        choices=tuple(SENSORS),
        help="to choose shipped weights; default: what the recording shows",
    )
    run.add_argument(
        "--depth-step",
        type=float,
        metavar="METRES",
        help="quantisation step of the depth, 0 for none, for networks that ask; default: found in "
        "the first frame",
    )
    run.add_argument(
        "--lq-origin",
        choices=ORIGINS,
        default="middle",
        help="pixel of its block of RGB pixels that a depth pixel shows (%(default)s); first: for "
        "depth made by depth[::n, ::n] or a nearest of cv2 or PyTorch",
    )
    run.add_argument("--scale", default="auto", help="only if the checkpoint does not say it")
    run.add_argument("--num-feat", type=int, help="only if the checkpoint does not say it")
    run.add_argument("--depth-range", type=float, help="metres that the network knows as 1")
    run.add_argument(
        "--any-ratio", action="store_true", help="also for recordings of another of x4, x8, x16"
    )
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    run.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="what convolutions multiply in (%(default)s); bf16: where AMX or a card is",
    )
    run.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default="pytorch",
        help="what runs the network (%(default)s); openvino: faster on CPUs for small networks",
    )


def add_cutting_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of how clips and frames are cut, and how often they are run."""
    more = parser.add_argument_group("quality")
    more.add_argument(
        "--self-ensemble",
        action="store_true",
        help="mean over the clip and its mirror images, four times as slow: better for dToF and "
        "block means, worse for every n-th pixel and stereo",
    )
    cut = parser.add_argument_group("long clips and large frames")
    cut.add_argument(
        "--chunk", type=int, default=1, help="frames at once; same result but for --overlap"
    )
    cut.add_argument("--tile", type=int, help="cut frames into tiles of N depth pixels; not exact")
    cut.add_argument("--tile-overlap", type=int, help="depth pixels; default: a quarter of --tile")
    cut.add_argument(
        "--overlap",
        type=int,
        help="frames around a chunk, for networks of whole clips (DVSR, STDAN); not exact",
    )
    cut.add_argument(
        "--report-difference",
        type=int,
        nargs="?",
        const=REPORTED,
        metavar="N",
        help=f"say how far off cutting is, on the first N frames ({REPORTED})",
    )


def job_options(args: argparse.Namespace) -> dict[str, Any]:
    """Map the command line to what all clips share: arguments of ``Job``."""
    return {
        "reading": reading_of(args),
        "max_depth_m": args.max_depth,
        "refine": args.refine,
        "depth_format": args.format,
        "holes": args.holes,
        "confidence": args.confidence,
        "error_map": args.error_map,
        "side_outputs": SideOutputs(
            mp4=getattr(args, "mp4", None),
            fps=args.fps,
            rerun=getattr(args, "rerun", None),
            gt=getattr(args, "gt", None),
            gt_coding=DepthCoding(_unit(args.gt_unit)),
            ply=args.ply,
            camera=None if args.intrinsics is None else Intrinsics(*args.intrinsics),
        ),
        "overwrite": args.overwrite,
    }


def predictor_of(args: argparse.Namespace, device: str | None = None) -> DepthSRPredictor:
    """The network that is asked for; ``device`` wins over the one that is."""
    return DepthSRPredictor(
        args.weights,
        device or args.device,
        scale=_scale(args.scale),
        num_feat=args.num_feat,
        depth_range_m=args.depth_range,
        precision=args.precision,
        runtime=args.runtime,
        chunk=getattr(args, "chunk", 1),
        overlap=getattr(args, "overlap", None),
        tile=getattr(args, "tile", None),
        tile_overlap=getattr(args, "tile_overlap", None),
        compare=getattr(args, "report_difference", None),
        any_ratio=args.any_ratio,
        step_m=args.depth_step,
        lq_origin=args.lq_origin,
        self_ensemble=getattr(args, "self_ensemble", False),
        reason=getattr(args, "weights_reason", ""),
    )


@contextmanager
def log_to_screen(quiet: bool) -> Iterator[None]:
    """Messages go to stderr, between progress bars; warnings only if ``quiet``."""
    handler = logging.StreamHandler(sys.stderr)
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        with logging_redirect_tqdm([LOGGER]), warnings.catch_warnings():
            warnings.showwarning = _logged(warnings.showwarning)
            yield
    finally:
        LOGGER.removeHandler(handler)


def _logged(show: Callable[..., None]) -> Callable[..., None]:
    """``warnings.showwarning`` that says our own warnings as messages, without lines of code."""

    def show_or_log(
        message: Warning | str, category: type[Warning], filename: str, *rest: object
    ) -> None:
        if PACKAGE in Path(filename).resolve().parents:
            LOGGER.warning("%s", message)
        else:
            show(message, category, filename, *rest)

    return show_or_log


def _unit(text: str | None) -> str | float | None:
    return None if text is None else parse_unit(text)


def _scale(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdigit():
        raise ValueError(f"scale must be auto or a whole number; got {text!r}")
    return int(text)
