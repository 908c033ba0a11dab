"""Septuplets from folders and LMDBs: contents, crops, changes, lists, and what may be wrong."""

import logging

import numpy as np
import pytest
import torch
from basicsr.data import build_dataset
from fake_septuplets import make_lmdb, misplaced, write_septuplets
from torch.utils.data import DataLoader

from stdnet_arch.data.lq.bicubic import shrink_bicubic
from stdnet_arch.data.rgb.vimeo_septuplet_dataset import BLACK_CLIPS

NAMES = ["00001/0001", "00001/0002", "00014/0030"]


@pytest.fixture
def root(tmp_path):
    """A folder of three faked septuplets with a list."""
    write_septuplets(tmp_path, NAMES)
    (tmp_path / "list.txt").write_text("\n".join(NAMES) + "\n\n")
    return tmp_path


@pytest.fixture
def make_set(root):
    """A function that makes a dataset over the faked septuplets; a change of None removes a key."""

    def make(phase="train", **changes):
        kind = {"train": "VimeoSeptupletDataset", "test": "VimeoSeptupletTestDataset"}[phase]
        opt = {
            "name": "vimeo", "type": kind, "phase": phase, "scale": 4,
            "dataroot_gt": str(root / "gt"), "dataroot_lq": str(root / "lq"),
            "clips": str(root / "list.txt"), **changes,
        }  # fmt: skip
        if phase == "train":
            opt.setdefault("gt_size", 16)
        return build_dataset({key: value for key, value in opt.items() if value is not None})

    return make


def test_a_training_item_keeps_the_contract(make_set):
    item = make_set()[1]
    assert item["lq"].shape == (4, 3, 4, 4)
    assert item["gt"].shape == (7, 3, 16, 16)
    assert {item[key].dtype for key in ("lq", "gt")} == {torch.float32}
    assert (item["clip"], item["frame"]) == ("00001/0002", 0)
    assert item.keys() == {"lq", "gt", "clip", "frame"}


def test_a_mirrored_item_runs_forth_and_back_in_lr_and_hr(make_set):
    item = make_set(lq_every=1, mirror=True)[1]
    assert item["lq"].shape == (14, 3, 4, 4)
    assert item["gt"].shape == (14, 3, 16, 16)
    assert torch.equal(item["gt"], item["gt"].flip(0))
    assert torch.equal(item["lq"], item["lq"].flip(0))
    assert not torch.equal(item["lq"][0], item["lq"][6])


def test_a_mirror_needs_every_low_resolution_frame(make_set):
    with pytest.raises(ValueError, match="1 with mirror: true; got lq_every: 2, mirror: True"):
        make_set(mirror=True)


def test_a_test_item_is_the_whole_septuplet_in_rgb(make_set):
    item = make_set("test", drop_black=False)[0]
    y, x = 9, 14
    assert item["lq"].shape == (7, 3, 8, 12)
    assert (item["gt"][5, :, y, x] * 255).round().tolist() == [y, x, 5]
    assert (item["lq"][5, :, 2, 3] * 255).round().tolist() == [8, 12, 5]
    assert misplaced(item, 1) == 0


def test_every_item_is_aligned(make_set):
    dataset = make_set()
    items = [dataset[i % 3] for i in range(40)]
    assert sum(misplaced(item, 2) for item in items) == 0
    orders = {tuple((item["gt"][:, 2, 0, 0] * 255).round().int().tolist()) for item in items}
    assert orders == {tuple(range(7)), tuple(range(6, -1, -1))}


@pytest.mark.parametrize("switch", ["use_hflip", "use_vflip", "use_transpose", "use_reverse"])
def test_each_switch_turns_off_its_own_change(make_set, switch):
    on = dict.fromkeys(("use_hflip", "use_vflip", "use_transpose", "use_reverse"), False)
    dataset = make_set(gt_size=32, **(on | {switch: True}))
    gt = [dataset[0]["gt"] * 255 for _ in range(30)]
    # Rows of the first column, columns of the first row, frames of the first pixel: up, down, none.
    kinds = {
        tuple((g[1, c, 1, 1] - g[0, c, 0, 0]).round().sign().int().item() for c in range(3))
        for g in gt
    }
    changed = {
        "use_hflip": (1, -1, 1), "use_vflip": (-1, 1, 1),
        "use_transpose": (1, 1, 1), "use_reverse": (1, 1, -1),
    }[switch]  # fmt: skip
    assert kinds == {(1, 1, 1), changed}
    rows = {int((g[0, 0, 1, 0] - g[0, 0, 0, 0]).round().sign()) for g in gt}
    assert (0 in rows) == (switch == "use_transpose")


@pytest.mark.parametrize("phase", ["train", "test"])
def test_an_lmdb_of_the_toolbox_gives_the_same(make_set, root, phase):
    for kind in ("gt", "lq"):
        make_lmdb(root / kind, root / f"{kind}.lmdb")
    roots = {f"dataroot_{kind}": str(root / f"{kind}.lmdb") for kind in ("gt", "lq")}
    items = []
    for changes in ({}, roots | {"io_backend": {"type": "lmdb"}}):
        torch.manual_seed(7)
        items.append(make_set(phase, **changes)[1])
    assert all(torch.equal(items[0][key], items[1][key]) for key in ("lq", "gt"))


def test_train_and_test_share_an_lmdb_also_with_workers(make_set, root):
    make_lmdb(root / "gt", root / "gt.lmdb")
    opt = {"dataroot_gt": str(root / "gt.lmdb"), "io_backend": {"type": "lmdb"}}
    train, test = (make_set(phase, dataroot_lq=None, **opt) for phase in ("train", "test"))
    test[0]
    loader = DataLoader(train, batch_size=3, num_workers=2)
    assert next(iter(loader))["gt"].shape == (3, 7, 3, 16, 16)


