"""The short form: a few faults of every kind in each area, always the same ones."""

import pytest

from .__main__ import DRIVERS, report, run
from .driver import Count, Trial
from .sandbox import CANARY
from .trial import run_forked

ROUNDS_S = {
    "inference": 9, "recordings": 22, "preparation": 5, "training": 6, "benchmark": 2,
    "stereodiff": 5, "tools": 9, "view": 6, "live": 4, "programs": 6,
}  # fmt: skip
"""Inputs of each area: one of each kind."""


@pytest.fixture(scope="module", params=DRIVERS, ids=lambda kind: kind.name)
def driver(request, tmp_path_factory):
    """A driver with whole inputs."""
    return request.param(tmp_path_factory.mktemp(request.param.name) / "box", seed=7)


def test_no_input_breaks_a_promise(driver):
    count = Count()
    for _, trial in zip(range(ROUNDS_S[driver.name]), driver.trials(), strict=False):
        count.add(trial.name, driver.try_one(trial))
    assert count.lost == []
    assert count.survived == ROUNDS_S[driver.name]


def test_a_killed_command_goes_on_to_the_same_result(driver):
    name, problems = driver.kill()
    assert problems == [], name


# The campaign itself must notice what it is there to notice.


def told(driver, run, prepare=lambda: None, **more):
    return driver.try_one(Trial("x", prepare, run, **more))


def _raise():
    raise KeyError("a bug")


def test_the_campaign_notices_a_traceback_a_bug_and_a_wrong_exit_code(driver):
    assert "a traceback" in told(driver, _raise)
    assert "told as a bug of ours" in told(driver, lambda: 70)
    assert "ended with 9" in told(driver, lambda: 9)
    assert "failed without a word" in told(driver, lambda: 1)
    assert "was not refused" in told(driver, lambda: 0, refused=True)


def test_the_campaign_notices_what_was_touched_and_that_code_ran(driver):
    victim = next(path for path in driver.whole if path.stat().st_size)
    name = victim.relative_to(driver.box.root)
    assert f"touched {name}" in told(driver, lambda: victim.write_bytes(b"x") and 0)
    assert f"touched {name}" in told(driver, lambda: victim.unlink())
    canary = driver.box.root / CANARY
    assert "code of the input ran" in told(driver, lambda: canary.touch())
    canary.unlink()


def test_the_campaign_notices_a_hang(driver):
    def hang():
        while True:
            pass

    assert "hung for 1 s" in run_forked(hang, driver.box.work, limit_s=1).problems


def test_the_campaign_notices_memory(driver):
    taken = run_forked(lambda: b"x" * 1_700_000_000 and 0, driver.box.work).problems
    assert any(problem.startswith("took ") for problem in taken)


def test_the_table_adds_up(capsys):
    good, bad = Count(), Count()
    good.add("a", [])
    bad.add("b", ["wrong"])
    assert report({"x": good, "y": bad}, {"x": good}, seed=3) == 1
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["all", "inputs", "2", "1", "1"] in rows
    assert ["all", "kills", "1", "1", "0"] in rows


def test_a_campaign_stops_in_time(driver):
    inputs, kills = run([driver], until=0.0, most=5)
    assert inputs[driver.name].tried == kills[driver.name].tried == 0
