"""Run a benchmark: train what has no weights, judge every method on every clip, keep what is done.

Each result is a file of its own, whole or absent, so a killed run continues where it stopped. A
method that fails leaves its error as its result and does not stop the others.
"""

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stdnet_arch.archs.checkpoints.adapters import read_checkpoint
from stdnet_arch.evaluation.benchmark.benchmark_plan import (
    BenchmarkPlan,
    Entry,
    checkpoint_at,
    checkpoint_of,
    digest,
    training_options,
)
from stdnet_arch.evaluation.benchmark.benchmark_results import check_report
from stdnet_arch.evaluation.benchmark.competitor import Competitor, build_competitor
from stdnet_arch.evaluation.cost import (
    COLUMNS,
    Setting,
    count_parameters,
    measure_all,
    read_size,
)
from stdnet_arch.evaluation.progress import follow
from stdnet_arch.models.batch import Batch, as_batch, length_of, range_of
from stdnet_arch.models.validation import (
    build_test_clips,
    judge,
    read_metrics,
)
from stdnet_arch.utils.children import run_child
from stdnet_arch.utils.whole_file import whole_file, write_json

LOGGER = logging.getLogger("stdnet_arch")
SAMPLE_FRAMES = 8
"""Frames of the first clip whose predictions are kept for the pictures."""


@dataclass(frozen=True)
class Workplace:
    """Folders of the files of a benchmark."""

    out: Path
    """Results, one file per method and dataset."""
    root: Path
    """Folder in which the toolbox makes ``experiments/``."""

    def result(self, entry: Entry, dataset: str) -> Path:
        """Scores of a method on a dataset."""
        return self.out / "scores" / f"{entry.slug}@{dataset}.json"

    def sample(self, entry: Entry, dataset: str) -> Path:
        """Predictions of the first frames of the first clip."""
        return self.out / "samples" / f"{entry.slug}@{dataset}.npz"


def run_benchmark(plan: BenchmarkPlan, place: Workplace, resume: bool) -> list[dict[str, Any]]:
    """Train and judge all entries of a plan.

    Args:
        plan: the benchmark to run.
        place: folders of the results.
        resume: continue with the results that are there; without it they are an error.

    Returns:
        One result per method and dataset; see :func:`judge_entry`. ``error`` in place of ``clips``
        where a method failed.

    Raises:
        FileExistsError: results are there and ``resume`` is not asked for.
        ValueError, KeyError, TypeError: the plan could not be reported, once all had run.
    """
    check_plan(plan)
    check_new(place, resume)
    results = []
    for entry in follow(plan.models, "method", lambda entry: entry.name):
        results += [_run_entry(plan, entry, place, dataset) for dataset in plan.test]
    return results


def check_plan(plan: BenchmarkPlan) -> None:
    """Refuse, before anything runs, a plan that could not be reported or measured in the end.

    Raises:
        ValueError, KeyError, TypeError: a section that cannot be read.
    """
    check_report(plan)
    _cost_settings(plan)


def check_new(place: Workplace, resume: bool) -> None:
    """Raise FileExistsError if results are there that nobody asked to continue with."""
    if not resume and any(place.out.glob("scores/*.json")):
        raise FileExistsError(
            f"{place.out} holds results; continue with --resume, or give another folder"
        )


def _run_entry(plan: BenchmarkPlan, entry: Entry, place: Workplace, dataset: str) -> dict[str, Any]:
    path = place.result(entry, dataset)
    wanted = _fingerprint(plan, entry, dataset)
    found = read_json(path)
    whole = found.pop("checksum", "") == digest(found)
    if found.get("fingerprint") == wanted and isinstance(found.get("clips"), list) and whole:
        return found
    try:
        weights = _weights(plan, entry, place)
        result = judge_entry(plan, entry, place, dataset, weights)
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it is, the others continue
        LOGGER.error("%s on %s failed: %s", entry.name, dataset, in_a_line(error))
        LOGGER.debug("%s", traceback.format_exc())
        result = {"method": entry.name, "dataset": dataset, "error": in_a_line(error)}
    result |= {"fingerprint": wanted, "slug": entry.slug, "note": note_of(entry)}
    result = json.loads(json.dumps(result))  # as it will be read
    write_json(path, {**result, "checksum": digest(result)}, indent=1)
    return result


