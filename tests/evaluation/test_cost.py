"""What competitors cost: each figure against one that was come by otherwise."""

import json
import math
import time

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.evaluation import cost as cost_module
from stdnet_arch.evaluation.cost import (
    Cost,
    Setting,
    cost_table,
    measure,
    measure_all,
    read_size,
    time_runs,
    write_costs,
)

EDSR = {
    "type": "ToolboxVSR",
    "scale": 4,
    "arch": "EDSR",
    "options": {"num_feat": 4, "num_block": 1},
}
NETWORK = {"type": "Network", "network": EDSR, "scale": 4, "depth_range_m": 9.0, "device": "cpu"}
SETTING = Setting((16, 24), frames=2, warmup=1, repeats=3)


@pytest.fixture
def fixed_memory(monkeypatch):
    """Memory is not measured, which takes a process of its own."""
    monkeypatch.setattr(cost_module, "peak_rss_mb", lambda options, frames, size: 12.5)


def test_a_networks_row_holds_what_it_is(fixed_memory):
    cost = measure("edsr", NETWORK, SETTING)
    net = build_network(EDSR)
    assert cost.parameters == sum(p.numel() for p in net.parameters())
    assert cost.gflop_per_frame > 2e-9 * 9 * 4 * 24 * (3 + 48)  # of the first convolution alone
    assert (cost.method, cost.scale, cost.device, cost.dtype) == ("edsr", 4, "cpu", "float32")
    assert (cost.peak_mb, cost.failed) == (12.5, "")


def test_a_rule_has_no_parameters_and_no_count(fixed_memory):
    cost = measure("bilinear", {"type": "Interpolated", "scale": 4}, SETTING)
    assert cost.parameters == 0
    assert math.isnan(cost.gflop_per_frame)
    assert cost.ms_per_frame > 0


def test_only_runs_after_the_warm_up_count(monkeypatch):
    clock = iter([0, 100, 100, 101, 101, 103])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    calls = []
    seconds = time_runs(lambda: calls.append(1), torch.device("cpu"), warmup=1, repeats=2)
    assert (seconds, len(calls)) == ([1, 2], 3)


def test_threads_are_those_asked_for_and_said(fixed_memory, monkeypatch):
    seen = []
    before = torch.get_num_threads()
    look = lambda *given: seen.append(torch.get_num_threads()) or [0.5]  # noqa: E731
    monkeypatch.setattr(cost_module, "time_runs", look)
    found = [measure("edsr", NETWORK, Setting((16, 24), threads=n)).device for n in (1, 2, None)]
    assert found == ["cpu, threads: 1", "cpu, threads: 2", "cpu"]
    assert seen == [1, 2, before]


def test_the_arithmetic_that_is_run_stands_beside_the_published(fixed_memory, monkeypatch):
    count = lambda net, size, published: 5e9 if published else 4e9  # noqa: E731
    monkeypatch.setattr(cost_module, "flops_per_frame", count)
    cost = measure("edsr", NETWORK, Setting((20, 24), frames=1, warmup=0, repeats=1))
    assert (cost.gflop_per_frame, cost.gflop_as_run) == (5, 4)
    assert cost.row()[6:8] == [5, 4]


def test_the_median_is_per_frame(fixed_memory, monkeypatch):
    monkeypatch.setattr(cost_module, "time_runs", lambda *given: [0.5, 0.004, 0.002])
    assert measure("edsr", NETWORK, SETTING).ms_per_frame == pytest.approx(2.0)


def test_one_that_fails_is_reported_and_the_others_are_measured(fixed_memory):
    broken = {**NETWORK, "network": {**EDSR, "arch": "ESRGAN"}}
    costs = list(measure_all({"broken": broken, "edsr": NETWORK}, [SETTING]))
    assert "ESRGAN" in costs[0].failed
    assert math.isnan(costs[0].ms_per_frame)
    assert costs[1].failed == ""


def test_sides_that_are_no_multiple_of_the_scale_are_reported(fixed_memory):
    (cost,) = measure_all({"edsr": NETWORK}, [Setting((18, 24))])
    assert "multiples of 4" in cost.failed


@pytest.mark.gpu
def test_memory_on_cuda_is_what_was_allocated():
    cost = measure("edsr", {**NETWORK, "device": "cuda"}, SETTING)
    assert cost.peak_mb > 0
    assert cost.device == "cuda"


def test_the_files_hold_all_rows_and_the_machine(tmp_path):
    known = {"parameters": 2_000_000, "ms_per_frame": 1.25, "peak_mb": 3.0}
    costs = [Cost("one", 4, (16, 24), "cpu", "float32", **known)]
    write_costs(tmp_path / "x4.cost", costs)
    written = json.loads((tmp_path / "x4.cost.json").read_text())
    assert written["costs"][0]["gflop_per_frame"] is None
    assert written["costs"][0]["ms_per_frame"] == 1.25
    assert written["machine"]["torch"] == torch.__version__
    assert "| one | 4 | 16x24 | cpu | float32 | 2.00 |" in (tmp_path / "x4.cost.md").read_text()
    assert cost_table(costs).rows[0][5] == 2.0


@pytest.mark.parametrize("text", ["480", "480x", "a x b", "1x2x3", "-4x8"])
def test_a_size_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="HEIGHTxWIDTH"):
        read_size(text)


def test_a_size_is_height_then_width():
    assert read_size("480x640") == (480, 640)


def test_a_setting_without_runs_is_refused():
    with pytest.raises(ValueError, match="repeats of at least 1"):
        Setting((16, 16), repeats=0)
