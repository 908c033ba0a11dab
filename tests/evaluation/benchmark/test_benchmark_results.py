"""Tables, files and comparison of benchmarks, by cases done in the head."""

import csv
import json
import math
from dataclasses import replace

import pytest

from stdnet_arch.evaluation.benchmark.benchmark_plan import BenchmarkPlan, Entry
from stdnet_arch.evaluation.benchmark.benchmark_results import (
    PUBLISHED,
    check_report,
    compare,
    compare_table,
    markdown,
    means_of,
    published_rows,
    quality_table,
    summary,
    training_summary,
    write_summary,
)

NAN = math.nan
PLAN = BenchmarkPlan(
    name="tried",
    scale=4,
    title="A title",
    train={},
    test={"rooms": {}},
    metrics={"rmse_cm": {"type": "calculate_rmse"}, "share": {"type": "calculate_delta"}},
    models=(Entry(name="a", competitor={"type": "Interpolated"}),),
    published="DyDToF x4",
)


def result(method, *values, **more):
    clips = [{"clip": "c", "metrics": {"rmse_cm": r, "share": s}} for r, s in values]
    return {"method": method, "dataset": "rooms", "parameters": 5, "clips": clips, **more}


FAILED = {"method": "bad", "dataset": "rooms", "error": "ValueError: no", "note": "slow"}
RESULTS = [result("a", (2.0, 0.5), (NAN, 0.7), (6.0, None)), FAILED]


def one(rmse_cm, share):
    return summary(PLAN, [result("a", (rmse_cm, share))])


def test_a_clip_that_could_not_be_judged_is_left_out_of_the_mean():
    assert means_of(RESULTS[0], ["rmse_cm", "share"]) == {
        "rmse_cm": 4.0,
        "share": pytest.approx(0.6),
    }


def test_a_method_that_failed_has_no_mean_and_its_error_as_remark():
    row = quality_table(RESULTS, "rooms", ["rmse_cm"]).rows[1]
    assert math.isnan(row[2])
    assert row[-1] == "failed: ValueError: no; slow"


def test_a_table_is_of_one_dataset():
    assert not quality_table(RESULTS, "gardens", ["rmse_cm"]).rows


def test_nothing_trained_is_said():
    assert training_summary(PLAN) == "none"


def test_a_summary_keeps_which_way_is_better():
    assert summary(PLAN, RESULTS)["metrics"] == {"rmse_cm": "lower", "share": "higher"}


def test_the_json_holds_no_nan(tmp_path):
    write_summary(summary(PLAN, RESULTS, [{"method": "a", "ms/frame": NAN}]), tmp_path)
    text = (tmp_path / "tried.json").read_text()
    read = json.loads(text, parse_constant=lambda word: pytest.fail(word))
    assert read["results"][0]["clips"][1]["metrics"]["rmse_cm"] is None
    assert read["results"][1]["means"]["rmse_cm"] is None
    assert read["cost"] == [{"method": "a", "ms/frame": None}]


def test_a_written_summary_is_equal_to_itself(tmp_path):
    found = summary(PLAN, RESULTS)
    write_summary(found, tmp_path)
    assert compare(json.loads((tmp_path / "tried.json").read_text()), found) == []


def test_the_csv_has_a_row_per_method(tmp_path):
    write_summary(summary(PLAN, RESULTS), tmp_path)
    with (tmp_path / "tried_rooms.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["a", "bad"]
    assert float(rows[0]["rmse_cm"]) == 4.0


def test_the_markdown_has_published_numbers_apart():
    text = markdown(summary(PLAN, RESULTS, [{"method": "a", "ms/frame": 3.0}]))
    measured, apart = text.split("## Published")
    assert "not comparable" in apart
    assert "18.23" in apart
    assert "18.23" not in measured
    assert "## Speed and memory" in measured


def test_published_numbers_are_text_of_known_columns():
    with PUBLISHED.open() as file:
        rows = list(csv.DictReader(file))
    assert all(float(row["rmse_cm"]) > float(row["mae_cm"]) > 0 for row in rows)
    assert {row["method"] for row in rows if not row["note"]} == {"STDNet"}


def test_an_unknown_published_table_is_told_before_anything_runs():
    with pytest.raises(ValueError, match="one of DyDToF x16, .*; got 'X'"):
        check_report(replace(PLAN, published="X"))


def test_no_published_table_is_none():
    assert published_rows(None) == []


@pytest.mark.parametrize(
    ("after", "metric", "is_worse"),
    [
        ((2.1, 0.5), "rmse_cm", True),
        ((1.9, 0.5), "rmse_cm", False),
        ((2.0, 0.4), "share", True),
        ((2.0, 0.6), "share", False),
        ((NAN, 0.5), "rmse_cm", True),
    ],
)
def test_a_change_is_worse_in_the_direction_of_its_metric(after, metric, is_worse):
    (change,) = compare(one(2.0, 0.5), one(*after))
    assert (change.metric, change.is_worse) == (metric, is_worse)


def test_a_small_change_does_not_count():
    assert compare(one(100.0, 0.5), one(100.9, 0.5)) == []
    assert len(compare(one(100.0, 0.5), one(100.9, 0.5), tolerance=0.005)) == 1


def test_what_fails_now_and_did_not_before_is_worse():
    after = summary(PLAN, [{**FAILED, "method": "a"}])
    assert [change.is_worse for change in compare(one(2.0, 0.5), after)] == [True, True]


def test_what_failed_before_or_is_new_is_not_compared():
    assert compare(summary(PLAN, [{**FAILED, "method": "a"}]), one(2.0, 0.5)) == []
    assert compare(summary(PLAN, []), one(2.0, 0.5)) == []


def test_what_got_worse_stands_first():
    rows = compare_table(compare(one(2.0, 0.5), one(1.0, 0.1))).rows
    assert [row[-1] for row in rows] == ["WORSE", "better"]
