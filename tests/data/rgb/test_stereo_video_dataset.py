"""Stereo clips: both views at the same place and time, and flips that keep them a pair."""

import numpy as np
import pytest
import torch
from fake_frames import coordinate_guide, write_npy, write_rgb

from stdnet_arch.data.rgb.stereo_video_dataset import StereoVideoDataset
from stdnet_arch.data.sources.source import build_source

SCENE = {"size": [24, 32], "num_clips": 2, "num_frame": 4, "seed": 3}
STILL = dict.fromkeys(("use_hflip", "use_vflip", "use_reverse"), False)


def dataset(**options):
    opt = {"name": "d", "source": "Synthetic", "source_opt": SCENE, "scale": 4}
    return StereoVideoDataset({**opt, **options})


def write_stereo(root, frames=3, right_frames=3):
    """Views whose red and green say column and row, whose blue says time; right ones plus 100."""
    for view, count, offset in (("left", frames, 0), ("right", right_frames, 100)):
        guide = coordinate_guide(frames, 16, 24) + np.uint8(offset)
        folder = root / "HR_RGB/office/P000"
        for i in range(count):
            write_rgb(folder / f"image_{view}" / f"{i:06d}_{view}.png", guide[i])
            write_npy(
                folder / f"depth_{view}" / f"{i:06d}_{view}_depth.npy", np.ones((16, 24), "f4")
            )
    return {"source": "TarTanAir", "source_opt": {}, "dataroot": str(root)}


def test_a_whole_clip_is_left_and_right_of_the_source():
    item = dataset(clips=["0001 1 4"])[0]
    views = [build_source("Synthetic", "", {**SCENE, "view": view}) for view in ("left", "right")]
    frames = [np.stack([view.guide("0001", i) for i in (1, 2, 3)]) for view in views]
    expected = torch.from_numpy(np.concatenate(frames, 3)).permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(item["gt"], expected, rtol=0, atol=1e-6)
    assert item["lq"].shape == (3, 6, 6, 8)
    assert (item["clip"], item["frame"]) == ("0001", 1)
    assert (item["gt"][:, :3] != item["gt"][:, 3:]).any()


def test_a_crop_is_at_the_same_place_in_both_views(tmp_path):
    data = dataset(**write_stereo(tmp_path), num_frame=2, gt_size=8, **STILL)
    gt = (data[1]["gt"] * 255).round()
    assert torch.equal(gt[:, 3:], gt[:, :3] + 100)
    assert gt[:, 2].unique().tolist() == [1, 2]  # frames 1 and 2


def test_a_mirrored_pair_is_a_pair(tmp_path, monkeypatch):
    flips = {**STILL, "use_hflip": True}
    data = dataset(**write_stereo(tmp_path), num_frame=1, gt_size=16, **flips)
    monkeypatch.setattr("stdnet_arch.data.rgb.stereo_video_dataset.draw_below", lambda _: 1)
    left, right = (data[0]["gt"] * 255).round().split(3, dim=1)
    # The right view is now on the left, and columns run backwards.
    assert torch.equal(left, right + 100)
    assert (left[0, 1].diff(dim=-1) == -1).all()


@pytest.mark.parametrize(("key", "channel", "dim"), [("use_vflip", 0, 2), ("use_reverse", 2, 0)])
def test_other_changes_leave_views_in_place(tmp_path, monkeypatch, key, channel, dim):
    data = dataset(**write_stereo(tmp_path), num_frame=3, gt_size=16, **{**STILL, key: True})
    monkeypatch.setattr("stdnet_arch.data.rgb.stereo_video_dataset.draw_below", lambda _: 1)
    left, right = (data[0]["gt"] * 255).round().split(3, dim=1)
    assert torch.equal(right, left + 100)
    assert (left[:, channel : channel + 1].diff(dim=dim) == -1).all()


def test_views_of_different_lengths_are_refused(tmp_path):
    options = write_stereo(tmp_path, right_frames=2)
    with pytest.raises(ValueError, match="expected 3 frames of the right view.*got 2"):
        dataset(**options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_frame": 0}, ValueError, "num_frame must be at least 1, or null; got 0"),
        ({"num_frame": 5}, ValueError, "at least num_frame 5 frames; got 4"),
        ({"gt_size": 10}, ValueError, "gt_size must be a multiple of scale 4; got 10"),
        ({"use_transpose": True}, ValueError, "expected only the keys.*got use_transpose"),
        ({"source": "DyDToF", "source_opt": {}}, TypeError, "does not take source_opt.*view"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        dataset(**options)


def test_a_crop_must_fit_into_both_views():
    with pytest.raises(ValueError, match="at least gt_size 64; got 24x32"):
        dataset(num_frame=2, gt_size=64)[0]
