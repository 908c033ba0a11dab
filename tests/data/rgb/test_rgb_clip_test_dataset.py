"""Whole RGB clips of any length."""

import numpy as np
import pytest
import torch
from basicsr.data import build_dataloader, build_dataset
from fake_frames import coordinate_guide, write_rgb
from fake_septuplets import make_lmdb, misplaced

SIZES = {"calendar": (3, 24, 32), "walk": (5, 32, 24)}


@pytest.fixture
def root(tmp_path):
    """Two clips as Vid4 lies: ``GT/<clip>/00000000.png``, and LR likewise."""
    for clip, size in SIZES.items():
        for i, frame in enumerate(coordinate_guide(*size)):
            write_rgb(tmp_path / "GT" / clip / f"{i:08d}.png", frame)
            write_rgb(tmp_path / "BIx4" / clip / f"{i:08d}.png", frame[::4, ::4])
    return tmp_path


@pytest.fixture
def make_set(root):
    """A function that makes the dataset; a change of None removes a key."""

    def make(**changes):
        opt = {
            "name": "Vid4", "type": "RGBClipTestDataset", "phase": "test", "scale": 4,
            "dataroot_gt": str(root / "GT"), "dataroot_lq": str(root / "BIx4"), **changes,
        }  # fmt: skip
        return build_dataset({key: value for key, value in opt.items() if value is not None})

    return make


def test_an_item_is_the_whole_clip(make_set):
    dataset = make_set()
    assert [(len(item["gt"]), item["clip"], item["frame"]) for item in dataset] == [
        (3, "calendar", 0), (5, "walk", 0),
    ]  # fmt: skip
    item = dataset[1]
    assert item["lq"].shape == (5, 3, 8, 6)
    assert misplaced(item, 1) == 0
    assert item.keys() == {"lq", "gt", "clip", "frame"}


def test_the_toolboxs_loader_makes_a_batch_of_one(make_set):
    dataset = make_set()
    batch = next(iter(build_dataloader(dataset, dataset.opt)))
    assert (batch["lq"].shape, batch["clip"]) == ((1, 3, 3, 6, 8), ["calendar"])
    assert all(torch.equal(batch[key][0], dataset[0][key]) for key in ("lq", "gt"))


def test_spans_have_names_of_their_own(make_set):
    dataset = make_set(clips=["walk 0 2", "walk 2 5"])
    assert [item["clip"] for item in dataset] == ["walk_0000-0001", "walk_0002-0004"]
    assert [item["frame"] for item in dataset] == [0, 2]
    assert (dataset[1]["gt"][0, 2] * 255).round().unique().tolist() == [2]


def test_an_lmdb_of_the_toolbox_gives_the_same(make_set, root):
    for kind in ("GT", "BIx4"):
        make_lmdb(root / kind, root / f"{kind}.lmdb")
    roots = {"dataroot_gt": str(root / "GT.lmdb"), "dataroot_lq": str(root / "BIx4.lmdb")}
    disk, lmdb = make_set(), make_set(**roots, io_backend={"type": "lmdb"})
    assert len(disk) == len(lmdb) == 2
    assert all(torch.equal(disk[i][key], lmdb[i][key]) for i in (0, 1) for key in ("lq", "gt"))


def test_low_resolution_is_made_where_there_is_none(make_set):
    item = make_set(dataroot_lq=None)[0]
    assert item["lq"].shape == (3, 3, 6, 8)
    # A ramp stays one: the middle of columns 8..11 is 9.5, which rounds up.
    assert (item["lq"][0, 1, 3, 2] * 255).round() == 10


def test_frames_that_do_not_fit_are_refused_or_cut(make_set, root):
    for path in (root / "GT/calendar").iterdir():
        write_rgb(path, np.zeros((27, 33, 3), np.uint8))
    with pytest.raises(ValueError, match=r"multiples of scale 4; got 27x33 \(mod_crop"):
        make_set(clips=["calendar"])
    item = make_set(clips=["calendar"], mod_crop=True)[0]
    assert (item["gt"].shape, item["lq"].shape) == ((3, 3, 24, 32), (3, 3, 6, 8))


def test_a_missing_frame_is_refused(make_set, root):
    (root / "GT/walk/00000002.png").unlink()
    with pytest.raises(ValueError, match="missing frame: expected number 2"):
        make_set()


def test_clips_of_other_lengths_are_refused(make_set, root):
    (root / "BIx4/walk/00000004.png").unlink()
    with pytest.raises(ValueError, match="clip walk in .*BIx4: expected 5 frames; got 4"):
        make_set()


def test_a_clip_that_is_not_there_is_refused(make_set, root):
    with pytest.raises(FileNotFoundError, match="with a clip out of calendar, walk; got 'city'"):
        make_set(clips=["city"])
    (root / "BIx4/walk").rename(root / "elsewhere")
    with pytest.raises(
        FileNotFoundError, match="listed clips in .*BIx4; got 1 .* 1 of the 2 .*first walk"
    ):
        make_set()


def test_low_resolution_of_another_size_is_refused_at_once(make_set):
    with pytest.raises(ValueError, match=r"00000000.png: expected 12x16, .*; got 6x8"):
        make_set(scale=2)


def test_options_of_depth_are_unknown(make_set):
    with pytest.raises(ValueError, match="got depth_range_m"):
        make_set(depth_range_m=10)


def test_a_folder_of_frames_is_no_folder_of_clips(make_set, root):
    clip = root / "GT" / "walk"
    with pytest.raises(FileNotFoundError, match=f"{clip}: expected a folder of frames per clip"):
        make_set(dataroot_gt=str(clip), dataroot_lq=None)