def test_low_resolution_is_bicubic_as_a_file_would_store_it(make_set, root):
    item = make_set("test", dataroot_lq=None, drop_black=False)[0]
    gt = item["gt"].permute(0, 2, 3, 1).numpy() * 255
    expected = np.stack([shrink_bicubic(frame, 4) for frame in gt])
    assert np.abs(item["lq"].permute(0, 2, 3, 1).numpy() * 255 - expected).max() <= 0.501
    whole_numbers = item["lq"] * 255
    torch.testing.assert_close(whole_numbers, whole_numbers.round(), rtol=0, atol=1e-4)


def test_bicubic_of_a_crop_is_that_of_the_frame(make_set):
    still = dict.fromkeys(("use_hflip", "use_vflip", "use_transpose", "use_reverse"), False)
    whole = make_set("test", dataroot_lq=None)[0]["lq"][::2]
    dataset = make_set(dataroot_lq=None, gt_size=16, **still)
    for _ in range(10):
        item = dataset[0]
        top, left = (item["gt"][0, :2, 0, 0] * 255 / 4).round().int().tolist()
        assert torch.equal(item["lq"], whole[:, :, top : top + 4, left : left + 4])


def test_black_clips_are_left_out_by_name_and_said(make_set, caplog):
    with caplog.at_level(logging.INFO, logger="basicsr"):
        dataset = make_set("test")
    assert dataset.names == NAMES[:2]
    assert "1 black clips of 3 are left out: 00014/0030" in caplog.text
    assert make_set("test", drop_black=False).names == NAMES
    assert len(BLACK_CLIPS) == 9


def test_lines_of_the_toolboxs_lists_are_understood(make_set, root):
    (root / "list.txt").write_text("00001/0002 7 (256,448,3)\n")
    assert make_set().names == ["00001/0002"]


def epochs(dataset, seed):
    """Corners of two epochs of a loader with two workers."""
    torch.manual_seed(seed)
    loader = DataLoader(dataset, num_workers=2, batch_size=None)
    return [[item["gt"].numpy().tobytes() for item in loader] for _ in range(2)]


def test_every_epoch_draws_anew_and_a_seed_repeats_the_run(make_set):
    dataset = make_set(clips=[NAMES[0]] * 6)
    first, second = epochs(dataset, 1)
    assert first != second
    assert [first, second] == epochs(dataset, 1)
    assert [first, second] != epochs(dataset, 2)


def test_a_missing_frame_is_named(make_set, root):
    (root / "gt/00001/0002/im7.png").unlink()
    with pytest.raises(FileNotFoundError, match="7 frames of a clip; got no .*00001/0002/im7.png"):
        make_set()[1]


def test_a_frame_of_another_size_is_named(make_set, root):
    (root / "gt/00001/0001/im5.png").write_bytes((root / "lq/00001/0001/im5.png").read_bytes())
    with pytest.raises(ValueError, match=r"im5.png: expected 32x48, .*; got 8x12"):
        make_set()[0]


def test_low_resolution_of_another_scale_is_named(make_set):
    with pytest.raises(ValueError, match=r"lq/00001/0001/im1.png: expected 16x24, .*; got 8x12"):
        make_set(scale=2)[0]


def test_an_lmdb_with_the_fourth_frame_alone_is_refused(make_set, root):
    for path in (root / "gt").rglob("im[123567].png"):
        path.unlink()
    make_lmdb(root / "gt", root / "gt.lmdb")
    opt = {"dataroot_gt": str(root / "gt.lmdb"), "io_backend": {"type": "lmdb"}}
    with pytest.raises(ValueError, match="00001/0001 in .*gt.lmdb: expected 7 frames; got 1"):
        make_set(dataroot_lq=None, **opt)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        (
            {"clips": ["00001/0009", "00002/0001"]},
            FileNotFoundError,
            "without 2 of the 2 listed, first 00001/0009",
        ),
        ({"clips": ["00001"]}, ValueError, "expected lines like 00001/0001; got '00001'"),
        ({"clips": []}, ValueError, "expected lines like 00001/0001; got none"),
        ({"clips": None}, ValueError, "expected the keys scale and dataroot_gt and clips; got no"),
        ({"clips": "sep_trainlist.txt"}, FileNotFoundError, "got 'sep_trainlist.txt'"),
        (
            {"dataroot_gt": "/nowhere"},
            FileNotFoundError,
            "expected a folder of clips; got /nowhere",
        ),
        ({"gt_size": 18}, ValueError, "gt_size must be a multiple of scale 4; got 18"),
        ({"gtsize": 16}, ValueError, "dataset vimeo: expected only the keys .*; got gtsize"),
        ({"io_backend": {"type": "zip"}}, ValueError, "type: disk.*; got {'type': 'zip'}"),
        (
            {"io_backend": {"type": "lmdb"}},
            FileNotFoundError,
            "LMDB of the toolbox .*meta_info.txt",
        ),
    ],
)
def test_a_mistake_in_the_options_is_refused(make_set, changes, error, words):
    with pytest.raises(error, match=words):
        make_set(**changes)


def test_a_root_one_folder_too_high_shows_what_is_there(make_set, root):
    with pytest.raises(FileNotFoundError, match=r"got 4 clips \(gt/00001, gt/00014, "):
        make_set(dataroot_gt=str(root), dataroot_lq=None, clips=["00001/0001"])


def test_a_crop_larger_than_the_frame_is_refused(make_set):
    with pytest.raises(ValueError, match="at least gt_size 36x36 in .*; got 32x48"):
        make_set(gt_size=36)[0]
