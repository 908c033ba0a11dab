"""The space-time model: what it gives its network, what it reports, whose datasets it takes."""

import cv2
import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from basicsr.data import build_dataset
from basicsr.utils.registry import ARCH_REGISTRY
from model_parts import options
from torch import nn

from stdnet_arch.metrics.rgb_metric import calculate_psnr_y
from stdnet_arch.models.batch import as_batch
from stdnet_arch.models.prediction import SpaceTimePrediction
from stdnet_arch.models.space_time_model import SpaceTimeModel
from stdnet_arch.models.validation import read_metrics, score_clips

CPU = torch.device("cpu")


@ARCH_REGISTRY.register()
class TinySpaceTimeNet(nn.Module):
    """Linear interpolation plus a learned constant; remembers what it was given."""

    halo, multiple_of, time_scale = None, 1, 2

    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.linear = build_network(
            {"type": "Interpolation", "scale": scale, "mode": "nearest", "time_scale": 2}
        )
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, lq, guide=None):
        self.given = lq
        return {"pred": self.linear(lq)["pred"] + self.shift}


@pytest.fixture
def model(tmp_path):
    """A function that makes a space-time model writing under ``tmp_path``."""

    def make(**val):
        opt = options(tmp_path)
        opt["network_g"] = {"type": "TinySpaceTimeNet", "scale": 2}
        baseline = {"linear": {"type": "Interpolation", "mode": "nearest", "time_scale": 2}}
        opt["val"] = {**opt["val"], "baselines": baseline, **val}
        return SpaceTimeModel(opt)

    return make


def window(frames, given):
    """A training batch of two depth windows; ``lq`` holds every ``given``-th frame."""
    gt = torch.rand(2, frames, 1, 4, 6)
    guide = torch.rand(2, frames, 3, 4, 6)
    return {"lq": gt[:, ::given, :, ::2, ::2], "guide": guide, "gt": gt, "valid": gt > 0}


@pytest.mark.parametrize("given", [1, 2])
def test_a_step_sees_every_second_frame_however_many_come(model, given):
    trained = model()
    trained.feed_data(window(5, given))
    trained.optimize_parameters(1)
    assert torch.equal(trained.net_g.given, trained.fed.gt[:, ::2, :, ::2, ::2])
    assert trained.output.shape == (2, 5, 1, 4, 6)
    assert trained.net_g.shift != 0


def test_rgb_needs_neither_guide_nor_mask_nor_range(model):
    trained = model()
    gt = torch.rand(2, 3, 3, 4, 6)
    trained.feed_data({"lq": gt[..., ::2, ::2], "gt": gt})
    trained.optimize_parameters(1)
    trained.test()
    assert trained.output.shape == gt.shape


def test_given_and_made_frames_are_reported_apart():
    # A ball of light that is there in the made frame alone.
    clip = torch.zeros(3, 1, 4, 4)
    clip[1] = 1
    item = {"lq": clip, "gt": clip, "depth_range_m": torch.tensor(2.0), "clip": "c", "frame": 0}
    data = type("One", (), {"__getitem__": lambda _s, _i: item, "__len__": lambda _s: 1})()
    section = {f: {"type": "calculate_mae", "frames": f} for f in ("given", "made", "all")}
    net = TinySpaceTimeNet(1)
    ((score,),) = score_clips(
        data, [0], {"net": net}, read_metrics(section), CPU, prediction=SpaceTimePrediction()
    )
    # Dark truth does not count: 0 m is no depth.
    assert np.isnan(score.values["given"])
    assert score.values["made"] == score.values["all"] == pytest.approx(200)


def test_the_toolbox_clips_are_judged_as_its_own_datasets_give_them(tmp_path):
    for side, folder in ((12, "lq"), (24, "gt")):
        (tmp_path / folder / "walk").mkdir(parents=True)
        for i in range(5):
            picture = np.full((side, side, 3), (10 * i, 100, 200), np.uint8)
            cv2.imwrite(str(tmp_path / folder / "walk" / f"{i:08d}.png"), picture)
    opt = {"name": "Vid4", "type": "VideoRecurrentTestDataset", "num_frame": -1}
    roots = {"dataroot_lq": str(tmp_path / "lq"), "dataroot_gt": str(tmp_path / "gt")}
    data = build_dataset(
        {
            **opt,
            **roots,
            "cache_data": True,
            "padding": "reflection",
            "io_backend": {"type": "disk"},
        }
    )
    metrics = read_metrics({"psnr_db": {"type": "calculate_psnr_y"}})
    way = SpaceTimePrediction(3)
    ((score,),) = score_clips(data, [0], {"net": TinySpaceTimeNet(2)}, metrics, CPU, prediction=way)
    assert score.clip == "walk"
    # Blue grows evenly in time, so linear interpolation is exact.
    assert score.values["psnr_db"] == calculate_psnr_y(data[0]["gt"], data[0]["gt"]) == np.inf


def test_a_step_takes_a_batch_of_the_toolbox_vimeo_dataset(model, tmp_path):
    for scale, folder in ((1, "lq"), (2, "gt")):
        clip = tmp_path / folder / "00001/0001"
        clip.mkdir(parents=True)
        for i in range(1, 8):
            picture = np.full((8 * scale, 10 * scale, 3), 30 * i, np.uint8)
            cv2.imwrite(str(clip / f"im{i}.png"), picture)
    (tmp_path / "list.txt").write_text("00001/0001 7 (16,20,3)\n")
    switches = dict.fromkeys(["random_reverse", "flip_sequence", "use_hflip", "use_rot"], False)
    roots = {f"dataroot_{side}": str(tmp_path / side) for side in ("lq", "gt")}
    opt = {
        "name": "v",
        "type": "Vimeo90KRecurrentDataset",
        "meta_info_file": str(tmp_path / "list.txt"),
    }
    opt |= {"scale": 2, "gt_size": 12, "num_frame": 7, "io_backend": {"type": "disk"}}
    data = build_dataset({**opt, **roots, **switches})
    trained = model()
    trained.feed_data(torch.utils.data.default_collate([data[0]]))
    trained.optimize_parameters(1)
    assert trained.net_g.given[0, :, 0, 0, 0].mul(255).tolist() == pytest.approx([30, 90, 150, 210])
    assert trained.output.shape == (1, 7, 3, 12, 12)


def test_an_item_of_the_toolbox_gets_the_words_of_this_package():
    assert as_batch({"key": "00001/0001"}) == {
        "key": ["00001/0001"],
        "clip": ["00001/0001"],
        "frame": torch.tensor([0]),
    }


@pytest.mark.parametrize(
    ("val", "message"),
    [
        ({"window_frames": 6}, "window_frames must be odd"),
        ({"chunk_frames": 3}, "val: expected only the keys.*got chunk_frames"),
    ],
)
def test_bad_options_are_refused_before_training(model, val, message):
    with pytest.raises(ValueError, match=message):
        model(**val)
