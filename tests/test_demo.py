"""The demo: its steps in order, the first failure ends it, and no argument is passed over."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def demo(monkeypatch):
    """A function that runs the demo with arguments; every step answers with the next exit code."""

    def run(codes, *arguments):
        steps, answers = [], iter(codes)

        def answer(command, **_options):
            steps.append(command[1:])
            return subprocess.CompletedProcess(command, next(answers))

        monkeypatch.setattr(subprocess, "run", answer)
        monkeypatch.setattr(sys, "argv", ["demo.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "scripts/demo.py"), run_name="__main__")
        return ended.value.code, steps

    return run


def test_the_first_failure_ends_it_with_its_exit_code(demo):
    code, steps = demo([0, 7])
    assert code == 7
    assert [step[1] for step in steps] == ["stdnet_arch.train", "stdnet_arch.test"]
    assert all((ROOT / step[-1]).is_file() for step in steps)


@pytest.mark.parametrize("word", ["tset", "--seed"])
def test_a_word_it_does_not_know_is_refused_before_anything_runs(demo, capsys, word):
    assert demo([], word) == (2, [])
    assert f"unrecognized arguments: {word}" in capsys.readouterr().err
