"""Several processes, stopped: one line, the exit code of a stopped command, no process left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from torch.distributed.elastic.multiprocessing.api import SignalException

import stdnet_arch
from stdnet_arch import launch

no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_torchruns_report_of_a_signal_becomes_the_exit_code_of_shells(monkeypatch, number, code):
    def stopped(_):
        raise SignalException("a report", sigval=number)

    monkeypatch.setattr(launch, "run_torchrun", stopped)
    assert launch.main() == code


@pytest.mark.parametrize("words", [["--nproc_per_node", "x", "y.py"], ["--nnodes", "x", "y.py"]])
def test_options_that_torchrun_refuses_are_one_line(monkeypatch, capsys, words):
    monkeypatch.setattr(sys, "argv", ["launch", *words])
    assert launch.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("error: torchrun cannot start this: ValueError: ")
    assert said.count("\n") == 1


def start(folder, *words):
    package = str(Path(stdnet_arch.__file__).parents[1])
    alone = {"PYTHONPATH": package, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "stdnet_arch.launch", "--standalone", "--nproc_per_node=2"]
    return subprocess.Popen(
        [*command, *words],
        cwd=folder,
        env={**os.environ, **alone},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def write_options(folder):
    options = yaml.safe_load(
        (Path(stdnet_arch.__file__).parents[1] / "options/tiny/tiny_STDNetT.yml").read_text()
    )
    base = Path(stdnet_arch.__file__).parents[1] / "options/base/tiny_depth.yml"
    options |= {"base": str(base), "name": "x"}
    options["train"] = {**options.get("train", {}), "total_iter": 100_000}
    options["logger"] = {"print_freq": 1, "save_checkpoint_freq": 1}
    (folder / "x.yml").write_text(yaml.safe_dump(options))


def start_training(folder):
    """Two processes that have written a first state."""
    write_options(folder)
    words = ["-m", "stdnet_arch.train", "-opt", "x.yml", "--launcher", "pytorch"]
    process = start(folder, *words)
    states = folder / "experiments/x/training_states"
    while process.poll() is None and not list(states.glob("*.state")):
        time.sleep(0.1)
    return process


def interrupted(folder, whole_group):
    """Exit code, what two processes say, and time [s] until all have ended, after a Ctrl-C."""
    folder.mkdir(exist_ok=True)
    process = start_training(folder)
    began = time.monotonic()
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=100)  # also waits for the workers, which hold the pipe
    return process.returncode, said, time.monotonic() - began


@pytest.mark.slow
@no_cuda
@pytest.mark.parametrize("whole_group", [True, False], ids=["as the terminal does", "kill -INT"])
def test_an_interrupt_of_two_processes_is_one_line_and_leaves_none(tmp_path, whole_group):
    code, said, _ = interrupted(tmp_path, whole_group)
    lines = [line for line in said.splitlines() if "stopped" in line]
    assert code == 130, said
    assert len(lines) == 1
    assert "--auto_resume continues from iteration" in lines[0]
    assert "Traceback" not in said
    assert "death signal" not in said  # a report of torchrun's


@pytest.mark.slow
@no_cuda
def test_two_processes_and_their_launcher_end_within_a_second(tmp_path):
    tries = (interrupted(tmp_path / str(i), True)[2] for i in range(3))
    assert any(seconds < 1 for seconds in tries)  # a busy machine may be late now and then


@pytest.mark.slow
@no_cuda
def test_workers_end_with_a_launcher_that_is_killed(tmp_path):
    process = start_training(tmp_path)
    process.kill()
    process.communicate(timeout=100)  # returns when nobody holds the pipe any more
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_failure_of_workers_keeps_its_exit_code_and_its_line(tmp_path):
    process = start(
        tmp_path, "-m", "stdnet_arch.train", "-opt", "none.yml", "--launcher", "pytorch"
    )
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "none.yml" in said
    assert "Traceback" not in said
