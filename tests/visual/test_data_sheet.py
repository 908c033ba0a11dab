"""The sheet of sources: what is taken, shown, and refused."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from stdnet_arch.data.sources.source import build_source
from stdnet_arch.visual.data_sheet import draw_sheet, parse_set, take_pictures

ROOMS = {"num_clips": 2, "num_frame": 3, "size": [24, 32]}
TEXT = 'rooms=Synthetic:{"num_clips": 2, "num_frame": 3, "size": [24, 32]}'


def test_a_set_is_a_name_a_source_a_root_and_options():
    one = parse_set('real=Folder@data/x:{"unit": "mm"}')
    assert (one.name, one.source, one.root, one.source_opt) == (
        "real", "Folder", "data/x", {"unit": "mm"}
    )  # fmt: skip


@pytest.mark.parametrize("text", ["Synthetic", "=Synthetic", "a=", 'a=B:{"c"'])
def test_other_forms_are_refused(text):
    with pytest.raises(ValueError, match="expected"):
        parse_set(text)


def test_pictures_are_spread_over_the_clips_and_cut_from_the_middle():
    taken = take_pictures(parse_set(TEXT), most=2, size=(16, 20))
    rooms = build_source("Synthetic", "", ROOMS)
    np.testing.assert_array_equal(taken[0][0], rooms.guide("0000", 0)[4:20, 6:26])
    np.testing.assert_array_equal(taken[1][1], rooms.depth_m("0001", 2)[4:20, 6:26])


def test_the_sheet_shows_colours_over_depth():
    taken = take_pictures(parse_set(TEXT), most=3)
    sheet = draw_sheet({"rooms": taken}, each=3, height=24)
    assert sheet.shape == (2 * 24 + 6, 40 + 3 * 32, 3)
    np.testing.assert_array_equal(sheet[:24, 40:72], taken[0][0])


def test_the_command_writes_sheet_and_table(tmp_path):
    script = Path(__file__).parents[2] / "scripts" / "data_sheet.py"
    command = [sys.executable, str(script), "-o", str(tmp_path / "out"), "--set", TEXT]
    done = subprocess.run(
        [*command, "--pictures", "2", "--show", "2"], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(tmp_path / "out.jpg")) is not None
    assert "| pictures | 2 |" in (tmp_path / "out.md").read_text()
