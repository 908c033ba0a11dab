"""Runs a plan, fair or not, and says what its report needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from stdnet_arch.evaluation.benchmark.benchmark import Workplace, check_new, run_benchmark
from stdnet_arch.evaluation.benchmark.benchmark_plan import BenchmarkPlan
from stdnet_arch.evaluation.benchmark.benchmark_results import check_report
from stdnet_arch.evaluation.benchmark.fair_plan import Fair, read_fair
from stdnet_arch.evaluation.benchmark.fair_report import describe, row_command, trained
from stdnet_arch.evaluation.benchmark.fair_training import run_fair_entry
from stdnet_arch.evaluation.progress import follow
from stdnet_arch.utils.whole_file import write_json


def run_any(
    plan: BenchmarkPlan, place: Workplace, resume: bool, config: str
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Run a benchmark.

    Args:
        plan: with a section ``fair`` all networks get equal cost of training.
        place: folders.
        resume: continue with what is there; without it that is an error.
        config: the plan's file, for the commands in the report.

    Returns:
        The results, and what :func:`~.fair_report.describe` says of a fair plan, with ``commands``.

    Raises:
        FileExistsError, ValueError, KeyError, TypeError: see
            :func:`~stdnet_arch.evaluation.benchmark.benchmark.run_benchmark`.
    """
    fair = read_fair(plan)
    if fair is None:
        return run_benchmark(plan, place, resume), None
    check_report(plan)
    check_new(place, resume)
    results = run_fair(plan, fair, place)
    said = describe(plan, fair, results)
    commands = [row_command(config, entry.name) for entry in plan.models]
    if fair.zero_shot is not None:
        path = place.out / "zero_shot.yml"
        write_json(path, zero_shot_options(plan, fair.zero_shot, results), indent=1)
        commands.append(f"python scripts/benchmark.py --config {path}")
    return results, {**said, "commands": commands}


def zero_shot_options(
    plan: BenchmarkPlan, options: Mapping[str, Any], results: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Make a zero-shot benchmark of what was trained, seed by seed, beside every rule of the plan.

    Args:
        plan: the fair benchmark.
        options: options of a zero-shot benchmark; its ``methods`` are added.
        results: results of the fair benchmark.
    """
    methods: dict[str, Any] = {
        entry.name: {"competitor": dict(entry.competitor)}
        for entry in plan.models
        if entry.competitor is not None
    }
    for result in trained(results):
        for run in result["runs"]:
            methods[f"{result['method']}, seed {run['seed']}"] = {"weights": run["weights"]}
    return {"scales": [plan.scale], **options, "methods": {**methods, **options.get("methods", {})}}


def run_fair(plan: BenchmarkPlan, fair: Fair, place: Workplace) -> list[dict[str, Any]]:
    """Train and judge every entry; see :func:`~.fair_training.run_fair_entry`."""
    results: list[dict[str, Any]] = []
    for entry in follow(plan.models, "method", lambda entry: entry.name):
        results += run_fair_entry(plan, fair, entry, place)
    return results
