"""The benchmark compares like with like; how fast anything is, no test says."""

import numpy as np
import pytest
import torch
from fake_frames import coordinate_guide, coordinates, write_npy, write_rgb
from test_dydtof_source import CLIP

from stdnet_arch.data.rgbd_video_dataset import RGBDVideoDataset
from stdnet_arch.evaluation import loader_speed


@pytest.fixture
def root(tmp_path):
    """Eight frames in STDNet's layout, with x4 LR files."""
    depth, guide = coordinates(8, 40, 44) / 4000, coordinate_guide(8, 40, 44)
    for i in range(8):
        name = f"shot.{i:04d}"
        write_rgb(tmp_path / "DyDToF_HR_RGB" / CLIP / "color" / f"{name}.png", guide[i])
        write_npy(tmp_path / "DyDToF_HR_RGB" / CLIP / "depth" / f"{name}.npy", depth[i])
        write_npy(tmp_path / "DyDToF_LR/X4" / CLIP / "depth" / f"{name}.npy", depth[i, ::4, ::4])
    return str(tmp_path)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(loader_speed, "CROP", 40)


def test_the_plain_loader_gives_what_ours_gives(root, small):
    plain = loader_speed.PlainWindows(root, 8)[1]
    off = dict.fromkeys(("use_hflip", "use_vflip", "use_transpose"), False)
    ours = RGBDVideoDataset(loader_speed.train_section(root, beyond_range="keep", **off))[1]
    for name, tensor in plain.items():
        assert (tensor.shape, tensor.dtype) == (ours[name].shape, ours[name].dtype)
    frames = (plain["gt"] * 40 * 4000)[:, 0].round().long() // 10_000
    np.testing.assert_array_equal(frames.unique(), torch.arange(1, 8))


def test_every_loader_has_a_row_and_the_plain_one_is_the_measure(root, small):
    table = loader_speed.measure(root, samples=4, workers=1, rounds=1)
    assert len(table.rows) == 3 + len(loader_speed.LMDBS)
    assert table.rows[0][0] == "plain: whole frames"
    assert table.rows[0][2::2] == (1, 1, 1)
    assert all(value > 0 for row in table.rows for value in row[1:])


def test_memory_is_listed_by_epoch(root, small):
    table = loader_speed.measure_memory_of(root, samples=2, epochs=3)
    assert table.columns == ("own memory, MB", "before", "epoch 1", "epoch 2", "epoch 3")
    assert all(value > 0 for row in table.rows for value in row[1:])
