"""The manifest on a cluster: here, one that is a loop, and one of two Ray workers."""

import json
import runpy
import sys
from pathlib import Path

import pytest
from recording_parts import write_lines, write_recording
from test_job import contents

from stdnet_arch.inference.jobs.cluster import build_parser, run_cluster
from stdnet_arch.inference.jobs.command import main

SCRIPT = Path(__file__).parents[3] / "scripts/infer_ray.py"
CLIPS = ("a", "b")


@pytest.fixture
def recordings(tmp_path):
    """Two clips of 20 frames, and their list."""
    for name in CLIPS:
        write_recording(tmp_path / name, frames=20, height=2, width=3)
    items = [{"depth": f"{n}/depth", "rgb": f"{n}/rgb", "output": n} for n in CLIPS]
    write_lines(tmp_path / "list.jsonl", items)
    return tmp_path


def arguments(folder, weights, output):
    paths = ["--manifest", folder / "list.jsonl", "-o", folder / output, "--weights", weights]
    return [*map(str, paths), "--quiet", "--device", "cpu"]


def in_a_loop(items, runner, arguments, workers, gpus):
    run = runner(*arguments)
    return [run(item) for item in reversed(items)]


def run(folder, weights, mapper=in_a_loop):
    args = [*arguments(folder, weights, "out"), "--piece", "7"]
    return run_cluster(build_parser("").parse_args(args), mapper)


def assert_same(folder, weights):
    assert main(arguments(folder, weights, "whole")) == 0
    for name in CLIPS:
        assert contents(folder / "out" / name) == contents(folder / "whole" / name)
        assert (folder / "out" / name / "done.json").is_file()


def test_pieces_give_what_the_command_gives(recordings, stdnet_weights):
    assert run(recordings, stdnet_weights) == 0
    assert_same(recordings, stdnet_weights)
    assert run(recordings, stdnet_weights, lambda *_: pytest.fail("it is done")) == 0


def test_failures_are_listed_and_the_rest_is_done(recordings, stdnet_weights):
    broken = recordings / "b/rgb/c_0011.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-20])
    assert run(recordings, stdnet_weights) == 1
    lines = [json.loads(x) for x in (recordings / "out/failed.jsonl").read_text().splitlines()]
    assert "c_0011.png: expected a whole image" in lines[0]["error"]
    assert "expected 20 frames" in lines[-1]["error"]
    assert (recordings / "out/a/done.json").is_file()
    broken.write_bytes(whole)
    assert run(recordings, stdnet_weights) == 0
    assert not (recordings / "out/failed.jsonl").exists()
    assert_same(recordings, stdnet_weights)


def test_what_cannot_work_is_one_message(recordings, capsys):
    assert run(recordings, recordings / "gone.pth") == 1
    assert "error: expected a checkpoint, found no file" in capsys.readouterr().err


@pytest.mark.slow
def test_two_ray_workers_give_what_one_machine_gives(recordings, stdnet_weights, monkeypatch):
    pytest.importorskip("ray")
    options = ["--piece", "7", "--workers", "2"]
    argv = [str(SCRIPT), *arguments(recordings, stdnet_weights, "out"), *options]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert exit_.value.code == 0
    assert_same(recordings, stdnet_weights)
