"""No option of ``infer`` may be dropped: each reaches the job, the network or the run."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from recording_parts import write_lines

from stdnet_arch.inference.jobs import command, default_weights, options
from stdnet_arch.inference.jobs.command import build_parser, main
from stdnet_arch.weights.choice import Choice

GIVEN = {
    "depth": "other", "rgb": "other", "output": "other", "mp4": "v.mp4", "rerun": "t.rrd",
    "gt": "gt",
    "depth_unit": "m", "invalid": "7", "max_depth": "3", "min_confidence": "1", "npz_key": "a",
    "pair": None, "pair_within": "0.1", "rotate_rgb": "90", "rotate_depth": "90",
    "depth_topic": "/d", "rgb_topic": "/c", "register": None, "exr_channel": "Z",
    "disparity": "500 0.1", "refine": "nth", "holes": "mark", "format": "npy", "fps": "12",
    "confidence": None,
    "error_map": None, "gt_unit": "m", "ply": None, "intrinsics": "1 2 3 4", "overwrite": None,
    "quiet": None, "weights": "w.pth", "sensor": "phone", "depth_step": "0.1", "scale": "8",
    "lq_origin": "first",
    "num_feat": "16", "depth_range": "5", "any_ratio": None, "device": "cuda:1",
    "precision": "bf16", "runtime": "openvino",
    "self_ensemble": None,
    "chunk": "2", "tile": "32", "tile_overlap": "4", "overlap": "2", "report_difference": "3",
}  # fmt: skip
"""Another value than the default for each option; None is a flag."""
OF_MANIFESTS = {"manifest", "shard"}
OF_EVERY_COMMAND = {"debug"}
"""They change what is said of a failure, and nothing else; see tests/utils/test_commands.py."""
ACTIONS = {action.dest: action for action in build_parser()._actions if action.dest != "help"}


@pytest.fixture
def outcome(tmp_path, monkeypatch):
    """A function that runs the command without a network, and returns what everything was given."""
    monkeypatch.chdir(tmp_path)
    for name in ("w.pth", "chosen.pth"):
        (tmp_path / name).touch()

    def run(*words):
        seen = []
        shipped = SimpleNamespace(path=Path("chosen.pth"), scale=4)

        def record(name, result=None):
            return lambda *given, **named: seen.append((name, given, named)) or result

        monkeypatch.setattr(options, "DepthSRPredictor", record("predictor"))
        monkeypatch.setattr(command, "run_job", record("job", 0))
        monkeypatch.setattr(command, "run_manifest", record("manifest", []))
        choice = Choice(shipped, "fits"), 4
        monkeypatch.setattr(default_weights, "choose_for", record("choice", choice))
        assert main([*words]) == 0
        return [(name, *map(str, given[:3]), str(named)) for name, given, named in seen]

    return run


def test_each_option_is_walked_over():
    assert ACTIONS.keys() == GIVEN.keys() | OF_MANIFESTS | OF_EVERY_COMMAND


@pytest.mark.parametrize("name", GIVEN)
def test_an_option_changes_what_is_done(outcome, name):
    plain = ["--depth", "depth", "--rgb", "rgb", "--output", "out"]
    value = [] if GIVEN[name] is None else GIVEN[name].split()
    spelled = ACTIONS[name].option_strings
    assert all(outcome(*plain, word, *value) != outcome(*plain) for word in spelled)


@pytest.mark.parametrize("words", [["--pair", "name"], ["--by-name"], ["--pair", "time"]])
def test_each_way_of_pairing_changes_what_is_done(outcome, words):
    plain = ["--depth", "depth", "--rgb", "rgb", "--output", "out"]
    assert outcome(*plain, *words) != outcome(*plain)


def test_a_manifest_and_its_shard_are_run(outcome, tmp_path):
    lines = [{"depth": f"d{i}", "rgb": "r", "output": f"o{i}"} for i in range(2)]
    write_lines(tmp_path / "list.jsonl", lines)
    words = ["--manifest", "list.jsonl", "-o", "out"]
    whole, half = outcome(*words), outcome(*words, "--shard", "1/2")
    assert [name for name, *_ in whole] == ["choice", "predictor", "manifest"]
    assert "out/o1" in whole[-1][1]
    assert whole[:2] == half[:2]
    assert whole[2] != half[2]
