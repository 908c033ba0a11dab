"""The command that measures cost."""

import json
import runpy
import sys
from pathlib import Path

import pytest

import stdnet_arch.evaluation.cost as cost_module

ROOT = Path(__file__).parent.parent
EDSR = ROOT / "options/tiny/tiny_ToolboxVSR_EDSR.yml"


def run(monkeypatch, *arguments):
    monkeypatch.setattr(cost_module, "peak_rss_mb", lambda *given: 1.0)
    monkeypatch.setattr(sys, "argv", ["benchmark_cost.py", *map(str, arguments)])
    runpy.run_path(str(ROOT / "scripts/benchmark_cost.py"), run_name="__main__")


def test_networks_and_filters_share_a_table(monkeypatch, tmp_path, capsys):
    options = ["--sizes", "16x24", "--repeats", 1, "--frames", 1, "--device", "cpu"]
    run(monkeypatch, EDSR, "--classical", *options, "-o", tmp_path / "cost")
    rows = json.loads((tmp_path / "cost.json").read_text())["costs"]
    assert [row["method"] for row in rows][-2:] == [
        "FastGlobalSmoother",
        "tiny_ToolboxVSR_EDSR float32",
    ]
    assert not any(row["failed"] for row in rows)
    assert "FastGlobalSmoother" in capsys.readouterr().out


def test_a_wrong_size_is_told(monkeypatch):
    with pytest.raises(ValueError, match="HEIGHTxWIDTH.*'480'"):
        run(monkeypatch, EDSR, "--sizes", "480")
