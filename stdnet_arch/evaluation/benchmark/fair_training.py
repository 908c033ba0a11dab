"""Trains and judges the entries of a plan at equal cost; what is done is never done again."""

import logging
import math
import resource
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn

from stdnet_arch.archs.checkpoints.loading import build_arch
from stdnet_arch.archs.shared.flow import SpyNetFlow
from stdnet_arch.evaluation.benchmark.benchmark import (
    Workplace,
    in_a_line,
    is_whole,
    judge_entry,
    note_of,
    read_json,
    train_to_end,
)
from stdnet_arch.evaluation.benchmark.benchmark_plan import (
    BenchmarkPlan,
    Entry,
    checkpoint_at,
    digest,
)
from stdnet_arch.evaluation.benchmark.benchmark_results import means_of
from stdnet_arch.evaluation.benchmark.fair_plan import Fair, TrainingRun, run_options
from stdnet_arch.models.validation import read_metrics
from stdnet_arch.utils.whole_file import write_json

LOGGER = logging.getLogger("stdnet_arch")


MOST_PROBE_STEPS = 2000
"""Steps of a probe at most."""
GROWTH = 10
"""A probe is at most so many times as long as the one before."""


class NotTrainedError(RuntimeError):
    """A network that cannot be trained in the budget; the message is its row."""


def run_fair_entry(
    plan: BenchmarkPlan, fair: Fair, entry: Entry, place: Workplace
) -> list[dict[str, Any]]:
    """Train an entry with every seed at its best rate, and judge it.

    Rules and checkpoints that were trained elsewhere are judged once.

    Args:
        plan: the benchmark.
        fair: its section ``fair``.
        entry: one of its models.
        place: folders.

    Returns:
        One result per test: ``method``, ``dataset``, ``parameters``, ``flow_parameters`` and
        ``runs``, each with ``clips`` and, of what was trained, ``rate``, ``seed``, ``steps`` and
        ``cpu_seconds``. ``error`` in place of these where it failed; beside it ``untrained`` where
        it was not tried.
    """
    trainable = entry.network_g is not None and not entry.weights
    results = []
    for dataset in plan.test:
        result: dict[str, Any] = {"method": entry.name, "dataset": dataset}
        try:
            if trainable:
                result["runs"] = _trained(plan, fair, entry, place, dataset)
            else:
                weights = Path(entry.weights) if entry.weights else None
                result["runs"] = [_judged(plan, entry, place, dataset, weights, {})]
            result |= _sizes(plan, entry, result["runs"][0])
            result["clips"] = result["runs"][0]["clips"]  # what pictures and curves show
        except NotTrainedError as error:
            LOGGER.warning("%s on %s: %s", entry.name, dataset, error)
            result = {"method": entry.name, "dataset": dataset, "error": str(error)}
            result["untrained"] = True
        except (Exception, SystemExit) as error:  # noqa: BLE001  the other methods continue
            LOGGER.error("%s on %s: %s", entry.name, dataset, in_a_line(error))
            result = {"method": entry.name, "dataset": dataset, "error": in_a_line(error)}
        results.append({**result, "slug": entry.slug, "note": note_of(entry)})
    return results


def _trained(
    plan: BenchmarkPlan, fair: Fair, entry: Entry, place: Workplace, dataset: str
) -> list[dict[str, Any]]:
    if entry.untrained:
        raise NotTrainedError(f"not trained: {entry.untrained}")
    steps = steps_for(plan, fair, entry, place)
    rate = best_rate(plan, fair, entry, place, steps)
    runs = []
    for seed in fair.seeds:
        weights, record = train(plan, TrainingRun(entry, rate, seed, steps), place)
        runs.append(_judged(plan, entry, place, dataset, weights, record))
    return runs


def _judged(
    plan: BenchmarkPlan,
    entry: Entry,
    place: Workplace,
    dataset: str,
    weights: Path | None,
    record: Mapping[str, Any],
) -> dict[str, Any]:
    """Judge weights on one data set, unless that is done; ``record`` is kept beside the scores."""
    section = plan.test.get(dataset) or plan.fair["val"][dataset]  # type: ignore[index]
    of = {"entry": asdict(entry), "data": section, "metrics": plan.metrics, "file": str(weights)}
    path = place.out / "scores" / f"{entry.slug}@{dataset}@{digest({**of, **record})}.json"
    found = read_json(path)
    if isinstance(found.get("clips"), list):
        return found
    judged = judge_entry(
        replace(plan, test={**plan.test, dataset: section}), entry, place, dataset, weights
    )
    write_json(path, {**judged, **record}, indent=1)
    return {**judged, **record}


