"""Results of a benchmark as tables and files, and two benchmarks compared."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stdnet_arch.evaluation.benchmark.benchmark_plan import BenchmarkPlan
from stdnet_arch.evaluation.measuring import describe_machine
from stdnet_arch.models.validation import read_metrics
from stdnet_arch.utils.input_errors import check_regular, reading
from stdnet_arch.utils.tables import Cell, Table
from stdnet_arch.utils.whole_file import write_whole

PUBLISHED = Path(__file__).with_name("published.csv")
FAILED = "failed"


def quality_table(results: Sequence[Mapping[str, Any]], dataset: str, metrics: list[str]) -> Table:
    """One row per method: the mean over the clips of each metric, and what there is to say.

    Args:
        results: see :func:`stdnet_arch.evaluation.benchmark.benchmark.run_benchmark`.
        dataset: name of the data set.
        metrics: names of the columns.

    Returns:
        Columns ``method``, ``parameters``, the metrics, ``remark``. A clip that a metric could not
        judge is left out of its mean; a method that failed has ``nan`` and its error as remark.
    """
    rows: list[list[Cell]] = []
    for result in results:
        if result["dataset"] != dataset:
            continue
        error = result.get("error", "")
        failed = f"{FAILED}: {error}" if has_failed(result) else error
        remark = "; ".join(filter(None, (failed, result.get("note", ""))))
        means = means_of(result, metrics)
        rows.append([result["method"], result.get("parameters", 0), *means.values(), remark])
    return Table(["method", "parameters", *metrics, "remark"], rows)


def has_failed(result: Mapping[str, Any]) -> bool:
    """Tell whether a method failed; one that was not to be trained did not."""
    return "error" in result and not result.get("untrained")


def means_of(result: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, float]:
    """Mean over the clips that could be judged, of each metric; ``nan`` if there are none.

    Of a result of several ``runs`` (seeds), the mean of theirs.
    """
    if "runs" in result:
        each = [means_of(run, metrics) for run in result["runs"]]
        return {name: math.fsum(one[name] for one in each) / len(each) for name in metrics}
    means = {}
    for name in metrics:
        # JSON keeps a number that is none as null.
        values = [clip["metrics"].get(name) for clip in result.get("clips", [])]
        judged = [v for v in values if v is not None and not math.isnan(v)]
        means[name] = math.fsum(judged) / len(judged) if judged else math.nan
    return means


def summary(
    plan: BenchmarkPlan,
    results: Sequence[Mapping[str, Any]],
    costs: Sequence[Mapping[str, Any]] = (),
    fair: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All that a benchmark found, plain values: what ``--compare`` and the report read.

    Args:
        plan: plan of the benchmark.
        results: results of every method and data set.
        costs: rows of speed and memory.
        fair: section of the plan, if it has one; see :mod:`.fair_report`.
    """
    metrics = read_metrics(plan.metrics)
    return {
        "name": plan.name,
        "title": plan.title,
        "scale": plan.scale,
        "remarks": list(plan.remarks),
        "training": training_summary(plan),
        "machine": describe_machine(),
        "metrics": {metric.name: metric.better for metric in metrics},
        "results": [{**r, "means": means_of(r, [m.name for m in metrics])} for r in results],
        "cost": [dict(cost) for cost in costs],
        "published": published_rows(plan.published),
        "fair": None if fair is None else dict(fair),
    }


def check_report(plan: BenchmarkPlan) -> None:
    """Refuse, before anything runs, a plan that could not be reported in the end.

    Raises:
        ValueError, KeyError: metrics, training or published table that cannot be read.
    """
    read_metrics(plan.metrics)
    training_summary(plan)
    published_rows(plan.published)


def training_summary(plan: BenchmarkPlan) -> str:
    """The common recipe in a sentence."""
    if not plan.train:
        return "none"
    data, steps = plan.train["datasets"]["train"], plan.train["train"]
    return (
        f"{steps['total_iter']} iterations of {data['batch_size_per_gpu']} windows of "
        f"{data['num_frame']} frames, crops of {data['gt_size']}x{data['gt_size']}, "
        f"{steps['optim_g']['type']} at {steps['optim_g']['lr']}, seed "
        f"{plan.train.get('manual_seed', 0)}, from scratch"
    )


def published_rows(table: str | None) -> list[dict[str, str]]:
    """Rows of ``published.csv`` of one table, as they stand there."""
    if table is None:
        return []
    with PUBLISHED.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["table"] == table]
    if not rows:
        with PUBLISHED.open(newline="", encoding="utf-8") as file:
            known = sorted({row["table"] for row in csv.DictReader(file)})
        raise ValueError(f"published must be one of {', '.join(known)}; got {table!r}")
    return rows


