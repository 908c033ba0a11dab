"""Runs are measured in processes of their own, and say what was impossible."""

import pytest

from stdnet_arch.evaluation.run_cost import CostRun, measure_run, run_here

TINY = {"type": "STDNetT", "scale": 4}


@pytest.mark.parametrize("way", ["clip", "stream", "step"])
def test_every_way_costs_time(way):
    cost = run_here(CostRun(TINY, way, frames=3, size=(16, 24)))
    assert cost.seconds > 0
    assert cost.cpu_seconds > 0


def test_networks_without_differences_train_too():
    network = {"type": "ToolboxVSR", "arch": "EDSR", "scale": 4}
    network |= {"options": {"num_feat": 8, "num_block": 1}}
    assert run_here(CostRun(network, "step", frames=2, size=(16, 16), amp="bf16")).seconds > 0


def test_memory_is_that_of_the_run_alone():
    held = bytearray(300_000_000)  # of this process; the other one knows nothing of it
    cost = measure_run(CostRun({"type": "Interpolation", "scale": 4}, "clip", 2, (256, 320)))
    assert len(held) / 1e6 > cost.peak_mb >= 0


def test_a_run_that_fails_says_why():
    with pytest.raises(RuntimeError, match="could not be measured: .*scale must be a multiple"):
        measure_run(CostRun({"type": "STDNet", "scale": 6}, "clip", 2, (48, 48)))


@pytest.mark.parametrize(
    "wrong", [{"way": "fast"}, {"frames": 0}, {"batch": 2, "way": "stream"}, {"threads": 0}]
)
def test_impossible_runs_are_refused(wrong):
    with pytest.raises(ValueError, match="got"):
        CostRun(TINY, **wrong)
