"""The manifest job on a cluster, whatever maps a function over its workers."""

import argparse
import json
import logging
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from stdnet_arch.inference.jobs.default_weights import fill_in_weights
from stdnet_arch.inference.jobs.manifest import read_manifest
from stdnet_arch.inference.jobs.options import (
    add_job_options,
    add_predictor_options,
    job_options,
    log_to_screen,
    predictor_of,
)
from stdnet_arch.inference.jobs.pieces import (
    PieceRunner,
    cut_jobs,
    finish_jobs,
    with_absolute_paths,
)
from stdnet_arch.utils.commands import run_command
from stdnet_arch.utils.whole_file import write_whole

LOGGER = logging.getLogger("stdnet_arch")
REPORT = "failed.jsonl"

Mapper = Callable[[list[dict[str, Any]], type, tuple[Any, ...], int, float], list[dict[str, Any]]]
"""Items, a class, its arguments, workers, GPUs of each -> what the class makes of each item."""


class PickledRunner(PieceRunner):
    """As :class:`PieceRunner`; pieces come as bytes, which every engine can carry."""

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        """Run ``item["piece"]``, our own pickle."""
        return super().__call__({"piece": pickle.loads(item["piece"])})


def build_parser(description: str | None) -> argparse.ArgumentParser:
    """The options of the command line, without those of one clip, and those of the cluster."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--manifest", type=Path, required=True, help="JSON lines, one clip each")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--workers", type=int, default=2, help="networks at work at once")
    parser.add_argument("--gpus", type=float, default=0, help="of each worker; may be a fraction")
    parser.add_argument("--piece", type=int, default=256, help="frames that a worker takes at once")
    add_job_options(parser)
    add_predictor_options(parser)
    return parser


def run_cluster(args: argparse.Namespace, mapper: Mapper) -> int:
    """Run; 0 if all went well, 1 if not.

    What failed is listed in ``<output>/failed.jsonl``; a run without failures removes that file.

    Args:
        args: result of :func:`build_parser`.
        mapper: runs the pieces.
    """
    with log_to_screen(args.quiet):
        return run_command(lambda: _run(args, mapper), LOGGER.error, debug=args.debug)


def _run(args: argparse.Namespace, mapper: Mapper) -> int:
    jobs = [
        with_absolute_paths(job)
        for job in read_manifest(args.manifest, args.output, job_options(args))
    ]
    fill_in_weights(args, jobs)
    predictor = predictor_of(args, device="cpu")
    pieces = cut_jobs(jobs, predictor, args.piece)
    LOGGER.info("%d clips, %d pieces to do", len(jobs), len(pieces))
    failed = []
    if pieces:
        items = [{"piece": pickle.dumps(piece)} for piece in pieces]
        done = mapper(items, PickledRunner, (partial(predictor_of, args),), args.workers, args.gpus)
        failed = [item for item in done if item["error"]]
    failed += [
        {"output": str(job.output), "error": error} for job, error in finish_jobs(jobs, predictor)
    ]
    report = args.output / REPORT
    report.unlink(missing_ok=True)
    if failed:
        write_whole(report, "".join(json.dumps(item) + "\n" for item in failed))
        LOGGER.error("%d failures, listed in %s", len(failed), report)
    return 1 if failed else 0
