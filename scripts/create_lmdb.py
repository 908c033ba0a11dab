"""Store raw RGB-D video in an LMDB; killed at any moment, the same command continues.

python scripts/create_lmdb.py --source DyDToF --root datasets/DyDToF --out datasets/DyDToF.lmdb
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.data.database.lmdb_frame import LQ_CHOICES, StoreOptions
from stdnet_arch.data.database.lmdb_job import LmdbJob
from stdnet_arch.data.database.lmdb_run import LmdbRun, guarded
from stdnet_arch.data.database.lmdb_shards import parse_shard
from stdnet_arch.data.database.lmdb_values import DEPTH_DTYPES, RGB_KINDS
from stdnet_arch.data.lq.degradation import RANDOM_LQ_MODES
from stdnet_arch.utils.commands import add_debug


def create(argv: Sequence[str] | None = None) -> int:
    """Run this command.

    Returns:
        0 if all went well, 1 with one message if not, 3 if clips were left out, 130 for Ctrl-C.
    """
    args = build_parser().parse_args(argv)
    return guarded(lambda: run_of(args).write(), args.debug)


def run_of(args: argparse.Namespace) -> LmdbRun:
    """Map the command line to a run."""
    store = StoreOptions(
        scales=None if args.scale is None else tuple(sorted(set(args.scale))),
        lq=args.lq,
        range_m=args.range,
        bins=args.bins,
        depth_dtype=args.depth_dtype,
        depth_scale=args.depth_scale,
        rgb=args.reencode_rgb,
        quality=args.quality,
        flow=not args.no_flow,
    )
    job = LmdbJob(
        source=args.source,
        root=args.root,
        source_opt=args.source_opt,
        clips=_clips(args.clips),
        store=store,
        shard=args.shard,
    )
    return LmdbRun(
        job=job, out=args.out, workers=args.workers, skip_bad=args.skip_bad, force=args.force,
        verify=args.verify, quiet=args.quiet, debug=args.debug,
    )  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of this command."""
    parser = argparse.ArgumentParser(
        prog="create_lmdb.py",
        description="Store raw RGB-D video in an LMDB. Killed, the same command continues.",
    )
    what = parser.add_argument_group("what")
    what.add_argument(
        "--source", required=True, help="TarTanAir, DyDToF, DynamicReplica, Folder, .."
    )
    what.add_argument("--root", default="", help="folder of the raw dataset")
    what.add_argument(
        "--source-opt", type=_options, default={}, help='JSON, such as \'{"level": "Hard"}\''
    )
    what.add_argument(
        "--clips", nargs="+",
        help="clip list: a file of meta_info or a path; or entries like 'clip 0 20'; default: all",
    )  # fmt: skip
    what.add_argument("--out", type=Path, required=True, help="X.lmdb")
    lq = parser.add_argument_group("low-resolution depth")
    lq.add_argument(
        "--scale", type=int, nargs="*", help="scales to store; default: 4 8 16, where files exist"
    )
    lq.add_argument(
        "--lq", default="auto", type=_lq_rule, metavar="RULE",
        help=f"{', '.join(LQ_CHOICES)}; auto: files, else dtof_peak",
    )  # fmt: skip
    lq.add_argument("--range", type=float, default=100.0, help="of the simulated sensor, metres")
    lq.add_argument("--bins", type=int, default=1024, help="of the simulated sensor")
    how = parser.add_argument_group("how")
    how.add_argument("--depth-dtype", default="float32", choices=DEPTH_DTYPES)
    how.add_argument("--depth-scale", type=float, default=1e-3, help="metres per code of uint16")
    how.add_argument(
        "--reencode-rgb", default="keep", choices=RGB_KINDS,
        help="keep: the files as they are; or blocks: raw, png (no loss), jpeg; raw loads fastest",
    )  # fmt: skip
    how.add_argument("--quality", type=int, default=95, help="of JPEG blocks")
    how.add_argument("--no-flow", action="store_true", help="leave flow out")
    run = parser.add_argument_group("run")
    run.add_argument("--workers", type=_at_least_one, default=1, help="processes")
    run.add_argument(
        "--shard", type=_shard, metavar="I/N",
        help="store every N-th clip from the I-th on, in X-I-of-N.lmdb (job arrays: 1/8 to 8/8)",
    )  # fmt: skip
    run.add_argument("--skip-bad", action="store_true", help="leave out clips with bad frames")
    run.add_argument("--force", action="store_true", help="replace a finished LMDB")
    run.add_argument("--verify", action="store_true", help="then read all again, and the raw files")
    run.add_argument("--quiet", action="store_true", help="no progress")
    add_debug(parser)
    return parser


def _options(text: str) -> dict[str, Any]:
    try:
        options = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected JSON; got {text!r}: {error}") from error
    if not isinstance(options, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object; got {text!r}")
    return options


def _clips(words: list[str] | None) -> str | list[str] | None:
    """The name of a list, or entries, as ``make_lq.py`` reads them."""
    if words is None or len(words) > 1:
        return words
    (word,) = words
    return word if word.endswith(".txt") or Path(word).expanduser().is_file() else words


def _lq_rule(text: str) -> str:
    if text in RANDOM_LQ_MODES:
        raise argparse.ArgumentTypeError(
            f"{text} draws other photons at every read, so it cannot be stored: leave --lq out and"
            f" write lq: {text} in the YAML, or make files with scripts/make_lq.py"
        )
    if text not in LQ_CHOICES:
        raise argparse.ArgumentTypeError(f"expected {', '.join(LQ_CHOICES)}; got {text!r}")
    return text


def _shard(text: str) -> tuple[int, int]:
    try:
        return parse_shard(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1; got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(create())
