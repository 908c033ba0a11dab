"""Tables of a validation as files."""

import csv
from math import inf

import pytest

from stdnet_arch.models.reporting import best_until, score_table, write_tables
from stdnet_arch.models.validation import ClipScore, Metric

METRICS = [Metric("rmse_cm", "calculate_rmse", "lower"), Metric("mae_cm", "calculate_mae", "lower")]


def table(rmse=2.0, metrics=METRICS):
    scores = [
        ClipScore(1, "late", "net", {"rmse_cm": 4.0, "mae_cm": 1.5}),
        ClipScore(0, "early", "net", {"rmse_cm": rmse, "mae_cm": 0.5}),
    ]
    return score_table(scores, metrics)


def rows(folder):
    with (folder / "val.csv").open(newline="") as stream:
        return list(csv.reader(stream))


def test_clips_stand_in_the_order_of_the_dataset_then_the_mean():
    assert table().rows == [
        ["early", "net", 2.0, 0.5],
        ["late", "net", 4.0, 1.5],
        ["mean", "net", 3.0, 1.0],
    ]


def test_the_csv_keeps_the_history_and_the_markdown_the_last(tmp_path):
    write_tables(tmp_path, "val", 5, table(rmse=2.0))
    write_tables(tmp_path, "val", 10, table(rmse=1.0))
    assert [row[0] for row in rows(tmp_path)] == ["iter", *["5"] * 3, *["10"] * 3]
    assert (tmp_path / "val.md").read_text().startswith("# val, iteration 10\n\n| clip | method |")


def test_rows_of_an_abandoned_run_are_replaced(tmp_path):
    for iteration in (5, 10, 15):
        write_tables(tmp_path, "val", iteration, table())
    write_tables(tmp_path, "val", 10, table(rmse=1.0))  # resumed from 5
    assert [row[0] for row in rows(tmp_path)] == ["iter", *["5"] * 3, *["10"] * 3]
    assert rows(tmp_path)[4] == ["10", "early", "net", "1.0", "0.5"]


def test_a_metric_added_later_is_empty_in_earlier_rows(tmp_path):
    write_tables(tmp_path, "val", 5, table(metrics=METRICS[:1]))
    write_tables(tmp_path, "val", 6, table())
    assert rows(tmp_path)[:2] == [
        ["iter", "clip", "method", "rmse_cm", "mae_cm"],
        ["5", "early", "net", "2.0", ""],
    ]


@pytest.mark.parametrize("name", ["test_STDNet"])
def test_a_test_replaces_its_table(tmp_path, name):
    write_tables(tmp_path, "val", name, table(rmse=9.0))
    write_tables(tmp_path, "val", name, table())
    assert [row[0] for row in rows(tmp_path)] == ["iter", name, name, name]
    assert (tmp_path / "val.md").read_text().startswith(f"# val, {name}\n")


@pytest.mark.parametrize(
    ("iteration", "better", "expected"),
    [(0, "lower", (inf, -1)), (0, "higher", (-inf, -1)), (5, "lower", (4.0, 5)),
     (12, "lower", (3.0, 10)), (12, "higher", (4.0, 5)), (99, "lower", (2.5, 15))],
)  # fmt: skip
def test_the_best_of_a_run_is_read_from_its_table(tmp_path, iteration, better, expected):
    for number, rmse in ((5, 4.0), (10, 2.0), (15, 1.0)):
        write_tables(tmp_path, "val", number, table(rmse))
    metric = Metric("rmse_cm", "calculate_rmse", better)
    best = best_until(iteration, tmp_path / "val.csv", "net", [metric])
    assert best == {"rmse_cm": {"better": better, "val": expected[0], "iter": expected[1]}}


def test_there_is_no_best_without_a_table_or_a_value(tmp_path):
    nothing = {"val": inf, "iter": -1, "better": "lower"}
    assert best_until(9, tmp_path / "val.csv", "net", METRICS[:1]) == {"rmse_cm": nothing}
    write_tables(tmp_path, "val", 5, table(metrics=METRICS[1:]))
    write_tables(tmp_path, "val", 6, score_table([ClipScore(0, "c", "net", {})], METRICS))
    assert best_until(9, tmp_path / "val.csv", "net", METRICS[:1]) == {"rmse_cm": nothing}
