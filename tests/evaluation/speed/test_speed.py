"""The speed benchmark: that forms give the same numbers, and what it says; not their speed."""

import json
import math
import runpy
import sys

import pytest
import torch

from stdnet_arch.evaluation import peak_rates
from stdnet_arch.evaluation.peak_rates import PeakRates
from stdnet_arch.evaluation.speed import checks as speed_checks
from stdnet_arch.evaluation.speed.forms import CPU_FORMS, PLAIN, Form, forms_of
from stdnet_arch.evaluation.speed.run import (
    Speed,
    SpeedSetting,
    measure_forms,
    precision_of,
    run_benchmark,
    speed_table,
)

TINY = SpeedSetting(size=(16, 24), frames=3, num_feat=16, rounds=2)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What one small run returns, writes as JSON and as markdown."""
    output = tmp_path_factory.mktemp("speed") / "cpu"
    broken = Form("broken", graphed=True)  # no CUDA graph on a CPU
    with pytest.MonkeyPatch.context() as patch:
        # Half precision takes many CPUs without instructions of their own tens of times as long.
        patch.setattr(peak_rates, "SIDES", {"cpu": 64})
        patch.setattr(peak_rates, "COPIED_VALUES", {"cpu": 1 << 16})
        patch.setattr(speed_checks, "FILMED", (3, (48, 64)))
        patch.setattr(speed_checks, "CHECKED", (3, (16, 24)))
        speeds = run_benchmark(TINY, CPU, output, [*CPU_FORMS, broken])
    return speeds, json.loads(output.with_suffix(".json").read_text()), output.with_suffix(".md")


def test_every_form_is_there_with_its_numbers(report):
    rows = {row["form"]: row for row in report[1]["forms"]}
    names = [form.name for form in CPU_FORMS]
    assert list(rows) == [*names, "broken"]
    for name in names:
        assert min(rows[name]["ms_per_frame"], rows[name]["times_matmul"]) > 0
        assert not rows[name]["failed"]


def test_forms_in_single_precision_are_exact(report):
    errors = {speed.form: speed.error for speed in report[0]}
    for form in CPU_FORMS:
        low, high = (0, 1e-5) if form.dtype is None else (1e-5, 5e-2)
        assert low <= errors[form.name] < high


def test_half_precision_costs_less_than_half_a_percent_of_rmse(report):
    changes = {speed.form: speed.rmse_change_percent for speed in report[0]}
    assert changes["plain"] == 0
    assert abs(changes["fused"]) < 1e-3
    assert abs(changes["fused, bf16"]) < 0.5


def test_a_form_that_fails_says_why_and_stops_no_other(report):
    assert "CUDA graph needs tensors on CUDA, got cpu" in report[0][-1].failed
    assert report[1]["forms"][-1]["ms_per_frame"] is None


def test_the_machine_and_its_limits_are_told(report):
    _, written, markdown = report
    assert written["machine"]["torch"] == torch.__version__
    assert set(written["ceilings"]["matmul_gflops"]) == {"float32", "bfloat16"}
    assert written["ceilings"]["copy_gb_per_s"] > 0
    assert "3 frames of 16x24 on cpu, median of 2 runs" in markdown.read_text()


def test_ratios_are_to_the_first_form():
    speeds = [
        Speed("plain", "float32", 8.0, 8.0, 100.0, 4.0, 1e-7, 0.0),
        Speed("fast", "float32", 2.0, 3.0, 25.0, 1.0, 1e-7, 0.0),
    ]
    assert [(row[2], row[7]) for row in speed_table(speeds).rows] == [(1, 1), (4, 0.25)]


def test_a_form_that_is_wrong_is_not_timed(monkeypatch):
    monkeypatch.setattr("stdnet_arch.evaluation.speed.checks.TOLERANCE", 0.0)
    speeds = measure_forms([PLAIN], TINY, CPU, PeakRates({"float32": 1.0}, {}, 1.0))
    assert "is more than" in speeds[0].failed
    assert math.isnan(speeds[0].ms_per_frame)


def test_on_a_card_every_kind_of_form_runs():
    forms = forms_of(torch.device("cuda"))
    assert forms[0] is PLAIN
    assert {form.dtype for form in forms} == {None, torch.bfloat16, torch.float16}
    assert all(any(getattr(form, kind) for form in forms)
               for kind in ("compiled", "graphed", "channels_last"))  # fmt: skip


@pytest.mark.parametrize(
    ("device", "allowed", "name"),
    [("cpu", True, "float32"), ("cuda", True, "tf32"), ("cuda", False, "float32")],
)
def test_float32_is_called_what_the_card_makes_of_it(monkeypatch, device, allowed, name):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", allowed)
    assert precision_of(PLAIN, torch.device(device)) == name


@pytest.mark.parametrize("options", [{"size": (30, 32)}, {"frames": 0}, {"rounds": 0}])
def test_what_cannot_be_measured_is_refused(options):
    with pytest.raises(ValueError, match="multiples of 4"):
        SpeedSetting(**options)


def test_an_unknown_form_is_named(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["measure.py", "speed", "--device", "cpu", "--only", "warp"])
    with pytest.raises(SystemExit, match="no form is called warp; there are: plain; batched"):
        runpy.run_path("scripts/measure.py", run_name="__main__")


@pytest.mark.gpu
@pytest.mark.slow  # compiles a whole network six times
def test_every_form_runs_on_a_card():
    speeds = run_benchmark(TINY, torch.device("cuda"))
    assert not [speed.failed for speed in speeds if speed.failed]
