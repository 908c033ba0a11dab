"""The synthetic source: contract, memory, and training on it through the ordinary dataset."""

import pickle

import numpy as np
import pytest

from stdnet_arch.data.lq.degradation import dtof_peak
from stdnet_arch.data.rgbd_video_dataset import RGBDVideoDataset
from stdnet_arch.data.rgbd_video_test_dataset import RGBDVideoTestDataset
from stdnet_arch.data.sources.source import build_source

OPTIONS = {"num_clips": 3, "num_frame": 5, "size": [32, 48], "seed": 7}


@pytest.fixture(scope="module")
def source():
    return build_source("Synthetic", "", OPTIONS)


def test_clips_and_frames_have_the_asked_sizes(source):
    assert source.clips() == {"0000": 5, "0001": 5, "0002": 5}
    rgb, depth_m = source.guide("0002", 4), source.depth_m("0002", 4)
    assert rgb.shape == (32, 48, 3)
    assert rgb.dtype == np.uint8
    assert depth_m.shape == (32, 48)
    assert depth_m.dtype == np.float32
    assert (depth_m > 0).all()
    assert depth_m.max() < source.default_range_m
    assert source.lq_m("0002", 4, 4) is None


def test_frames_do_not_depend_on_the_order_or_the_process(source):
    other = pickle.loads(pickle.dumps(build_source("Synthetic", "", OPTIONS)))
    late, early = other.guide("0001", 3), other.guide("0001", 0)
    np.testing.assert_array_equal(source.guide("0001", 0), early)
    np.testing.assert_array_equal(source.guide("0001", 3), late)
    np.testing.assert_array_equal(source.depth_m("0001", 3), other.depth_m("0001", 3))


def test_another_seed_is_another_world(source):
    other = build_source("Synthetic", "", OPTIONS | {"seed": 8})
    assert np.abs(source.depth_m("0000", 0) - other.depth_m("0000", 0)).max() > 0.1


def test_frames_are_rendered_once_while_memory_lasts(source):
    assert source.depth_m("0000", 1) is source.depth_m("0000", 1)
    with pytest.raises(ValueError, match="read-only"):
        source.guide("0000", 1)[0] = 0
    small = build_source("Synthetic", "", OPTIONS | {"cache_mb": 0})
    first = small.depth_m("0000", 1)
    small.depth_m("0000", 2)
    again = small.depth_m("0000", 1)
    assert again is not first
    np.testing.assert_array_equal(again, first)


def test_static_points_reproject_with_intrinsics_and_poses(source):
    """Back-project depth, change cameras, project: the flow of everything that stands still."""
    fx, fy, cx, cy = source.intrinsics_px("0001")
    depth_m = source.depth_m("0001", 2).astype(np.float64)
    y, x = np.mgrid[:32, :48]
    points = np.stack(
        [(x - cx) / fx * depth_m, (y - cy) / fy * depth_m, depth_m, np.ones((32, 48))]
    )
    moved = np.linalg.inv(source.pose("0001", 3)) @ source.pose("0001", 2) @ points.reshape(4, -1)
    target = np.stack([fx * moved[0] / moved[2] + cx, fy * moved[1] / moved[2] + cy])
    flow_px, seen = source.flow_px("0001", 2)
    error_px = np.linalg.norm(target.reshape(2, 32, 48) - np.stack([x, y]) - flow_px, axis=0)
    assert 0.4 < (error_px < 1e-3).mean() < 0.999  # the rest moves by itself
    assert np.linalg.norm(flow_px, axis=0).mean() > 0.1
    assert seen.mean() > 0.7


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_clips": 0}, "at least 1, got 0 and 16"),
        ({"size": [64]}, r"\[H, W\].*\[64\]"),
        ({"size": [4, 64]}, r"at least 8, got \[4, 64\]"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
    ],
)
def test_wrong_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        build_source("Synthetic", "", options)


def test_unknown_clip_or_frame_is_named(source):
    with pytest.raises(FileNotFoundError, match="0000 to 0002; got '0003'"):
        source.depth_m("0003", 0)
    with pytest.raises(IndexError, match="'0000' below 5; got 5"):
        source.guide("0000", 5)


def test_training_dataset_takes_it_with_lq_from_the_sensor_rule():
    dataset = RGBDVideoDataset({
        "name": "train", "phase": "train", "scale": 4, "source": "Synthetic", "source_opt": OPTIONS,
        "num_frame": 3, "gt_size": 16,
    })  # fmt: skip
    item = dataset[0]
    assert item["lq"].shape == (3, 1, 4, 4)
    assert item["guide"].shape == (3, 3, 16, 16)
    assert item["valid"].all()
    assert float(item["depth_range_m"]) == 12


def test_test_dataset_gives_whole_clips(source):
    dataset = RGBDVideoTestDataset({
        "name": "val", "phase": "val", "scale": 8, "source": "Synthetic", "source_opt": OPTIONS,
        "clips": ["0001"],
    })  # fmt: skip
    assert len(dataset) == 1
    item = dataset[0]
    lq_m = item["lq"][:, 0].numpy() * 12
    stack = [np.stack([f("0001", i) for i in range(5)]) for f in (source.depth_m, source.guide)]
    np.testing.assert_allclose(lq_m, dtof_peak(*stack, 8), atol=1e-5)
    np.testing.assert_allclose(item["gt"][:, 0].numpy() * 12, stack[0], atol=1e-5)


def test_bilinear_is_clearly_wrong_at_edges(source):
    """The task is worth learning: RMSE of plain interpolation is many quantisation steps."""
    import torch
    import torch.nn.functional as F

    depth_m = np.stack([source.depth_m(clip, 0) for clip in source.clips()])
    rgb = np.stack([source.guide(clip, 0) for clip in source.clips()])
    lq_m = torch.from_numpy(dtof_peak(depth_m, rgb, 4))[:, None]
    up_m = F.interpolate(lq_m, scale_factor=4, mode="bilinear").numpy()[:, 0]
    assert np.sqrt(((up_m - depth_m) ** 2).mean()) > 0.2


def test_the_right_view_is_the_left_one_shifted_by_disparity():
    left, right = (
        build_source("Synthetic", "", {**OPTIONS, "view": view, "baseline_m": 0.2})
        for view in ("left", "right")
    )
    fx = left.intrinsics_px("0001")[0]
    depth, other = left.depth_m("0001", 2), right.depth_m("0001", 2)
    y, x = np.mgrid[:32, :48]
    column = np.rint(x - fx * 0.2 / depth).astype(int)  # rows stay: the views are rectified
    inside = (column >= 0) & (column < 48)
    error = np.abs(other[y[inside], column[inside]] - depth[inside]) / depth[inside]
    assert np.median(error) < 0.01
    assert np.median(np.abs(other - depth) / depth) > np.median(error)


def test_the_right_camera_stands_beside_the_left_one():
    poses = [
        build_source("Synthetic", "", {**OPTIONS, "view": view}).pose("0000", 3)
        for view in ("left", "right")
    ]
    move = np.linalg.inv(poses[0]) @ poses[1]
    np.testing.assert_allclose(move[:3, 3], [0.12, 0, 0], atol=1e-12)
    np.testing.assert_allclose(move[:3, :3], np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"view": "top"}, "view must be left or right; got 'top'"),
        ({"baseline_m": 0.6}, r"baseline_m must be in \(0, 0.5\].*got 0.6"),
    ],
)
def test_views_that_there_are_not_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build_source("Synthetic", "", OPTIONS | options)
