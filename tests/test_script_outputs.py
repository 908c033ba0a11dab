"""Scripts write whole files, to places that are theirs, and end in one line."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from stdnet_arch.data.synthetic.recording import write_synthetic_recording
from stdnet_arch.utils.commands import run_script
from stdnet_arch.utils.input_errors import InputError

SCRIPTS = Path(__file__).parents[1] / "scripts"
SET = 'x=Synthetic:{"size": [16, 24], "num_clips": 1, "num_frame": 1}'


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a script; returns its exit code and what it said to stderr."""

    def run_it(name, *words):
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        try:
            code = run_script(runpy.run_path(str(SCRIPTS / name))["main"])
        except SystemExit as end:
            code = end.code
        return code, capsys.readouterr().err

    return run_it


def test_a_data_sheet_is_a_picture_and_a_page(run, tmp_path):
    assert run("data_sheet.py", "--set", SET, "--show", 1, "-o", tmp_path / "new/s")[0] == 0
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["s.jpg", "s.md"]
    assert cv2.imread(str(tmp_path / "new/s.jpg")).shape[0] == 246
    assert (tmp_path / "new/s.md").read_text().count("x") >= 1


@pytest.mark.parametrize("name", ["s.jpg", "s.md"])
def test_a_data_sheet_replaces_no_link(run, tmp_path, name):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / name).symlink_to("mine")
    code, said = run("data_sheet.py", "--set", SET, "-o", tmp_path / "s")
    assert (code, said.count("\n")) == (1, 1)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_data_sheet_does_not_lie_in_what_it_shows(run, tmp_path):
    code, said = run("data_sheet.py", "--set", f"x=Folder@{tmp_path}", "-o", tmp_path / "s")
    assert code == 1
    assert "must not replace or lie in the input" in said


def test_worlds_that_are_none_end_in_one_line(run, tmp_path):
    (tmp_path / "clone").mkdir()
    code, said = run("pack_worlds.py", "--root", tmp_path / "clone", "--out", tmp_path / "out")
    assert (code, said.count("\n")) == (1, 1)
    assert "expected worlds/*.world" in said


def test_packs_do_not_go_into_a_clone(run, tmp_path):
    code, said = run("pack_worlds.py", "--root", tmp_path, "--out", tmp_path / "out")
    assert code == 1
    assert "overlap" in said


@pytest.mark.parametrize("key", ["name", "section"])
def test_names_of_options_do_not_lead_pictures_out_of_the_results(run, tmp_path, key, monkeypatch):
    monkeypatch.chdir(tmp_path)
    section = {"name": "../../x" if key == "section" else "x", "type": "RGBDVideoTestDataset"}
    name = "../x" if key == "name" else "x"
    options = {"name": name, "scale": 4, "network_g": {"type": "x"}, "datasets": {"t": section}}
    (tmp_path / "x.yml").write_text(json.dumps(options))
    code, said = run("visualize.py", "-opt", tmp_path / "x.yml")
    assert code == 1
    assert "must stay in its folder" in said


def test_a_synthetic_clip_is_not_written_over_a_recording(tmp_path):
    (tmp_path / "rgb").mkdir()
    np.save(tmp_path / "rgb/000000.npy", np.zeros(3))
    with pytest.raises(InputError, match="expected a new or empty folder"):
        write_synthetic_recording(tmp_path, 1, (16, 16), 4)