def read_json(path: Path) -> dict[str, Any]:
    """Return what a file of results holds; empty if there is none or it cannot be read."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        LOGGER.warning("%s cannot be read and is made again: %s", path, error)
        return {}
    return found if isinstance(found, dict) else {}


def judge_entry(
    plan: BenchmarkPlan, entry: Entry, place: Workplace, dataset: str, weights: Path | None
) -> dict[str, Any]:
    """Run a method over a dataset.

    Returns:
        ``method``, ``dataset``, ``parameters`` (of a network), and ``clips``: for each its name,
        ``metrics`` and ``rmse_per_frame_cm``.
    """
    data = build_test_clips(dataset, plan.test[dataset], plan.scale)
    metrics = read_metrics(plan.metrics)
    competitor = build_competitor(competitor_options(plan, entry, weights, _range_m(data)))
    competitor.load()
    clips = []
    for index in range(len(data)):
        batch = as_batch(data[index])
        lq_m, guide = clip_arrays(batch)
        pred_m = torch.from_numpy(competitor.infer(lq_m, guide))[None, :, None]
        given = _given(competitor, length_of(batch))
        clips.append(
            {
                "clip": batch["clip"][0],
                "metrics": judge(pred_m, batch, metrics, given),
                "rmse_per_frame_cm": _per_frame_cm(pred_m, batch),
            }
        )
        if index == 0:
            _keep_sample(place.sample(entry, dataset), pred_m)
    parameters = count_parameters(getattr(competitor, "net", torch.nn.Module()))
    return {"method": entry.name, "dataset": dataset, "parameters": parameters, "clips": clips}


def competitor_options(
    plan: BenchmarkPlan, entry: Entry, weights: Path | None, depth_range_m: float
) -> dict[str, Any]:
    """Make the options of :func:`build_competitor` from an entry."""
    if entry.competitor is not None:
        return {"scale": plan.scale, **entry.competitor}
    return {
        "type": "Network",
        "network": {**(entry.network_g or {}), "scale": plan.scale},
        "weights": weights,
        "scale": plan.scale,
        "depth_range_m": depth_range_m,
        "chunk_frames": plan.chunk_frames,
    }


def measure_costs(plan: BenchmarkPlan, place: Workplace, resume: bool) -> list[dict[str, Any]]:
    """Parameters, arithmetic, time and memory of every entry, with random weights.

    Args:
        plan: its ``cost`` names ``sizes``, and ``frames``, ``warmup``, ``repeats`` if wanted.
        place: folder of the figures, which are written one by one.
        resume: take figures of the same plan that are there; else all are measured in one run.

    Returns:
        One row per method and size, as in :data:`stdnet_arch.evaluation.cost.COLUMNS`.
    """
    if plan.cost is None:
        return []
    path = place.out / "costs.json"
    wanted = json.dumps([asdict(entry) for entry in plan.models] + [dict(plan.cost)], default=str)
    found = read_json(path) if resume else {}
    known = found.get("costs") if found.get("of") == wanted else None
    costs: list[dict[str, Any]] = known if isinstance(known, list) else []
    methods = {entry.name: competitor_options(plan, entry, None, 1.0) for entry in plan.models}
    for cost in measure_all(methods, _cost_settings(plan), len(costs)):
        costs.append(dict(zip(COLUMNS, cost.row(), strict=True)))
        write_json(path, {"of": wanted, "costs": costs}, indent=1)
    return costs


def _cost_settings(plan: BenchmarkPlan) -> list[Setting]:
    options = {"sizes": [], "threads": [None], **(plan.cost or {})}
    sizes, threads = (options.pop(name) for name in ("sizes", "threads"))
    return [
        Setting(size=read_size(size), threads=count, **options)
        for size in sizes
        for count in threads
    ]


def clip_arrays(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """``lq_m (t, h, w)`` and ``guide (t, H, W, 3)`` of a batch of one clip, float32."""
    lq_m = (batch["lq"] * range_of(batch))[0, :, 0].numpy()
    return lq_m, batch["guide"][0].permute(0, 2, 3, 1).numpy()


def train_entry(plan: BenchmarkPlan, entry: Entry, place: Workplace) -> Path:
    """Train an entry with the toolbox, or continue; returns its checkpoint.

    Raises:
        RuntimeError: the training failed; its last lines are in the message.
    """
    checkpoint = checkpoint_of(plan, entry, place.root)
    if not is_whole(checkpoint):
        train_to_end(training_options(plan, entry), place)
    return checkpoint


def train_to_end(options: Mapping[str, Any], place: Workplace) -> Path:
    """Run the toolbox's trainer in a process of its own, from its last state if there is one.

    Args:
        options: options of the toolbox.
        place: folders.

    Returns:
        The checkpoint.

    Raises:
        RuntimeError: the training failed; its last line is in the message.
    """
    file = place.out / "train" / f"{options['name']}.yml"
    write_json(file, dict(options), indent=1)  # JSON is YAML
    command = [sys.executable, "-m", "stdnet_arch.train", "-opt", str(file), "--auto_resume"]
    with file.with_suffix(".log").open("a", encoding="utf-8") as log:
        code = run_child(command, log, place.root)
    checkpoint = checkpoint_at(options, place.root)
    if code or not is_whole(checkpoint):
        said = file.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
        tail = said.strip().splitlines()[-1:]
        raise RuntimeError(f"training ended with {code}: {' '.join(tail)}")
    return checkpoint


def is_whole(checkpoint: Path) -> bool:
    """Tell whether a checkpoint is there and can be read; a damaged one is made again."""
    try:
        read_checkpoint(checkpoint)
    except FileNotFoundError:
        return False
    except (TypeError, ValueError) as error:
        LOGGER.warning("%s is trained again from its last state: %s", checkpoint, error)
        return False
    return True


def _weights(plan: BenchmarkPlan, entry: Entry, place: Workplace) -> Path | None:
    if entry.competitor is not None:
        return None
    return Path(entry.weights) if entry.weights else train_entry(plan, entry, place)


def in_a_line(error: BaseException) -> str:
    """Write an error as a row of a table can hold it."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _given(competitor: Competitor, length: int) -> torch.Tensor:
    prediction = getattr(competitor, "prediction", None)
    return torch.ones(length, dtype=torch.bool) if prediction is None else prediction.given(length)


