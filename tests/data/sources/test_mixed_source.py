"""The mixture of sources: shares, names, and that its frames are those of its parts."""

import numpy as np
import pytest

from stdnet_arch.data.database.lmdb_job import LmdbJob
from stdnet_arch.data.database.lmdb_writer import create_lmdb
from stdnet_arch.data.rgbd_video_dataset import RGBDVideoDataset
from stdnet_arch.data.sources.mixed_source import repeats
from stdnet_arch.data.sources.source import build_source

ROOMS = {"num_clips": 2, "num_frame": 4, "size": [32, 40], "seed": 1}
LAYERS = {"num_clips": 3, "num_frame": 2, "size": [40, 48], "seed": 2}
PARTS = [
    {"source": "Synthetic", "source_opt": ROOMS, "weight": 1},
    {"source": "Layers", "source_opt": LAYERS, "weight": 3},
]


@pytest.fixture(scope="module")
def mixed():
    return build_source("Mixed", "", {"parts": PARTS})


@pytest.mark.parametrize(
    ("frames", "weights", "times"),
    [
        ([8, 6], [1, 1], [3, 4]),
        ([8, 24], [1, 3], [1, 1]),
        ([10, 10], [1, 2.5], [2, 5]),
        ([100, 1], [1, 1], [1, 100]),
    ],
)
def test_clips_are_listed_as_often_as_weights_demand(frames, weights, times):
    assert repeats(frames, weights) == times


def test_shares_of_frames_are_the_weights(mixed):
    clips = mixed.clips()
    counts = [sum(n for name, n in clips.items() if name.startswith(f"{k}/")) for k in (0, 1)]
    assert counts[1] / counts[0] == pytest.approx(3, rel=0.01)


def test_frames_are_those_of_the_parts(mixed):
    rooms, layers = build_source("Synthetic", "", ROOMS), build_source("Layers", "", LAYERS)
    np.testing.assert_array_equal(mixed.depth_m("0/0001", 3), rooms.depth_m("0001", 3))
    np.testing.assert_array_equal(mixed.guide("1/000002", 1), layers.guide("000002", 1))
    np.testing.assert_array_equal(mixed.guide("1/000002~2", 1), layers.guide("000002", 1))
    np.testing.assert_array_equal(mixed.flow_px("0/0000", 1)[0], rooms.flow_px("0000", 1)[0])
    np.testing.assert_array_equal(mixed.pose("1/000000", 1), layers.pose("000000", 1))
    assert mixed.intrinsics_px("1/000001") == layers.intrinsics_px("000001")
    assert mixed.lq_m("0/0001", 3, 4) is None
    assert mixed.default_range_m == layers.default_range_m


def test_a_clip_list_takes_pieces():
    part = PARTS[0] | {"clips": ["0001 1 2"]}
    mixed = build_source("Mixed", "", {"parts": [part]})
    rooms = build_source("Synthetic", "", ROOMS)
    (name,) = mixed.clips()
    np.testing.assert_array_equal(mixed.depth_m(name, 0), rooms.depth_m("0001", 1))
    with pytest.raises(IndexError, match="below"):
        mixed.depth_m(name, mixed.clips()[name])


def test_parts_may_be_lmdbs(tmp_path):
    job = LmdbJob(source="Synthetic", source_opt=ROOMS, clips=["0001 0 3"])
    create_lmdb(job, tmp_path / "rooms.lmdb", quiet=True)
    stored = {"source": "Synthetic", "dataroot": str(tmp_path / "rooms.lmdb"), "lmdb": True}
    mixed = build_source("Mixed", "", {"parts": [stored, PARTS[1]]})
    rooms = build_source("Synthetic", "", ROOMS)
    name = next(iter(mixed.clips()))
    expected = rooms.depth_m("0001", 0)
    np.testing.assert_array_equal(np.asarray(mixed.depth_m(name, 0)), expected)


def test_training_takes_windows_of_all_parts(mixed):
    section = {
        "name": "mixed", "phase": "train", "scale": 4, "source": "Mixed",
        "source_opt": {"parts": PARTS}, "num_frame": 2, "gt_size": 32, "extras": ["flow_px"],
    }  # fmt: skip
    dataset = RGBDVideoDataset(section)
    clips = {dataset[i]["clip"].split("/")[0] for i in (0, len(dataset) - 1)}
    assert clips == {"0", "1"}
    assert len(dataset) == sum(n - 1 for n in mixed.clips().values())


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ([], "at least one part"),
        ([{"source_opt": {}}], "expected the key source"),
        ([PARTS[0] | {"weight": 0}], "must be positive"),
        ([PARTS[0] | {"share": 1}], "share"),
    ],
)
def test_wrong_parts_say_so(parts, match):
    with pytest.raises(ValueError, match=match):
        build_source("Mixed", "", {"parts": parts})