def steps_for(plan: BenchmarkPlan, fair: Fair, entry: Entry, place: Workplace) -> int:
    """Count the steps that a network makes in the budget, by short trainings.

    Raises:
        NotTrainedError: fewer than ``least_steps``.
    """
    path = place.out / "train" / f"{entry.slug}.pace.json"

    def options_of(steps: int) -> dict[str, Any]:
        run = TrainingRun(entry, fair.learning_rates[0], fair.seeds[0], steps)
        return run_options(plan, run)

    def spend(steps: int) -> float:
        began = children_cpu_seconds()
        train_to_end(options_of(steps), place)
        return children_cpu_seconds() - began

    first, longer = fair.probe_steps
    wanted = digest({
        "probes": [options_of(first), options_of(longer)], "share": fair.probe_share
    })  # fmt: skip
    pace = read_json(path)
    if pace.get("of") != wanted:
        least = fair.probe_share * fair.cpu_seconds
        start, steps = spend(first), longer - first
        difference = spend(first + steps) - start
        while difference < least and steps < MOST_PROBE_STEPS:
            needed = math.ceil(steps * least / max(difference, 1e-6))
            steps = min(max(needed, 2 * steps), GROWTH * steps, MOST_PROBE_STEPS)
            difference = spend(first + steps) - start
        pace = {"of": wanted, "cpu_seconds_per_step": max(difference / steps, 1e-6)}
        write_json(path, pace, indent=1)
    steps = math.floor(fair.cpu_seconds / pace["cpu_seconds_per_step"])
    if steps < fair.least_steps:
        raise NotTrainedError(
            f"not trained: {fair.cpu_seconds:g} s are {steps} steps, fewer than {fair.least_steps}"
        )
    return steps


def best_rate(plan: BenchmarkPlan, fair: Fair, entry: Entry, place: Workplace, steps: int) -> float:
    """The learning rate that is best on the validation data, with the first seed.

    Args:
        plan: the benchmark.
        fair: its section ``fair``.
        entry: one of its models.
        place: folders.
        steps: steps of the trainings that are judged; a try has ``fair.rate_share`` of them.

    Raises:
        RuntimeError: every training with every rate failed.
    """
    if len(fair.learning_rates) == 1:
        return fair.learning_rates[0]
    better = {metric.name: metric.better for metric in read_metrics(plan.metrics)}[fair.choose_by]
    sign = 1 if better == "lower" else -1
    scores: dict[float, float] = {}
    tried = max(round(fair.rate_share * steps), 1)
    for rate in fair.learning_rates:
        try:
            weights, record = train(plan, TrainingRun(entry, rate, fair.seeds[0], tried), place)
        except RuntimeError as error:  # a rate that is too high ends in numbers that are not finite
            LOGGER.warning("%s at %g: %s", entry.name, rate, in_a_line(error))
            continue
        judged = [_judged(plan, entry, place, name, weights, record) for name in fair.val]
        means = [means_of(one, [fair.choose_by])[fair.choose_by] for one in judged]
        scores[rate] = sign * math.fsum(means) / len(means)
    finite = {rate: score for rate, score in scores.items() if math.isfinite(score)}
    if not finite:
        raise RuntimeError("no learning rate gave a network that could be judged")
    return min(finite, key=lambda rate: finite[rate])


def train(plan: BenchmarkPlan, run: TrainingRun, place: Workplace) -> tuple[Path, dict[str, Any]]:
    """Train, or take what is there.

    Returns:
        The checkpoint, and a record of it: ``rate``, ``seed``, ``steps``, ``weights`` and
        ``cpu_seconds`` (of the whole program, its start and stops included).

    Raises:
        RuntimeError: the training failed; its last line is in the message.
    """
    options = run_options(plan, run)
    spent = place.out / "train" / f"{options['name']}.cpu.json"
    checkpoint = checkpoint_at(options, place.root)
    if not is_whole(checkpoint):
        before = float(read_json(spent).get("cpu_seconds", 0.0))
        began = children_cpu_seconds()
        try:
            train_to_end(options, place)
        finally:
            write_json(spent, {"cpu_seconds": before + children_cpu_seconds() - began}, indent=1)
    said = {"rate": run.rate, "seed": run.seed, "steps": run.steps, "weights": str(checkpoint)}
    return checkpoint, {**said, "cpu_seconds": read_json(spent).get("cpu_seconds")}


def children_cpu_seconds() -> float:
    """Processor time of all programs that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _sizes(plan: BenchmarkPlan, entry: Entry, judged: Mapping[str, Any]) -> dict[str, int]:
    """Parameters with and of flow networks."""
    parameters = int(judged.get("parameters", 0))
    if entry.network_g is None:
        return {"parameters": parameters, "flow_parameters": 0}
    net = build_arch({**entry.network_g, "scale": plan.scale})
    return {"parameters": parameters, "flow_parameters": count_flow_parameters(net)}


def count_flow_parameters(net: nn.Module) -> int:
    """Parameters of SPyNets anywhere in a network; shared ones count once."""
    of_flow = {
        id(parameter): parameter.numel()
        for module in net.modules()
        if isinstance(module, SpyNetFlow) or type(module).__name__ == "SpyNet"
        for parameter in module.parameters()
    }
    return sum(of_flow.values())