def _per_frame_cm(pred_m: torch.Tensor, batch: Batch) -> list[float]:
    gt_m = batch["gt"] * range_of(batch)
    valid = batch["valid"] if "valid" in batch else torch.ones_like(gt_m, dtype=torch.bool)
    squared = (pred_m.double() - gt_m.double()).square().where(valid, 0).sum((0, 2, 3, 4))
    counted = valid.sum((0, 2, 3, 4))
    return (100 * (squared / counted).sqrt()).tolist()


def _keep_sample(path: Path, pred_m: torch.Tensor) -> None:
    with whole_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, pred_m=pred_m[0, :SAMPLE_FRAMES, 0].numpy().astype(np.float32))


def _range_m(data: Any) -> float:  # noqa: ANN401  a dataset of this package
    return float(data.reader.range_m)


def note_of(entry: Entry) -> str:
    """Say what a reader of the table must know of an entry."""
    notes = [entry.note] if entry.note else []
    if entry.network_g is not None and not entry.weights and entry.train:
        notes.append(f"recipe differs: {json.dumps(dict(entry.train), sort_keys=True)}")
    if entry.weights:
        notes.append("weights not trained here")
    if entry.space_time:
        notes.append("sees depth at every second frame")
    return "; ".join(notes)


def _fingerprint(plan: BenchmarkPlan, entry: Entry, dataset: str) -> str:
    """Changes with whatever changes a result."""
    what: Mapping[str, Any] = {
        "entry": asdict(entry),
        "test": plan.test[dataset],
        "metrics": plan.metrics,
        "scale": plan.scale,
        "train": plan.train if entry.network_g is not None and not entry.weights else {},
    }
    return digest(what)
