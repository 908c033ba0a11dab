"""Ratios are those of forms in turn, whose results are compared, too; not how fast they are."""

import os

import pytest
import torch

from stdnet_arch.evaluation import alternating
from stdnet_arch.evaluation.alternating import (
    Alternatives,
    Ratio,
    measure_case,
    pinned,
    quartiles,
    ratio_table,
)
from stdnet_arch.evaluation.measuring import Elapsed


def test_forms_run_in_turn_and_the_first_round_does_not_count(monkeypatch):
    ran = []
    times = {"slow": iter([9, 4, 8, 12]), "fast": iter([9, 1, 4, 2])}

    def fake_time(run, device):
        name = run()
        ran.append(name)
        second = next(times[name])
        return Elapsed(2 * second, second)

    monkeypatch.setattr(alternating, "time_run", fake_time)
    case = Alternatives("one", 2, {"slow": lambda: "slow", "fast": lambda: "fast"}, {"fast": 1e-7})
    slow, fast = measure_case(case, 3)
    assert ran == ["fast", "slow", "slow", "fast"] * 2
    assert (slow.ms_per_frame, slow.cpu_ms_per_frame, slow.times) == (8000, 4000, 1)
    # 4 / 1, 8 / 4 and 12 / 2
    assert (fast.times, fast.cpu_times, fast.low, fast.high) == (4, 4, 3, 5)
    assert fast.difference == 1e-7


def test_quartiles_of_one_value_are_that_value():
    assert quartiles([3]) == (3.0, 3.0)


def test_the_table_has_frames_a_second():
    row = ratio_table([Ratio("a", "b", 20.0, 10.0, 2.0, 2.5, 2.0, 3.0, 1e-6)]).rows[0]
    assert row == ("a", "b", 20.0, 10.0, 50.0, 2.0, 2.5, 2.0, 3.0, "1.0e-06")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin")
def test_pinning_ends_with_the_block(monkeypatch):
    allowed, threads = os.sched_getaffinity(0), torch.get_num_threads()
    busy = {core: float(core == max(allowed)) for core in allowed}
    monkeypatch.setattr(alternating, "idle_shares", lambda: busy)
    with pinned(1) as cores:
        assert cores == [max(allowed)]  # the idle one
        assert os.sched_getaffinity(0) == {max(allowed)}
        assert torch.get_num_threads() == 1
    assert (os.sched_getaffinity(0), torch.get_num_threads()) == (allowed, threads)
