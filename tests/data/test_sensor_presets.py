"""Devices and cameras as options of the datasets."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from stdnet_arch.data.dataset_options import TestOptions, read_options
from stdnet_arch.data.lq.sensor_effects import misalign
from stdnet_arch.data.lq.sensor_model import frame_rng
from stdnet_arch.data.lq.sensors import PRESETS
from stdnet_arch.data.lq_writer import write_lq
from stdnet_arch.data.rgbd_video_dataset import RGBDVideoDataset
from stdnet_arch.data.rgbd_video_test_dataset import RGBDVideoTestDataset
from stdnet_arch.data.synthetic.source import Synthetic

SECTION = {
    "name": "rooms", "phase": "val", "scale": 4, "source": "Synthetic",
    "source_opt": {"num_clips": 1, "num_frame": 3, "size": [48, 64], "seed": 2},
}  # fmt: skip


def clip_of(**change):
    return RGBDVideoTestDataset(SECTION | change)[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_device_makes_a_test_clip_the_same_at_every_read(preset):
    one, two = (clip_of(sensor_opt={"preset": preset}) for _ in range(2))
    np.testing.assert_array_equal(one["lq"], two["lq"])
    assert one["lq"].shape == (3, 1, 12, 16)
    assert (one["lq"] > 0).float().mean() > 0.3
    np.testing.assert_array_equal(one["gt"], clip_of()["gt"])


def test_the_device_of_that_name_is_the_rule_of_that_name():
    np.testing.assert_array_equal(
        clip_of(sensor_opt={"preset": "dtof_peak"})["lq"], clip_of(lq="dtof_peak")["lq"]
    )


@pytest.mark.parametrize("preset", ["dtof_peak", "clean_stride"])
def test_a_crop_has_the_depth_of_the_frame_where_nothing_is_left_to_chance(preset):
    whole = clip_of(sensor_opt={"preset": preset})["lq"]
    crop = clip_of(sensor_opt={"preset": preset}, center_crop=[16, 24])["lq"]
    np.testing.assert_array_equal(crop, whole[:, :, 4:8, 5:11])


def test_training_draws_another_device_every_time():
    section = SECTION | {
        "phase": "train", "num_frame": 2, "gt_size": 48, "use_hflip": False, "use_vflip": False,
        "use_transpose": False, "sensor_opt": {"preset": "kinect_tof"},
    }  # fmt: skip
    dataset = RGBDVideoDataset(section)
    one, two = (dataset[0]["lq"] for _ in range(2))
    assert (one != two).float().mean() > 0.5


def test_a_batch_holds_the_confidence_of_a_phone():
    loader = DataLoader(RGBDVideoTestDataset(SECTION | {"sensor_opt": {"preset": "iphone"}}))
    (batch,) = loader
    assert batch["confidence"].shape == batch["lq"].shape == (1, 3, 1, 12, 16)
    assert batch["confidence"].dtype == torch.uint8
    assert batch["confidence"].unique().tolist() == [0, 1, 2]
    assert "confidence" not in clip_of(sensor_opt={"preset": "realsense"})


def test_confidence_is_cropped_and_turned_with_its_depth():
    section = SECTION | {
        "phase": "train", "num_frame": 2, "gt_size": 32, "use_reverse": True,
        "sensor_opt": {"preset": "iphone", "holes": 0.4},
    }  # fmt: skip
    dataset = RGBDVideoDataset(section)
    items = [dataset[0] for _ in range(12)]
    lost, confidence = (torch.stack([item[k] for item in items]) for k in ("lq", "confidence"))
    assert 0.2 < (lost == 0).float().mean() < 0.8
    assert (confidence[lost == 0] == 0).all()
    assert (confidence[lost > 0] > 0).float().mean() > 0.5


@pytest.mark.parametrize("camera", ["phone", "webcam", "dark"])
def test_a_camera_changes_rgb_alone_and_the_same_at_every_read(camera):
    plain = clip_of()
    one, two = (clip_of(sensor_opt={"camera": camera}) for _ in range(2))
    np.testing.assert_array_equal(one["guide"], two["guide"])
    np.testing.assert_array_equal(one["lq"], plain["lq"])
    assert (one["guide"] - plain["guide"]).abs().mean() > 2e-3


def test_an_offset_in_metres_takes_the_focal_length_of_the_source():
    plain, moved = clip_of(), clip_of(sensor_opt={"offset_m": 0.1})
    fx, fy, *_ = Synthetic(**SECTION["source_opt"]).intrinsics_px("0000")
    _, _, down, right = frame_rng(0, "0000").uniform(-1, 1, 4)
    rgb, got = ((255 * x["guide"][0]).permute(1, 2, 0).numpy().round() for x in (plain, moved))
    depth_m = (plain["gt"] * plain["depth_range_m"])[0, 0].numpy()
    expected = misalign(rgb.astype(np.uint8), depth_m, (0, 0), (0.1 * fy * down, 0.1 * fx * right))
    np.testing.assert_allclose(got, expected, atol=1)
    assert np.abs(got - rgb).mean() > 1


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"sensor_opt": {"preset": "lidar"}}, "preset must be one of"),
        ({"sensor_opt": {"camera": "film"}}, "camera must be one of"),
        ({"sensor_opt": {"preset": "iphone"}, "lq": "area"}, "auto with sensor_opt"),
    ],
)
def test_wrong_names_say_so(change, match):
    with pytest.raises(ValueError, match=match):
        clip_of(**change)


def test_files_of_depth_cannot_hold_a_camera(tmp_path):
    options = read_options(TestOptions, SECTION | {"sensor_opt": {"camera": "phone"}})
    with pytest.raises(ValueError, match="changes RGB"):
        list(write_lq(options, f"{tmp_path}/{{clip}}_{{scale}}"))
