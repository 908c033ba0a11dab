"""Words of a fair benchmark on itself: what it can tell, what is not equal, who is apart."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from scipy.special import stdtrit

from stdnet_arch.evaluation.benchmark.benchmark_plan import BenchmarkPlan, Entry
from stdnet_arch.evaluation.benchmark.benchmark_results import has_failed, means_of
from stdnet_arch.evaluation.benchmark.fair_plan import Fair, nested
from stdnet_arch.models.validation import read_metrics
from stdnet_arch.utils.tables import Cell, Table

CONFIDENCE = 0.95
UNEQUAL = 1.15
"""Factor of processor time from which on it is called unequal."""
FLOW_ARGUMENT = "flow_weights"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean of repeated runs and half of its 95 % confidence interval (Student's t).

    Args:
        values: one per run; of a single run nothing is known: the half is infinite.

    Example:
        >>> mean, half = interval([1.0, 2.0, 3.0])
        >>> round(mean, 2), round(half, 2)
        (2.0, 2.48)
    """
    mean, n = math.fsum(values) / len(values), len(values)
    if n == 1:
        return mean, math.inf
    quantile = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2))
    return mean, quantile * statistics.stdev(values) / math.sqrt(n)


def values_of(result: Mapping[str, Any], metric: str) -> list[float]:
    """A metric of each run of a result."""
    return [means_of(run, [metric])[metric] for run in result.get("runs", [])]


