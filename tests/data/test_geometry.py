"""Flow, poses and intrinsics of test clips: exact on synthetic rooms, absent where unknown."""

import numpy as np
import pytest
import torch
from basicsr.data import build_dataset

from stdnet_arch.data.geometry import GeometryReader
from stdnet_arch.data.sources.clip_list import ClipSpan
from stdnet_arch.data.synthetic.source import Synthetic
from stdnet_arch.ops.warp import camera_flow

ALL = ["flow_px", "intrinsics_px", "pose"]
ROOM = {"num_clips": 2, "num_frame": 4, "size": [24, 40], "seed": 3}


def rooms(**changes):
    return build_dataset({
        "name": "rooms", "type": "RGBDVideoTestDataset", "source": "Synthetic", "source_opt": ROOM,
        "scale": 4, "phase": "test", "extras": ALL, **changes,
    })  # fmt: skip


class HalfKnown:
    """A source whose second clip has no flow, and whose flow is for another size if so told."""

    default_range_m, wrong = 5.0, 0

    def depth_m(self, clip, i):
        return np.ones((3, 5), np.float32)

    def flow_px(self, clip, i):
        if clip == "without":
            return None
        flow = np.full((2, 3, 5 + self.wrong), i, np.float32)
        return flow, np.ones((3, 5 + self.wrong), bool)


def test_an_item_carries_what_the_source_knows():
    item, source = rooms()[1], Synthetic(**ROOM)
    assert item["flow_px"].shape == (3, 2, 24, 40)
    for i in range(3):
        np.testing.assert_array_equal(item["flow_px"][i], source.flow_px("0001", i)[0])
    assert item["intrinsics_px"].tolist() == list(source.intrinsics_px("0001"))
    np.testing.assert_array_equal(item["pose"][2], source.pose("0001", 2))
    assert item["flow_px"].dtype == torch.float32
    assert item["pose"].shape == (4, 4, 4)


def test_a_crop_moves_the_principal_point_and_nothing_else():
    whole, crop = rooms()[0], rooms(center_crop=[16, 24])[0]
    assert torch.equal(crop["flow_px"], whole["flow_px"][..., 4:20, 8:32])
    moved = whole["intrinsics_px"] - crop["intrinsics_px"]
    assert moved.tolist() == [0, 0, 8, 4]
    assert torch.equal(crop["pose"], whole["pose"])


@pytest.mark.parametrize("crop", [None, [16, 24]])
def test_poses_intrinsics_and_flow_agree_on_what_stands_still(crop):
    item = rooms(center_crop=crop)[0]
    move = torch.linalg.inv(item["pose"][1]) @ item["pose"][0]
    gt_m = item["gt"][:1].double() * item["depth_range_m"]
    away = (camera_flow(gt_m, item["intrinsics_px"], move)[0] - item["flow_px"][:1]).norm(dim=1)
    # Walls and half of the bodies stand still, to a hundredth of a pixel; something else moves.
    assert away.median() < 0.01
    assert away.max() > 0.05


def test_spans_start_at_their_own_frames():
    item = rooms(clips=["0001 2 4"])[0]
    np.testing.assert_array_equal(item["flow_px"][0], Synthetic(**ROOM).flow_px("0001", 2)[0])
    assert item["pose"].shape == (2, 4, 4)


def test_nothing_is_read_that_is_not_asked_for():
    item = rooms(extras=["pose"])[0]
    assert item.keys() & set(ALL) == {"pose"}
    assert not rooms(extras=[])[0].keys() & set(ALL)


def test_a_clip_without_flow_has_none():
    reader = GeometryReader(HalfKnown(), ["flow_px"])
    spans = [ClipSpan("without", 0, 3), ClipSpan("with", 1, 3)]
    reader.check(spans)
    box = slice(0, 3), slice(1, 5)
    assert reader.read(spans[0], box) == {}
    assert reader.read(spans[1], box)["flow_px"].shape == (1, 2, 3, 4)


def test_one_frame_has_no_flow():
    reader = GeometryReader(HalfKnown(), ["flow_px"])
    assert reader.read(ClipSpan("with", 1, 2), (slice(0, 3), slice(0, 5))) == {}


def test_flow_of_another_size_is_refused():
    source = HalfKnown()
    source.wrong = 1
    words = r"flow of depth of clip 'with', frame 0: expected \(2, 3, 5\); got \(2, 3, 6\)"
    with pytest.raises(ValueError, match=words):
        GeometryReader(source, ["flow_px"]).read(ClipSpan("with", 0, 2), (slice(3), slice(5)))


def test_what_no_clip_has_is_refused_when_the_dataset_is_made(make_clip, section):
    opt = section(make_clip(frames=2), type="RGBDVideoTestDataset", phase="val", extras=["pose"])
    opt = {k: v for k, v in opt.items() if k not in {"num_frame", "gt_size"}}
    with pytest.raises(ValueError, match="no listed clip of source Folder has pose; leave it out"):
        build_dataset(opt)


@pytest.mark.parametrize("extras", [["flow"], ["pose", "guide"]])
def test_an_unknown_extra_is_refused(extras):
    with pytest.raises(ValueError, match="extras must be a list of flow_px, intrinsics_px, pose"):
        rooms(extras=extras)
