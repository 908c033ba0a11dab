"""The table of a validation (methods x metrics): in the log, and as CSV and markdown files."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stdnet_arch.models.validation import ClipScore, Mean, Metric, mean_over_clips
from stdnet_arch.utils.input_errors import read_table, reading
from stdnet_arch.utils.tables import Cell, Table
from stdnet_arch.utils.whole_file import write_whole

ITERATION = "iter"
MEAN = "mean"


def score_table(scores: Sequence[ClipScore], metrics: Sequence[Metric]) -> Table:
    """Every clip with every method, then the means.

    Args:
        scores: scores of all clips.
        metrics: the columns.
    """
    names = [metric.name for metric in metrics]
    ordered = sorted(scores, key=lambda score: score.index)
    rows: list[list[Cell]] = [
        [score.clip, score.method, *(score.values.get(name, float("nan")) for name in names)]
        for score in ordered
    ]
    means = mean_over_clips(ordered, metrics)
    rows += [
        [MEAN, method, *(mean[name].value for name in names)] for method, mean in means.items()
    ]
    return Table(["clip", "method", *names], rows)


def skipped_note(means: Mapping[str, Mapping[str, Mean]], metrics: Sequence[Metric] = ()) -> str:
    """A line on the clips that no mean includes; empty if there are none.

    Args:
        means: means of all methods.
        metrics: say what else than a pixel a clip may lack.
    """
    needs = {metric.name: "".join(f" or {need}" for need in metric.needs) for metric in metrics}
    notes = [
        f"{method}: {mean.skipped} of {mean.skipped + mean.judged} clips without a pixel"
        f"{needs.get(name, '')} to judge are not in the mean of {name}"
        for method, by_metric in means.items()
        for name, mean in by_metric.items()
        if mean.skipped
    ]
    return "\n".join(notes)


def log_text(
    dataset: str,
    method: str,
    means: Mapping[str, Mapping[str, Mean]],
    best: Mapping[str, Mapping[str, object]],
    table: Table,
    metrics: Sequence[Metric] = (),
) -> str:
    """Make the toolbox's log of a validation, followed by the table.

    Args:
        dataset: its name.
        method: the network in training or under test.
        means: means of all methods.
        best: the toolbox's record: metric name to ``{"val": ..., "iter": ...}``; empty in a test.
        table: see :func:`score_table`.
        metrics: the columns of the table.
    """
    lines = [f"Validation {dataset}"]
    lines += [
        f"\t # {name}: {mean.value:.4f}"
        + (f"\tBest: {best[name]['val']:.4f} @ {best[name]['iter']} iter" if best else "")
        for name, mean in means[method].items()
    ]
    return "\n".join([*lines, table.text(), skipped_note(means, metrics)]).rstrip() + "\n"


def write_tables(folder: Path, dataset: str, iteration: int | str, table: Table) -> None:
    """Write ``<dataset>.md`` (this validation) and ``<dataset>.csv`` (all of the run).

    Rows of this or a later iteration, left by a run that was killed and resumed, are replaced.

    Args:
        folder: made if absent.
        dataset: its name.
        iteration: iteration of the training, or the name of a test.
        table: see :func:`score_table`.
    """
    heading = (
        f"# {dataset}, {f'iteration {iteration}' if isinstance(iteration, int) else iteration}\n\n"
    )
    write_whole(folder / f"{dataset}.md", heading + table.markdown())
    file = folder / f"{dataset}.csv"
    columns = [ITERATION, *table.columns]
    before = _rows_before(file, iteration) if isinstance(iteration, int) else []
    # A metric that was not computed earlier is empty there.
    earlier = [[row.get(column, "") for column in columns] for row in before]
    rows: list[Sequence[Cell]] = [*earlier, *([iteration, *row] for row in table.rows)]
    write_whole(file, Table(columns, rows).csv())


def best_until(
    iteration: int, file: Path, method: str, metrics: Sequence[Metric]
) -> dict[str, dict[str, Any]]:
    """The best means of a run up to an iteration, as the toolbox records them.

    The table is read and not the training state, since the toolbox validates after it has saved.

    Args:
        iteration: the last one that counts; 0 for a run that starts.
        file: the CSV of a dataset.
        method: method of the values.
        metrics: names of the values.

    Returns:
        Metric name to ``{"better": ..., "val": ..., "iter": ...}``; the worst value and -1 where
        there is none.
    """
    rows = [
        row
        for row in _rows_before(file, iteration + 1)
        if row["clip"] == MEAN and row["method"] == method
    ]
    best = {}
    for metric in metrics:
        sign = -1 if metric.better == "higher" else 1
        seen = [(float(row.get(metric.name) or "nan"), int(row[ITERATION])) for row in rows]
        judged = [(sign * value, number) for value, number in seen if not math.isnan(value)]
        value, number = min(judged, default=(math.inf, -1))
        best[metric.name] = {"better": metric.better, "val": sign * value, "iter": number}
    return best


def _rows_before(file: Path, iteration: int) -> list[dict[str, str]]:
    """Rows of earlier iterations."""
    if iteration <= 1 or not file.exists():
        return []
    rows = read_table(file)
    with reading(file, "the metrics of a run (move the table away to begin another)"):
        for row in rows:
            _ = row["clip"], row["method"], [float(row[key] or "nan") for key in _numbers(row)]
        return [row for row in rows if int(row[ITERATION]) < iteration]


def _numbers(row: dict[str, str]) -> list[str]:
    return [key for key in row if key not in {ITERATION, "clip", "method"}]
