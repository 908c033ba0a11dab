"""The command that runs and compares benchmarks."""

import json
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLAN = """
name: tried
scale: 4
title: Tried
train: {}
test:
  rooms:
    type: RGBDVideoTestDataset
    source: Synthetic
    source_opt: {num_clips: 1, num_frame: 2, size: [32, 48]}
metrics: {rmse_cm: {type: calculate_rmse}}
models:
  bilinear: {competitor: {type: Interpolated, mode: bilinear}}
  broken: {competitor: {type: NoSuch}}
"""


def run(monkeypatch, *arguments):
    """The exit code."""
    monkeypatch.setattr(sys, "argv", ["benchmark.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "scripts/benchmark.py"), run_name="__main__")
    return end.value.code


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.yml"
    path.write_text(PLAN)
    return ["--config", path, "--out", tmp_path / "out"]


@pytest.mark.parametrize(("after", "code"), [(2.0, 0), (1.0, 0), (2.1, 1), (None, 1)])
def test_compare_ends_with_1_if_something_got_worse(monkeypatch, tmp_path, capsys, after, code):
    for name, value in (("a", 2.0), ("b", after)):
        results = [{"dataset": "d", "method": "m", "means": {"rmse_cm": value}}]
        found = {"metrics": {"rmse_cm": "lower"}, "results": results}
        (tmp_path / f"{name}.json").write_text(json.dumps(found))
    assert run(monkeypatch, "--compare", tmp_path / "a.json", tmp_path / "b.json") == code
    assert ("WORSE" in capsys.readouterr().out) == bool(code)


def test_all_files_are_written_and_a_failure_is_told(monkeypatch, tmp_path, plan, capsys):
    assert run(monkeypatch, *plan) == 1
    files = {path.name for path in (tmp_path / "out/tried").glob("*.*")}
    assert files == {"tried.json", "tried.md", "tried.html", "tried_rooms.csv"}
    assert "NoSuch" in capsys.readouterr().out


def test_models_can_be_chosen(monkeypatch, tmp_path, plan):
    assert run(monkeypatch, *plan, "--models", "bilinear") == 0
    found = json.loads((tmp_path / "out/tried/tried.json").read_text())
    assert [result["method"] for result in found["results"]] == ["bilinear"]


def test_something_must_be_asked_for(monkeypatch, capsys):
    assert run(monkeypatch) == 2
    assert "give --config or --compare" in capsys.readouterr().err


def test_a_plan_may_start_from_another(plan, tmp_path, monkeypatch, capsys):
    variant = tmp_path / "variant.yml"
    variant.write_text("base: plan.yml\nname: varied\ntitle: Varied\n")
    run(monkeypatch, "--config", variant, *plan[2:], "--models", "bilinear")
    assert "bilinear" in capsys.readouterr().out
    assert (tmp_path / "out/varied/varied.html").is_file()


TRAIN = """
train:
  manual_seed: 0
  datasets: {train: {type: X, num_frame: 2, batch_size_per_gpu: 1, gt_size: 32}}
  train: {total_iter: 1, optim_g: {type: Adam, lr: 0.001}}
"""


def test_a_network_that_was_not_to_be_trained_is_no_failure(tmp_path, monkeypatch, capsys):
    fair = """
fair:
  cpu_seconds: 1
  learning_rates: [0.001]
  seeds: [0]
  val:
    yards:
      type: RGBDVideoTestDataset
      source: Synthetic
      source_opt: {num_clips: 1, num_frame: 2, size: [32, 48], seed: 7}
"""
    given = PLAN.replace("train: {}", TRAIN)
    given = given.replace(
        "{competitor: {type: NoSuch}}", "{network_g: {type: STDNetT}, untrained: no time}"
    )
    path = tmp_path / "plan.yml"
    path.write_text(given + fair)
    assert run(monkeypatch, "--config", path, "--out", tmp_path / "out") == 0
    assert "| not trained: no time |" in capsys.readouterr().out
    page = (tmp_path / "out/tried/tried.html").read_text()
    assert "not trained: no time" in page
    assert 'class="failed"' not in page
