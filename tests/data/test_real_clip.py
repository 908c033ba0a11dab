"""The 20 real DyDToF frames, where they are."""

import numpy as np
import pytest
import torch
from basicsr.data import build_dataset

from stdnet_arch.data.sources.dydtof_source import DyDToF

CLIP = "school/school_shot8"


def section(root, **changes):
    return {"name": "real", "source": "DyDToF", "dataroot": str(root), "scale": 4, **changes}


def test_the_sample_is_found(real_root):
    source = DyDToF(str(real_root))
    assert source.clips() == {CLIP: 20}
    assert source.guide(CLIP, 19).shape == (528, 960, 3)
    assert isinstance(source.depth_m(CLIP, 19), np.memmap)


@pytest.mark.parametrize("scale", [4, 8, 16])
def test_lr_files_and_lr_on_the_fly_are_the_same(real_root, scale):
    opt = section(real_root, type="RGBDVideoDataset", phase="train", scale=scale, gt_size=128)
    items = []
    for lq in ("files", "dtof_peak"):
        torch.manual_seed(5)
        items.append(build_dataset(opt | {"lq": lq, "clips": "dydtof_sample_train.txt"})[4])
    difference_m = (items[0]["lq"] - items[1]["lq"]).abs().max() * items[0]["depth_range_m"]
    torch.testing.assert_close(items[0]["gt"], items[1]["gt"])
    assert difference_m <= 1e-5


def test_the_sample_lists_split_the_frames(real_root):
    train = build_dataset(
        section(real_root, type="RGBDVideoDataset", clips="dydtof_sample_train.txt")
    )
    test = build_dataset(
        section(real_root, type="RGBDVideoTestDataset", clips="dydtof_sample_test.txt")
    )
    assert len(train) == 16 - 7 + 1
    item = test[0]
    assert (item["clip"], item["frame"], tuple(item["gt"].shape)) == (CLIP, 16, (4, 1, 528, 960))
    depth_m = item["gt"][3, 0].double() * item["depth_range_m"]
    expected = DyDToF(str(real_root)).depth_m(CLIP, 19)
    torch.testing.assert_close(depth_m, torch.tensor(expected).double(), rtol=1e-6, atol=1e-6)
