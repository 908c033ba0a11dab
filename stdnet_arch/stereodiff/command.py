"""The command line of ``python -m stdnet_arch.stereodiff``."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stdnet_arch.inference.jobs.options import log_to_screen
from stdnet_arch.stereodiff.job import run_stereodiff
from stdnet_arch.stereodiff.matcher import MATCHER_REGISTRY, check_file_matcher
from stdnet_arch.stereodiff.options import merge, read_options
from stdnet_arch.utils.commands import run_command
from stdnet_arch.utils.yaml_file import load_mapping

LOGGER = logging.getLogger("stdnet_arch")
GROUPS = {
    "matcher": ("matcher", "type"),
    "diffusion": ("diffusion", "folder"),
    "unet": ("diffusion", "unet"),
    "weights": ("super_resolution", "weights"),
    "mp4": ("super_resolution", "mp4"),
}
"""Flags whose option is within a group."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run; return the exit code, see :func:`stdnet_arch.inference.jobs.command.main`.

    Args:
        argv: the arguments; None takes the program's.
    """
    args = build_parser().parse_args(argv)
    with log_to_screen(args.quiet):
        return run_command(lambda: _run(args), LOGGER.error, debug=args.debug)


def _run(args: argparse.Namespace) -> None:
    run_stereodiff(read_options(option_values(args)))


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="python -m stdnet_arch.stereodiff",
        description="RGB video to consistent depth video: matching, one diffusion step, STDNet.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("-opt", type=Path, default=None, help="a YAML file of options; flags win")
    parser.add_argument("-o", "--output", help="folder of the results")
    read = parser.add_argument_group("what is read: one of --rgb, --recording, --source")
    read.add_argument("--rgb", help="folder of PNG or JPEG, or a video")
    read.add_argument("--poses", help="camera to world, a line per frame: TUM, KITTI or 4x4")
    read.add_argument("--pose-axes", help="opencv or opengl")
    read.add_argument(
        "--intrinsics", type=float, nargs=4, metavar=("FX", "FY", "CX", "CY"), help="of the RGB"
    )
    read.add_argument("--depth", help="depth of a sensor or of another program, for SensorDepth")
    read.add_argument("--recording", help="a folder of Record3D or Stray Scanner")
    read.add_argument("--source", help="a dataset: TarTanAir, Synthetic, ...")
    read.add_argument("--root", help="of the dataset")
    read.add_argument("--clip", help="of the dataset")
    stages = parser.add_argument_group("stages")
    known = ", ".join(sorted(name for name, _ in MATCHER_REGISTRY))
    stages.add_argument("--matcher", help=f"stage 1: {known}, or module.Class of your own")
    stages.add_argument("--diffusion", help="stage 2: your folder of Stable Video Diffusion")
    stages.add_argument("--unet", help="stage 2: folder of a UNet trained for depth")
    stages.add_argument("--weights", help="stage 3: a checkpoint of STDNet or another network")
    stages.add_argument("--mp4", help="stage 3: also a video")
    stages.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE",
        help="any other option, such as matcher.planes=32 diffusion.window=64",
    )  # fmt: skip
    parser.add_argument("--format", help="of the frames: png16, npy, ...")
    parser.add_argument("--gt", help="true depth at the RGB's size: errors of every stage")
    parser.add_argument("--overwrite", action="store_true", help="replace frames of other settings")
    parser.add_argument("--quiet", action="store_true", default=False, help="warnings only")
    parser.add_argument(
        "--debug", action="store_true", default=False, help="show the traceback of an error"
    )
    return parser


def option_values(args: argparse.Namespace) -> dict[str, Any]:
    """The file's options, over them the flags', over them those of ``--set``."""
    given = dict(vars(args))
    path, settings = given.pop("opt"), given.pop("set")
    del given["debug"]
    read = {} if path is None else load_mapping(path)
    check_file_matcher(read, given.get("matcher"), path)
    values = merge(read, [])
    for name, value in given.items():
        group, inner = GROUPS.get(name, ("", name))
        place = values if not group else values.setdefault(group, {})
        place[inner] = value
    return merge(values, settings)
