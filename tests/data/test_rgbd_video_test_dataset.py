"""Whole clips for validation and test."""

import numpy as np
import pytest
import torch
from basicsr.data import build_dataloader, build_dataset
from fake_frames import coordinates, write_npy

RANGE_M = 100_000


@pytest.fixture
def make_set(make_clip, section):
    """A function that builds the dataset over one faked clip."""

    def make(frames=5, **changes):
        opt = section(make_clip(frames=frames), type="RGBDVideoTestDataset", phase="val", **changes)
        return build_dataset({k: v for k, v in opt.items() if k not in {"num_frame", "gt_size"}})

    return make


def test_an_item_is_the_whole_clip(make_set):
    item = make_set(frames=5)[0]
    gt_m = item["gt"][:, 0].double() * RANGE_M
    torch.testing.assert_close(gt_m.round(), torch.tensor(coordinates(5, 24, 32)).double())
    assert item["lq"].shape == (5, 1, 6, 8)
    assert item["guide"].shape == (5, 3, 24, 32)
    assert (item["clip"], item["frame"]) == ("clip", 0)
    assert item["valid"].all()


def test_nothing_is_random(make_set):
    dataset = make_set()
    one, two = dataset[0], dataset[0]
    assert all(torch.equal(one[name], two[name]) for name in ("lq", "guide", "gt", "valid"))


def test_the_toolboxs_loader_makes_a_batch_of_one(make_set):
    dataset = make_set(frames=3)
    batch = next(iter(build_dataloader(dataset, dataset.opt)))
    assert batch["lq"].shape == (1, 3, 1, 6, 8)
    assert batch["depth_range_m"].tolist() == [RANGE_M]
    assert batch["depth_range_m"].dtype == torch.float32
    assert (batch["clip"], batch["frame"].tolist()) == (["clip"], [0])


def test_spans_of_one_clip_have_names_of_their_own(make_set):
    dataset = make_set(frames=5, clips=["clip 0 2", "clip 2 5"])
    assert [dataset[i]["clip"] for i in range(2)] == ["clip_0000-0001", "clip_0002-0004"]
    assert [(dataset[i]["frame"], len(dataset[i]["lq"])) for i in range(2)] == [(0, 2), (2, 3)]


def test_one_span_keeps_the_clips_name(make_set):
    item = make_set(frames=5, clips=["clip 2 4"])[0]
    assert (item["clip"], item["frame"]) == ("clip", 2)


def test_every_third_frame_has_low_resolution_depth(make_set):
    item = make_set(frames=7, lq_every=3)[0]
    lq_m = item["lq"][:, 0].double() * RANGE_M
    expected = torch.tensor(coordinates(7, 24, 32)[::3, ::4, ::4]).double()
    torch.testing.assert_close(lq_m.round(), expected)
    assert (len(item["gt"]), len(item["guide"]), len(item["valid"])) == (7, 7, 7)


def test_a_clip_that_ends_without_low_resolution_depth_is_refused(make_set):
    words = r"lq_every 3 needs 1 plus a multiple of 3 frames.*; got 6 \(0..5\).*'clip 0 4'"
    with pytest.raises(ValueError, match=words):
        make_set(frames=6, lq_every=3)
    assert len(make_set(frames=6, lq_every=3, clips=["clip 0 4"])[0]["lq"]) == 2


def test_invalid_pixels_are_marked_and_zero(make_clip, section):
    root = make_clip(frames=1)
    depth_m = coordinates(1, 24, 32)[0]
    depth_m[2, 3:7] = [0, np.nan, np.inf, 2 * RANGE_M]
    write_npy(root / "depth" / "0000.npy", depth_m)
    opt = section(root, type="RGBDVideoTestDataset", phase="val")
    item = build_dataset({k: v for k, v in opt.items() if k not in {"num_frame", "gt_size"}})[0]
    assert (~item["valid"]).nonzero()[:, 2:].tolist() == [[2, x] for x in range(3, 7)]
    assert item["gt"][~item["valid"]].tolist() == [0] * 4
    assert all(item[name].isfinite().all() for name in ("lq", "gt", "guide"))


def test_a_center_crop_starts_on_the_lr_grid(make_set):
    item = make_set(frames=1, center_crop=[12, 8])[0]
    # 12 of 24 rows would start at row 6; the LR grid allows 4.
    assert item["gt"][0, 0, 0, 0].item() * RANGE_M == pytest.approx(1 + 4 * 100 + 12)
    assert item["gt"].shape == (1, 1, 12, 8)
    assert item["lq"].shape == (1, 1, 3, 2)
    assert item["lq"][0, 0, 0, 0] == item["gt"][0, 0, 0, 0]


def test_a_center_crop_larger_than_the_frame_is_refused(make_set):
    with pytest.raises(ValueError, match=r"at least center_crop \[24, 36\]; got 24x32"):
        make_set(center_crop=[24, 36])
