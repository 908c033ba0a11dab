"""Saved predictions are found, decoded and drawn."""

import numpy as np
import pytest
import torch

from stdnet_arch.data.codecs.depth_codec import encode_npy, encode_png16
from stdnet_arch.visual import saved
from stdnet_arch.visual.saved import draw_saved_clip, draw_saved_slices, load_predictions


def save(folder, name, data):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def test_both_formats_become_metres(tmp_path):
    depth_m = np.float32([[1.25, 0.0, 3.5], [2.0, 4.125, 0.5]])
    save(tmp_path, "000007.npy", encode_npy(depth_m))
    save(tmp_path, "000008_best.png", encode_png16((1000 * depth_m).astype(np.uint16)))
    loaded = load_predictions(tmp_path, range(7, 9))
    np.testing.assert_allclose(loaded, [depth_m, depth_m], atol=1e-6)


def test_missing_frames_are_named(tmp_path):
    save(tmp_path, "000003.npy", encode_npy(np.ones((2, 3), np.float32)))
    with pytest.raises(FileNotFoundError, match=r"predictions of frames \[2, 4\]"):
        load_predictions(tmp_path, range(2, 5))


@pytest.fixture
def item(tmp_path):
    """One item of the test dataset, its truth saved as the prediction."""
    t, h, w, scale = 2, 6, 8, 4
    made = {
        "lq": torch.rand(t, 1, h, w),
        "guide": torch.rand(t, 3, h * scale, w * scale),
        "gt": torch.rand(t, 1, h * scale, w * scale),
        "valid": torch.ones(t, 1, h * scale, w * scale, dtype=torch.bool),
        "depth_range_m": torch.tensor(10.0),
        "clip": "room/a",
        "frame": 5,
    }
    for i, frame in enumerate((10 * made["gt"][:, 0]).numpy()):
        save(tmp_path / "room/a/depth", f"{5 + i:06d}.npy", encode_npy(frame))
    return made


@pytest.mark.parametrize("draw", [draw_saved_clip, draw_saved_slices])
def test_a_clip_is_drawn(tmp_path, item, draw):
    picture = draw(item, tmp_path, "STDNet")
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.std() > 10  # a picture, not a blank sheet


def test_what_is_drawn_is_in_metres_and_has_its_frame_numbers(tmp_path, item, monkeypatch):
    drawn = {}
    monkeypatch.setattr(saved, "draw_strip", lambda *a, **k: drawn.update(k, strip=a))
    monkeypatch.setattr(saved, "draw_profile", lambda *a, **k: drawn.update(profile=a))
    draw_saved_clip(item, tmp_path, "STDNet")
    draw_saved_slices(item, tmp_path, "STDNet")
    truth_m = 10 * item["gt"][:, 0].numpy()
    for shown in (drawn["strip"][2]["STDNet"], drawn["strip"][3], *drawn["profile"][1].values()):
        np.testing.assert_allclose(shown, truth_m, rtol=1e-6)
    assert drawn["first_frame"] == 5


def test_results_alone_have_four_columns_of_seven(tmp_path, item):
    whole = draw_saved_clip(item, tmp_path, "STDNet")
    results = draw_saved_clip(item, tmp_path, "STDNet", results_only=True)
    assert results.shape[0] == whole.shape[0]
    assert 0.5 * whole.shape[1] < results.shape[1] < 0.7 * whole.shape[1]
