"""All stages from files to files: their folders, going on, and what changes them."""

import json

import numpy as np
import pytest
from recording_parts import write_recording, write_weights

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.stereodiff.job import run_stereodiff
from stdnet_arch.stereodiff.options import read_options


class Affine:
    """Gives disparity back times 3 plus 0.5, and counts windows."""

    def __init__(self, fail_at=None):
        self.windows, self.fail_at = 0, fail_at

    def refine(self, disparity, rgb, seed):
        if self.windows == self.fail_at:
            raise KeyboardInterrupt
        self.windows += 1
        return 3 * disparity + 0.5


@pytest.fixture
def clip(tmp_path):
    depth_m, _ = write_recording(tmp_path, frames=9, height=16, width=16)
    (tmp_path / "svd").mkdir()
    return tmp_path, depth_m


def options(folder, **more):
    values = {
        "rgb": folder / "rgb",
        "depth": folder / "depth",
        "output": folder / "out",
        "matcher": {"type": "SensorDepth"},
        "diffusion": {"folder": folder / "svd", "window": 5, "overlap": 2, "longest_px": 64},
        "format": "npy",
        "quiet": True,
    }
    return read_options({**values, **more})


def read(folder):
    return np.stack([read_depth(path) for path in sorted(folder.glob("*.npy"))])


def test_a_line_in_disparity_is_undone_by_the_alignment(clip):
    folder, depth_m = clip
    run_stereodiff(options(folder), Affine())
    got = read(folder / "out/depth")
    assert got.shape == depth_m.shape
    # The nearest and farthest 0.5 % are the limits of what the network sees.
    inner = (depth_m > np.quantile(depth_m, 0.1)) & (depth_m < np.quantile(depth_m, 0.9))
    assert np.median(np.abs(got - depth_m)[inner] / depth_m[inner]) < 0.03
    np.testing.assert_allclose(read(folder / "out/stereo"), depth_m)


def test_a_stopped_run_goes_on_to_the_same_files(clip):
    folder, _ = clip
    run_stereodiff(options(folder, output=folder / "whole"), Affine())
    with pytest.raises(KeyboardInterrupt):
        run_stereodiff(options(folder), Affine(fail_at=1))
    left = len(list((folder / "out/diffusion").glob("*.npy")))
    assert 0 < left < 9
    run_stereodiff(options(folder), Affine())
    for path in (folder / "whole").rglob("*.npy"):
        other = folder / "out" / path.relative_to(folder / "whole")
        assert other.read_bytes() == path.read_bytes()


def test_what_is_done_is_not_done_again(clip):
    folder, _ = clip
    run_stereodiff(options(folder), Affine())
    again = Affine()
    run_stereodiff(options(folder), again)
    assert again.windows == 0


def test_other_settings_are_refused_or_replace_what_is_there(clip):
    folder, _ = clip
    run_stereodiff(options(folder), Affine())
    other = {"matcher": {"type": "SensorDepth", "max_m": 3.0}}
    with pytest.raises(ValueError, match=r"matcher was .*choose another output, or --overwrite"):
        run_stereodiff(options(folder, **other), Affine())
    run_stereodiff(options(folder, **other, overwrite=True), Affine())
    assert (read(folder / "out/stereo") == 0).any()


def test_the_network_on_top_and_errors_of_every_stage(clip):
    folder, depth_m = clip
    for i, frame in enumerate(depth_m):
        (folder / "gt").mkdir(exist_ok=True)
        np.save(folder / f"gt/{i:04d}.npy", np.kron(frame, np.ones((4, 4), np.float32)))
    weights = write_weights(folder / "w.pth")
    more = {"diffusion": None, "gt": folder / "gt"}
    top = {"super_resolution": {"weights": weights, "device": "cpu"}}
    scores = run_stereodiff(options(folder, **more, **top))
    assert scores["stereo"]["absrel"] == scores["depth"]["absrel"] == pytest.approx(0, abs=1e-6)
    assert 0 < scores["super"]["absrel"] < 0.05
    assert read(folder / "out/super").shape == (9, 64, 64)
    assert json.loads((folder / "out/scores.json").read_text()).keys() == scores.keys()


def test_new_depth_makes_the_network_run_again(clip):
    folder, _ = clip
    weights = write_weights(folder / "w.pth")
    top = {"diffusion": None, "super_resolution": {"weights": weights, "device": "cpu"}}
    run_stereodiff(options(folder, **top))
    before = read(folder / "out/super")
    other = {"matcher": {"type": "SensorDepth", "max_m": 2.0}, "overwrite": True}
    run_stereodiff(options(folder, **top, **other))
    assert not np.array_equal(read(folder / "out/super"), before)


def test_frames_without_depth_take_a_neighbours_in_stage_2(clip):
    folder, depth_m = clip
    for path in sorted((folder / "depth").iterdir()):
        path.unlink()
    (folder / "depth").rmdir()
    depth_m[[0, 4]] = 0
    np.save(folder / "depth.npy", depth_m)
    run_stereodiff(options(folder, depth=folder / "depth.npy"), Affine())
    raw = read(folder / "out/diffusion")
    np.testing.assert_allclose(raw[0], raw[1], atol=1e-5)
    np.testing.assert_allclose(raw[4], raw[3], atol=1e-5)


def test_a_folder_without_weights_is_told_before_anything_is_made(clip):
    folder, _ = clip
    with pytest.raises(FileNotFoundError, match=r"svd/unet/config\.json"):
        run_stereodiff(options(folder))
    assert not (folder / "out").exists()


def test_weights_that_turn_depth_over_are_told(clip, caplog):
    folder, _ = clip

    class Upside:
        def refine(self, disparity, rgb, seed):
            return -disparity

    run_stereodiff(options(folder), Upside())
    assert "does not rise with stage 1's" in caplog.text
