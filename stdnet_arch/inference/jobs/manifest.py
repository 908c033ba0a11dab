"""Many clips from a list, in shards: done ones are skipped, failed ones are listed."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from stdnet_arch.data.recordings.depth_units import parse_unit
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.inference.jobs.job import Job
from stdnet_arch.inference.jobs.side_outputs import SideOutputs
from stdnet_arch.utils.commands import tell_error
from stdnet_arch.utils.input_errors import InputError, check_regular, reading
from stdnet_arch.utils.names import resolve_name
from stdnet_arch.utils.whole_file import write_whole

LOGGER = logging.getLogger(__name__)

REQUIRED = ("depth", "output")
OPTIONAL = (
    "rgb", "mp4", "gt", "depth_unit", "invalid", "npz_key", "max_depth", "by_name", "fps",
    "min_confidence", "exr_channel", "disparity", "pair", "pair_within", "rotate_rgb",
    "rotate_depth", "depth_topic", "rgb_topic", "register", "refine", "rerun",
)  # fmt: skip

READING_KEYS = {
    "min_confidence": "min_confidence",
    "pair": "pair",
    "pair_within": "within_s",
    "rotate_rgb": "rotate_rgb",
    "rotate_depth": "rotate_depth",
    "depth_topic": "depth_topic",
    "rgb_topic": "rgb_topic",
    "register": "register",
}
JOB_KEYS = {"max_depth": "max_depth_m", "refine": "refine"}


class Shard(NamedTuple):
    """Every ``step``-th item from ``first`` on."""

    first: int
    step: int


def parse_shard(text: str) -> Shard:
    """``i/n`` as a shard: ``0/8`` is the first of eight.

    Raises:
        ValueError: not two whole numbers with ``0 <= i < n``.
    """
    index, slash, count = text.partition("/")
    if not (slash and index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise ValueError(f"a shard is i/n with 0 <= i < n, such as 0/8; got {text!r}")
    return Shard(int(index), int(count))


def read_manifest(path: Path, root: Path, defaults: Mapping[str, Any]) -> list[Job]:
    """The jobs of a list.

    Args:
        path: a JSON object per line, with the keys ``depth``, ``output`` and ``rgb`` (unless the
            depth's recording holds it). Where it differs from the command line, it also has
            ``mp4``, ``gt`` and any of :data:`OPTIONAL`, called like the options. Inputs are
            relative to the list.
        root: outputs are relative to it, and must not leave it.
        defaults: the other arguments of each :class:`Job`.

    Raises:
        FileNotFoundError, ValueError: no such list, or a line that cannot be used; it is named.
    """
    jobs: list[Job] = []
    outputs: dict[Path, int] = {}
    check_regular(path)
    with reading(path):
        lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            job = _job(json.loads(line), path.parent, root, defaults)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: {error}") from error
        for place in filter(None, (job.output, job.side_outputs.mp4, job.side_outputs.rerun)):
            before = outputs.setdefault(place.resolve(), number)
            if before != number:
                raise ValueError(f"{path}, line {number}: the same output as line {before}")
        jobs.append(job)
    if not jobs:
        raise ValueError(f"{path}: expected a JSON object per line; got none")
    return jobs


def run_manifest(
    jobs: Sequence[Job], shard: Shard, root: Path, run: Callable[[Job], int]
) -> list[Job]:
    """Run a shard; a job that fails does not stop the others.

    What failed is listed in ``<root>/failed_<i>_of_<n>.jsonl``, with the errors; a run without
    failures removes that file.

    Returns:
        The jobs that failed.
    """
    failed: list[tuple[Job, Exception]] = []
    own = jobs[shard.first :: shard.step]
    for number, job in enumerate(own, 1):
        LOGGER.info("[%d/%d] %s", number, len(own), job.output)
        try:
            run(job)
        except Exception as error:
            LOGGER.error("%s failed: %s", job.output, tell_error(error))
            failed.append((job, error))
    report = root / f"failed_{shard.first}_of_{shard.step}.jsonl"
    report.unlink(missing_ok=True)
    if failed:
        write_whole(report, "".join(_failure(job, error) for job, error in failed))
    LOGGER.info("%d of %d clips are done, %d failed", len(own) - len(failed), len(own), len(failed))
    return [job for job, _ in failed]


def _job(item: object, folder: Path, root: Path, defaults: Mapping[str, Any]) -> Job:
    if not isinstance(item, dict):
        raise ValueError(f"expected a JSON object; got {item!r}")
    missing = [key for key in REQUIRED if key not in item]
    unknown = sorted(item.keys() - {*REQUIRED, *OPTIONAL})
    if missing or unknown:
        raise ValueError(f"required keys missing: {missing}; unknown keys: {unknown}")
    chosen = {name: item[key] for key, name in JOB_KEYS.items() if key in item}
    chosen["reading"] = _reading(item, defaults.get("reading", Reading()))
    chosen["side_outputs"] = _side_outputs(
        item, folder, root, defaults.get("side_outputs", SideOutputs())
    )
    rgb = folder / item["rgb"] if item.get("rgb") else None
    paths = {"depth": folder / item["depth"], "rgb": rgb}
    paths["output"] = resolve_name(root, item["output"], "output")
    return Job(**{**defaults, **chosen, **paths})


def _reading(item: dict[str, Any], reading: Reading) -> Reading:
    """Change what a line says about reading."""
    coding: dict[str, Any] = {
        key: item[key] for key in ("invalid", "npz_key", "exr_channel") if key in item
    }
    if "depth_unit" in item:
        coding["unit"] = parse_unit(str(item["depth_unit"]))
    if "disparity" in item:
        focal_px, baseline_m = item["disparity"]
        coding["disparity"] = float(focal_px), float(baseline_m)
    chosen = {name: item[key] for key, name in READING_KEYS.items() if key in item}
    if item.get("by_name"):
        chosen.setdefault("pair", "name")
    return replace(reading, coding=replace(reading.coding, **coding), **chosen)


def _side_outputs(
    item: dict[str, Any], folder: Path, root: Path, side_outputs: SideOutputs
) -> SideOutputs:
    if "mp4" in item:
        side_outputs = side_outputs._replace(mp4=resolve_name(root, item["mp4"], "mp4"))
    if "rerun" in item:
        side_outputs = side_outputs._replace(rerun=resolve_name(root, item["rerun"], "rerun"))
    if "gt" in item:
        side_outputs = side_outputs._replace(gt=folder / item["gt"])
    return side_outputs._replace(fps=item.get("fps", side_outputs.fps))


def _failure(job: Job, error: Exception) -> str:
    item = {"output": str(job.output), "depth": str(job.depth), "rgb": job.rgb and str(job.rgb)}
    return json.dumps({**item, "error": f"{type(error).__name__}: {error}"}) + "\n"