def trained(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Results of what was trained here, and could be."""
    return [r for r in results if len(r.get("runs", [])) and "seed" in r["runs"][0]]


def first_paragraph(plan: BenchmarkPlan, fair: Fair) -> str:
    """Say what such a benchmark can tell, and what it cannot."""
    data = plan.train["datasets"]["train"]
    rates = ", ".join(f"{rate:g}" for rate in fair.learning_rates)
    tried = "" if fair.rate_share == 1 else f", tried for {fair.rate_share:.0%} of the time"
    return (
        f"This says how good the networks of this table are at x{plan.scale} after "
        f"{fair.cpu_seconds:g} s of one processor's time each, on windows of {data['num_frame']} "
        f"frames of {data.get('source', data['type'])}. All have the same data, loss, rule of "
        f"starting weights and sizes of crops. Each has its best learning rate of {rates} by "
        f"validation data that are no test{tried}, and {len(fair.seeds)} seeds. It cannot say what "
        "the networks become with days on a GPU, nor how those of the papers' sizes compare, nor "
        "what other data would give: published numbers stand apart. Differences within the "
        "intervals below are chance."
    )


def unfairnesses(
    plan: BenchmarkPlan, fair: Fair, results: Sequence[Mapping[str, Any]]
) -> list[str]:
    """List what is not equal, from the plan and what was found; see :func:`first_paragraph`."""
    networks = [entry for entry in plan.models if entry.network_g is not None]
    own = [entry for entry in networks if not entry.weights]
    said = []
    bare = [entry.name for entry in own if entry.network_g and "net" not in entry.network_g]
    if bare and len(bare) < len(own):
        said.append(f"depth is not standardised by Standardized for {', '.join(bare)}")
    warm = [entry.name for entry in own if _has_flow_start(entry)]
    if warm:
        said.append(
            f"{', '.join(warm)} start with a flow network that was trained before, on exact flow; "
            "its training is not in their time"
        )
    cold = [
        r["method"]
        for r in trained(results)
        if r.get("flow_parameters") and r["method"] not in warm
    ]
    if cold:
        said.append(f"the flow networks of {', '.join(dict.fromkeys(cold))} start random")
    steps = {r["method"]: r["runs"][0]["steps"] for r in trained(results)}
    if steps:
        few, many = _ends(steps)
        said.append(
            f"equal time is not equal steps: {many} makes {steps[many]}, {few} {steps[few]}; "
            "costly networks see less data"
        )
    spent = {
        r["method"]: statistics.median(run["cpu_seconds"] for run in r["runs"])
        for r in trained(results)
        if all(run.get("cpu_seconds") for run in r["runs"])
    }
    if spent and max(spent.values()) > UNEQUAL * min(spent.values()):
        least, most = _ends(spent)
        said.append(
            "processor time really used, start-up included, differs: "
            f"{least} {spent[least]:.0f} s, {most} {spent[most]:.0f} s"
        )
    elsewhere = [entry.name for entry in plan.models if entry.weights]
    if elsewhere:
        said.append(f"not trained here, for longer and on other data: {', '.join(elsewhere)}")
    untrained = sorted({r["method"] for r in results if r.get("untrained")})
    if untrained:
        said.append(f"no row of numbers, since they were not trained: {', '.join(untrained)}")
    failed = sorted({r["method"] for r in results if has_failed(r)})
    if failed:
        said.append(f"no row of numbers, since training or judging failed: {', '.join(failed)}")
    if len(fair.seeds) < 3:
        said.append(f"{len(fair.seeds)} seeds: intervals are wide or unknown")
    return said


def _ends(values: Mapping[str, float]) -> tuple[str, str]:
    """Names of the least and of the greatest value."""
    return min(values, key=lambda name: values[name]), max(values, key=lambda name: values[name])


def _has_flow_start(entry: Entry) -> bool:
    return any(network.get(FLOW_ARGUMENT) for network in nested(entry.network_g or {}))


def order_sentence(
    results: Sequence[Mapping[str, Any]], dataset: str, metric: str, better: str
) -> str:
    """Say who leads by a metric, and who cannot be told from the leader.

    Args:
        results: results of a fair benchmark.
        dataset: name of the data set.
        metric: name of the metric.
        better: ``lower`` or ``higher``.
    """
    rows = [r for r in trained(results) if r["dataset"] == dataset]
    found = {r["method"]: interval(values_of(r, metric)) for r in rows}
    found = {method: one for method, one in found.items() if math.isfinite(one[0])}
    if not found:
        return f"{dataset}, {metric}: nothing was trained that could be judged."
    sign = 1 if better == "lower" else -1
    first = min(found, key=lambda method: sign * found[method][0])
    mean, half = found[first]
    near = [
        method
        for method, (other, spread) in found.items()
        if method != first and abs(other - mean) <= half + spread
    ]
    lead = f"{dataset}, {metric}: {first} has the best mean of the trained, {_pm(mean, half)}"
    if not near:
        return f"{lead}, apart from all others."
    told = "; ".join(f"{method} ({_pm(*found[method])})" for method in near)
    return f"{lead}; not told apart from it: {told}."


def _pm(mean: float, half: float) -> str:
    return f"{mean:.3f} ± {half:.3f}" if math.isfinite(half) else f"{mean:.3f} ± unknown"


def fair_table(results: Sequence[Mapping[str, Any]], dataset: str, metrics: Sequence[str]) -> Table:
    """Mean and spread of every metric, and how each network was trained.

    Returns:
        Columns ``method``, ``parameters``, ``without flow``, ``rate``, ``steps``, ``cpu s`` (mean
        of the runs, start and stop included), ``seeds``. For each metric its mean and ``sd``, the
        standard deviation over seeds; not a number where there is none.
    """
    rows: list[list[Cell]] = []
    for result in results:
        if result["dataset"] != dataset or "runs" not in result:
            continue
        runs = result["runs"]
        parameters, flow = result["parameters"], result["flow_parameters"]
        spent = [run["cpu_seconds"] for run in runs if run.get("cpu_seconds") is not None]
        row: list[Cell] = [result["method"], parameters, parameters - flow]
        rate = runs[0].get("rate")
        row += ["" if rate is None else f"{rate:g}", runs[0].get("steps", 0)]
        row += [math.fsum(spent) / len(spent) if spent else math.nan, len(runs)]
        for metric in metrics:
            values = values_of(result, metric)
            row.append(math.fsum(values) / len(values))
            row.append(statistics.stdev(values) if len(values) > 1 else math.nan)
        rows.append(row)
    named = [name for metric in metrics for name in (metric, f"{metric} sd")]
    first = ["method", "parameters", "without flow", "rate", "steps", "cpu s", "seeds"]
    return Table([*first, *named], rows)


def describe(
    plan: BenchmarkPlan, fair: Fair, results: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """All that a report of a fair benchmark says beside its tables; plain values.

    Returns:
        ``first``: the first paragraph; ``unfair``: what is not equal; ``order``: who can be told
        from whom, a sentence per test and metric; ``tables``: of each test, columns and rows.
    """
    metrics = read_metrics(plan.metrics)
    order = [
        order_sentence(results, dataset, metric.name, metric.better)
        for dataset in plan.test
        for metric in metrics
    ]
    tables = {
        dataset: fair_table(results, dataset, [metric.name for metric in metrics])
        for dataset in plan.test
    }
    return {
        "first": first_paragraph(plan, fair),
        "unfair": unfairnesses(plan, fair, results),
        "order": order,
        "tables": {
            name: {"columns": list(table.columns), "rows": [list(row) for row in table.rows]}
            for name, table in tables.items()
        },
    }


def row_command(config: str, method: str) -> str:
    """The command that makes a row again."""
    return f"python scripts/benchmark.py --config {config} --models '{method}'"
