"""The RealSense path: a faked SDK everywhere, the real one where it is installed."""

import json

import fake_realsense
import numpy as np
import pytest
from fake_realsense import CODES, RGB
from realsense_bag import record

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.data.codecs.rgb_codec import read_rgb
from stdnet_arch.live.command import main


@pytest.fixture
def faked(monkeypatch):
    """A device of the faked SDK: four frames of depth and color."""
    fake_realsense.play(monkeypatch)


def live(weights, out, *camera):
    words = ["--camera", "realsense", *camera, "--weights", weights, "--device", "cpu"]
    return main([str(x) for x in (*words, "--screen", "none", "--record", out)])


def check_kept(out, codes, rgb, unit_m):
    """Each kept frame is one of the device's."""
    said = json.loads((out / "live.json").read_text())["frames"]
    paths = sorted((out / "recording/depth").iterdir())
    assert 0 < len(paths) == said["shown"] == said["captured"] - said["dropped"]
    for path in paths:
        kept = read_rgb(out / f"recording/rgb/{path.stem}.png")
        (place,) = [i for i in range(len(rgb)) if np.array_equal(kept, rgb[i])]
        np.testing.assert_allclose(read_depth(path), codes[place] * unit_m, rtol=1e-5)


def test_a_recording_is_played_as_if_it_were_live(tmp_path, faked, bilinear):
    (tmp_path / "x.bag").touch()
    assert live(bilinear, tmp_path / "kept", tmp_path / "x.bag") == 0
    check_kept(tmp_path / "kept", CODES, RGB, 0.00025)
    assert not fake_realsense.RUNNING
    camera = np.loadtxt(tmp_path / "kept/recording/intrinsics.txt")
    np.testing.assert_array_equal(camera, [20.5, 21.5, 12, 8])


def test_without_a_camera_that_is_said(tmp_path, faked, bilinear, monkeypatch, capsys):
    monkeypatch.setattr(fake_realsense, "FRAMES", [])
    assert live(bilinear, tmp_path / "kept") == 1
    assert "expected a RealSense camera; none is connected" in capsys.readouterr().err


def test_the_real_sdk_plays_a_bag_in_real_time(tmp_path, bilinear):
    rs = pytest.importorskip("pyrealsense2", reason="needs the extra realsense")
    codes, rgb = CODES.repeat(12, 1).repeat(12, 2), RGB.repeat(6, 1).repeat(6, 2)
    try:
        record(rs, tmp_path / "x.db3", codes, rgb)
    except RuntimeError as error:
        pytest.skip(f"no bag can be made here: {error}")
    assert live(bilinear, tmp_path / "kept", tmp_path / "x.db3") == 0
    check_kept(tmp_path / "kept", CODES.repeat(6, 1).repeat(6, 2), rgb, 1e-3)