def markdown(found: Mapping[str, Any]) -> str:
    """The summary as markdown: a table per dataset, published numbers apart."""
    fair = found.get("fair") or {}
    lines = [f"# {found['title']}", "", *([fair["first"], ""] if fair else [])]
    lines += [f"Training: {found['training']}.", ""]
    lines += [f"{remark}" for remark in found["remarks"]]
    if fair:
        lines += ["", "Not equal:", "", *(f"- {text}" for text in fair["unfair"])]
    lines += ["", "Machine: " + ", ".join(f"{k} {v}" for k, v in found["machine"].items()), ""]
    for dataset in dict.fromkeys(result["dataset"] for result in found["results"]):
        table = quality_table(found["results"], dataset, list(found["metrics"]))
        lines += [f"## {dataset}", "", table.markdown(digits=3), ""]
        if fair:
            lines += [Table(**fair["tables"][dataset]).markdown(digits=3), ""]
            lines += [f"- {text}" for text in fair["order"] if text.startswith(f"{dataset}, ")]
            lines += [""]
    if found["cost"]:
        rows = [list(row.values()) for row in found["cost"]]
        lines += ["## Speed and memory", "", Table(list(found["cost"][0]), rows).markdown()]
    if fair.get("commands"):
        lines += ["## Any row anew", "", "```bash", *fair["commands"], "```", ""]
    if found["published"]:
        lines += ["## Published (other data, other training: not comparable)", ""]
        rows = [list(row.values()) for row in found["published"]]
        lines += [Table(list(found["published"][0]), rows).markdown()]
    return "\n".join(lines).rstrip() + "\n"


def write_summary(found: Mapping[str, Any], out: Path) -> None:
    """Write ``<name>.json``, ``.md`` and one CSV per dataset into a folder."""
    # NaN is no JSON: null.
    plain = json.loads(json.dumps(found, default=str), parse_constant=lambda _: None)
    texts = {f"{found['name']}.json": json.dumps(plain, indent=1) + "\n"}
    texts[f"{found['name']}.md"] = markdown(found)
    for dataset in dict.fromkeys(result["dataset"] for result in found["results"]):
        table = quality_table(found["results"], dataset, list(found["metrics"]))
        texts[f"{found['name']}_{dataset}.csv"] = table.csv()
    for name, text in texts.items():
        write_whole(out / name, text)


def read_summary(path: Path) -> dict[str, Any]:
    """Read what :func:`write_summary` wrote.

    Raises:
        FileNotFoundError: no such file.
        InputError: it holds something else.
    """
    check_regular(path)
    with reading(path):
        found = json.loads(path.read_text(encoding="utf-8"))
        for result in found["results"]:
            _ = (result["dataset"], result["method"], result["means"].items())
        _ = found["metrics"].items()
    return found


@dataclass(frozen=True)
class Change:
    """One value in two benchmarks."""

    dataset: str
    method: str
    metric: str
    before: float
    after: float
    is_worse: bool


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], tolerance: float = 0.01
) -> list[Change]:
    """List results that got better or worse by more than a share.

    Args:
        before: a summary.
        after: another. Methods and datasets that only one of them has are not compared. But a
            method that fails now and did not before is worse.
        tolerance: share of the earlier value that does not count.

    Returns:
        The changes, those for the worse first.
    """
    earlier = {(r["dataset"], r["method"]): r for r in before["results"]}
    changes = []
    for result in after["results"]:
        known = earlier.get((result["dataset"], result["method"]))
        if known is None or "error" in known:
            continue
        for metric in [name for name in after["metrics"] if name in before["metrics"]]:
            one, two = (_number(r["means"].get(metric)) for r in (known, result))
            worse = two - one if after["metrics"][metric] == "lower" else one - two
            lost = math.isnan(two) and not math.isnan(one)
            if lost or abs(worse) > tolerance * abs(one):
                key = result["dataset"], result["method"], metric
                changes.append(Change(*key, one, two, lost or worse > 0))
    return sorted(changes, key=lambda change: not change.is_worse)


def _number(value: float | None) -> float:
    """JSON keeps a number that is none as null."""
    return math.nan if value is None else value


def compare_table(changes: Sequence[Change]) -> Table:
    """The changes as a table."""
    columns = ["dataset", "method", "metric", "before", "after", "verdict"]
    rows: list[list[Cell]] = [
        [c.dataset, c.method, c.metric, c.before, c.after, "WORSE" if c.is_worse else "better"]
        for c in changes
    ]
    return Table(columns, rows)
