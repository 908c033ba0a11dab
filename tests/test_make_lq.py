"""The command that writes LR files."""

import re
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from stdnet_arch.data.lq.degradation import dtof_peak

SCRIPT = Path(__file__).parents[1] / "scripts" / "make_lq.py"


@pytest.fixture
def make_lq(tmp_path, monkeypatch):
    """A function that runs the command on one frame of random depth and colour."""
    rng = np.random.default_rng(0)
    for name in ("rgb", "depth"):
        (tmp_path / "in" / name).mkdir(parents=True)
    np.save(tmp_path / "in/depth/7.npy", rng.uniform(1, 9, (16, 24)).astype(np.float32))
    cv2.imwrite(str(tmp_path / "in/rgb/7.png"), rng.integers(0, 256, (16, 24, 3), dtype=np.uint8))

    def run(*arguments, out="{clip}_x{scale}"):
        paths = ["--root", str(tmp_path / "in"), "--out", str(tmp_path / out)]
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *paths, *arguments])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        return tmp_path

    return run


def test_every_scale_is_written_by_the_published_rule(make_lq, capsys):
    root = make_lq("--scale", "4", "8")
    depth_m = np.load(root / "in/depth/7.npy")
    rgb = cv2.imread(str(root / "in/rgb/7.png"))[..., ::-1]
    for scale in (4, 8):
        np.testing.assert_array_equal(
            np.load(root / f"in_x{scale}/7.npy"), dtof_peak(depth_m, rgb, scale)
        )
    assert capsys.readouterr().out == f"wrote {root}/in_x4\nwrote {root}/in_x8\n"


def test_effects_are_applied(make_lq):
    root = make_lq("--lq", "area", "--sensor", "step_m=0.5", "holes=0.3")
    lq_m = np.load(root / "in_x4/7.npy")
    np.testing.assert_allclose(lq_m * 2, np.round(lq_m * 2))
    assert (lq_m == 0).any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sensor", "noise=1"], "error: .*expected only the keys .*noise_m.*; got noise"),
        (["--sensor", "noise_m"], "error: .*noise_m must be float or int; got None"),
        (["--source", "Kinect"], "error: source must be one of .*; got 'Kinect'"),
        (["--scale", "5"], "error: .*7.npy: expected sides that are multiples of scale 5"),
        (["--clips", "living"], "error: clip list entry 'living'"),
    ],
)
def test_a_mistake_is_one_line(make_lq, arguments, words, capsys):
    with pytest.raises(SystemExit):
        make_lq(*arguments)
    said = capsys.readouterr().err
    assert re.search(words, said)
    assert said.count("\n") == 1
