"""The source of layered scenes: contract, and exactness by its own cameras."""

import pickle

import numpy as np
import pytest

from stdnet_arch.data.rgbd_video_dataset import RGBDVideoDataset
from stdnet_arch.data.sources.source import build_source

OPTIONS = {"num_clips": 5, "num_frame": 6, "size": [40, 56], "seed": 3}


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """Small textures: those by formula take seconds to make."""
    path = tmp_path_factory.mktemp("photos") / "photos.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8))
    return OPTIONS | {"textures": str(path)}


@pytest.fixture(scope="module")
def source(options):
    return build_source("Layers", "", options)


def test_clips_and_frames_have_the_asked_sizes(source):
    assert source.clips() == dict.fromkeys([f"{k:06d}" for k in range(5)], 6)
    rgb, depth_m = source.guide("000002", 4), source.depth_m("000002", 4)
    assert rgb.shape == (40, 56, 3)
    assert rgb.dtype == np.uint8
    assert depth_m.shape == (40, 56)
    assert depth_m.dtype == np.float32
    assert depth_m.min() > 0
    assert depth_m.max() <= source.default_range_m
    assert source.lq_m("000002", 4, 4) is None


def test_frames_do_not_depend_on_the_order_or_the_process(source, options):
    other = pickle.loads(pickle.dumps(build_source("Layers", "", options)))
    late, early = other.guide("000001", 3), other.guide("000001", 0)
    np.testing.assert_array_equal(source.guide("000001", 0), early)
    np.testing.assert_array_equal(source.guide("000001", 3), late)
    np.testing.assert_array_equal(source.depth_m("000001", 3), other.depth_m("000001", 3))


def test_clips_and_seeds_differ(source, options):
    other = build_source("Layers", "", options | {"seed": 4})
    assert np.abs(source.depth_m("000000", 0) - other.depth_m("000000", 0)).max() > 0.05
    assert np.abs(source.depth_m("000000", 0) - source.depth_m("000001", 0)).max() > 0.05


@pytest.mark.parametrize("clip", ["000000", "000001", "000002", "000003", "000004"])
def test_points_that_stand_still_follow_poses_and_intrinsics(source, clip):
    """Back-project, change cameras, project: the usual flow of a clip is that of its camera."""
    fx, fy, cx, cy = source.intrinsics_px(clip)
    depth = source.depth_m(clip, 2).astype(np.float64)
    y, x = np.mgrid[:40, :56].astype(np.float64)
    points = np.stack([(x - cx) / fx * depth, (y - cy) / fy * depth, depth, np.ones_like(depth)])
    change = np.linalg.inv(source.pose(clip, 3)) @ source.pose(clip, 2)
    moved = np.einsum("ij,jyx->iyx", change, points)
    expected = np.stack([fx * moved[0] / moved[2] + cx - x, fy * moved[1] / moved[2] + cy - y])
    off = np.abs(source.flow_px(clip, 2)[0] - expected).max(axis=0)
    assert np.mean(off < 0.01) > 0.4  # the others move by themselves, or bulge


def test_flow_of_the_last_frame_leads_beyond_the_clip(source):
    flow, seen = source.flow_px("000001", 5)
    assert flow.shape == (2, 40, 56)
    assert np.isfinite(flow).all()
    assert seen.any()


def test_photographs_are_used(tmp_path):
    flat = np.full((3, 32, 32, 3), (250, 5, 5), np.uint8)
    np.save(tmp_path / "photos.npy", flat)
    red = build_source("Layers", "", OPTIONS | {"textures": str(tmp_path / "photos.npy")})
    colours = np.stack([red.guide(clip, 0).mean(axis=(0, 1)) for clip in red.clips()])
    assert (colours[:, 0] > 1.3 * colours[:, 1]).any()


def test_windows_of_training_come_from_it(options):
    section = {
        "name": "layers", "phase": "train", "scale": 4, "source": "Layers", "source_opt": options,
        "num_frame": 3, "gt_size": 32, "extras": ["flow_px"],
    }  # fmt: skip
    sample = RGBDVideoDataset(section)[0]
    assert sample["lq"].shape == (3, 1, 8, 8)
    assert sample["guide"].shape == (3, 3, 32, 32)
    assert sample["valid"].all()
    assert sample["flow_px"].isfinite().any()


@pytest.mark.parametrize(
    ("change", "match"),
    [({"num_clips": 0}, "at least 1"), ({"size": [4, 40]}, "at least 8"), ({"seed": -1}, "seed")],
)
def test_wrong_options_say_so(change, match):
    with pytest.raises(ValueError, match=match):
        build_source("Layers", "", OPTIONS | change)


def test_unknown_clips_and_frames_say_so(source):
    with pytest.raises(FileNotFoundError, match="000004"):
        source.guide("000005", 0)
    with pytest.raises(IndexError, match="below 6"):
        source.depth_m("000001", 6)


def test_textures_by_formula_are_the_seed_s():
    one, same, other = (
        build_source("Layers", "", OPTIONS | {"seed": seed}).guide("000000", 0)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).mean() > 0.5
