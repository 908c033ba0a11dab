"""The script that ships weights: a training checkpoint becomes a file and a card."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
import yaml
from basicsr.archs import build_network

from stdnet_arch.weights.publishing import CARDS
from stdnet_arch.weights.shipped import find

SCRIPT = Path(__file__).parent.parent / "scripts/ship_weights.py"
NETWORK_G = {"type": "DFlowDepth", "scale": 4, "num_feat": 8}


@pytest.fixture
def ship(tmp_path, monkeypatch):
    """A function that runs the script on a tiny training; weights and page go to ``shipped``."""
    net = build_network(dict(NETWORK_G))
    torch.save({"params_ema": net.state_dict()}, tmp_path / "net_g.pth")
    (tmp_path / "train.yml").write_text(yaml.safe_dump({"network_g": NETWORK_G}))
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "README.md").write_text(f"head\n{CARDS[0]}\n{CARDS[1]}\n")

    def run(*arguments):
        files = ["--input", tmp_path / "net_g.pth", "--options", tmp_path / "train.yml"]
        everything = [*arguments, *files, "--out", shipped]
        monkeypatch.setattr(sys, "argv", ["ship_weights.py", *map(str, everything)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        return ended.value.code

    return run


def test_a_checkpoint_becomes_a_file_and_a_card(ship, tmp_path):
    facts = ["--lq", "area", "--sensors", "clean", "--command", "train it", "--commit", "0" * 40]
    assert ship("new_x4", *facts) == 0
    written = find("new_x4", tmp_path / "shipped")
    assert written.about["network_g"] == NETWORK_G
    assert (written.rules, written.sensors) == (("area",), ("clean",))
    assert "### new_x4" in (tmp_path / "shipped/README.md").read_text()


def test_what_is_missing_is_named(ship, capsys):
    assert ship("new_x4") == 2
    assert "lq, command" in capsys.readouterr().err


def test_a_folder_without_cards_gets_the_file_alone(ship, tmp_path):
    (tmp_path / "shipped/README.md").unlink()
    assert ship("own_x4", "--lq", "area", "--command", "train it", "--commit", "0" * 40) == 0
    assert [path.name for path in (tmp_path / "shipped").iterdir()] == ["own_x4.safetensors"]
    assert ship("--cards") == 1
