"""The command that measures this machine, subject by subject."""

import json
import runpy
import sys
from pathlib import Path

import pytest

import stdnet_arch.evaluation.cost as cost_module
from stdnet_arch.data.lq.degradation import LQ_MODES, RANDOM_LQ_MODES

ROOT = Path(__file__).parent.parent
EDSR = ROOT / "options/tiny/tiny_ToolboxVSR_EDSR.yml"


def run(monkeypatch, *arguments):
    monkeypatch.setattr(cost_module, "peak_rss_mb", lambda *given: 1.0)
    monkeypatch.setattr(sys, "argv", ["measure.py", *map(str, arguments)])
    runpy.run_path(str(ROOT / "scripts/measure.py"), run_name="__main__")


def test_networks_and_filters_share_a_table(monkeypatch, tmp_path, capsys):
    options = ["--sizes", "16x24", "--repeats", 1, "--frames", 1, "--device", "cpu"]
    run(monkeypatch, "cost", EDSR, "--classical", *options, "-o", tmp_path / "cost")
    rows = json.loads((tmp_path / "cost.json").read_text())["costs"]
    assert [row["method"] for row in rows][-2:] == [
        "FastGlobalSmoother",
        "tiny_ToolboxVSR_EDSR float32",
    ]
    assert not any(row["failed"] for row in rows)
    assert "FastGlobalSmoother" in capsys.readouterr().out


def test_a_wrong_size_is_told(monkeypatch, capsys):
    with pytest.raises(SystemExit, match="1"):
        run(monkeypatch, "cost", EDSR, "--sizes", "480")
    assert "HEIGHTxWIDTH, such as 480x640; got '480'" in capsys.readouterr().err


def test_each_rule_of_low_resolution_depth_is_timed(monkeypatch, capsys):
    run(monkeypatch, "lq", "--size", 16, 32, "--scale", 4, "--repeats", 1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["rule", "depth", "x4", "[frames/s]"]
    rules = {line.split()[0] for line in lines[1:]} & {*LQ_MODES, *RANDOM_LQ_MODES}
    assert rules == {*LQ_MODES, *RANDOM_LQ_MODES}


def test_speeds_of_a_case_are_printed_and_written(monkeypatch, tmp_path, capsys):
    options = ["--only", "none", "--cases", "joint bilateral", "--stream_size", "16x24"]
    output = ["--rounds", 2, "--threads", 1, "--device", "cpu", "-o", tmp_path / "speed"]
    run(monkeypatch, "speed", *options, *output)
    written = (tmp_path / "speed_cases.md").read_text()
    assert "| joint bilateral | block by block |" in written
    assert "1 threads, 2 rounds in turn; load " in written
    assert written in capsys.readouterr().out


def test_an_unknown_case_is_told_with_those_there_are(monkeypatch, capsys):
    with pytest.raises(SystemExit, match="no case is called nothing; there are: joint bilateral;"):
        run(monkeypatch, "speed", "--cases", "nothing", "--device", "cpu")


def test_a_profile_names_parts_and_kinds(monkeypatch, capsys):
    run(monkeypatch, "profile", EDSR, "--size", "16x24", "--repeats", 1)
    head = capsys.readouterr().out.splitlines()[1]
    assert head.split()[:3] == ["part", "ms/frame", "convolutions"]


@pytest.mark.parametrize("subject", ["ops", "cost", "speed", "profile", "scaling", "loader", "lq"])
def test_each_subject_lists_its_options(monkeypatch, capsys, subject):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, subject, "--help")
    assert ended.value.code == 0
    assert f"measure.py {subject}" in capsys.readouterr().out
