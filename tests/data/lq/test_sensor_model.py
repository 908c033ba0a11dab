"""Effects by options: in order, in datasets, anew in training and the same in tests."""

import numpy as np
import pytest
import torch
from basicsr.data import build_dataset
from torch.utils.data import DataLoader

from stdnet_arch.data.augment import CropBox
from stdnet_arch.data.dataset_options import TestOptions, TrainOptions, read_options
from stdnet_arch.data.lq.sensor_effects import add_noise, drop_dark, drop_random, misalign, quantize
from stdnet_arch.data.lq.sensor_model import SensorOptions, disturb_guide, disturb_lq, frame_rng

MINIMAL = {"name": "set", "source": "Folder", "scale": 4}
NOISY = {"noise_m": 20.0, "noise_share": 0.05, "holes": 0.1, "edge_holes": 0.3, "shift_px": 12.0}
STILL = dict.fromkeys(("use_hflip", "use_vflip", "use_transpose"), False)


@pytest.fixture
def make_train(make_clip, section):
    """A function that makes a training set whose windows differ by the sensor alone."""
    root = make_clip(frames=3, height=32, width=32)

    def make(windows=4, **changes):
        opt = {"gt_size": 32, "sensor_opt": NOISY, "clips": ["clip 0 3"] * windows, **STILL}
        return build_dataset(section(root, **(opt | changes)))

    return make


@pytest.fixture
def make_test(make_clip, section):
    """A function that makes a test set over one faked clip."""
    root = make_clip(frames=5, height=32, width=32)

    def make(**changes):
        opt = section(root, type="RGBDVideoTestDataset", phase="val", sensor_opt=NOISY)
        opt = {k: v for k, v in opt.items() if k not in {"num_frame", "gt_size"}}
        return build_dataset(opt | changes)

    return make


def scene():
    generator = np.random.default_rng(0)
    lq_m = generator.uniform(1, 9, (6, 8)).astype(np.float32)
    return lq_m, generator.integers(0, 256, (24, 32, 3), dtype=np.uint8)


def test_a_perfect_sensor_changes_nothing():
    lq_m, rgb = scene()
    assert disturb_lq(lq_m, rgb, SensorOptions(), np.random.default_rng(0)) is lq_m
    assert not SensorOptions().is_random


def test_effects_come_in_the_order_that_is_promised():
    lq_m, rgb = scene()
    options = SensorOptions(dark_holes=0.5, dark_luma=0.5, holes=0.2, noise_m=0.3, step_m=0.5)
    rng = np.random.default_rng(3)
    expected = drop_random(drop_dark(lq_m, rgb, 0.5, 0.5, rng), 0.2, rng)
    expected = quantize(add_noise(expected, 0.3, 0.0, rng), 0.5)
    result = disturb_lq(lq_m, rgb, options, np.random.default_rng(3))
    np.testing.assert_array_equal(result, expected)


def test_one_misaligned_camera_lies_within_its_bounds():
    _, rgb = scene()
    depth_m = np.full((24, 32), 4.0, np.float32)
    options = SensorOptions(shift_px=3.0, parallax_px=8.0)
    dy, dx, py, px = np.random.default_rng(1).uniform(-1, 1, 4)
    expected = misalign(rgb, depth_m, (3 * dy, 3 * dx), (8 * py, 8 * px))
    np.testing.assert_array_equal(
        disturb_guide(rgb, depth_m, options, np.random.default_rng(1)), expected
    )


def test_an_offset_in_metres_is_a_parallax_of_focal_length_times_metres():
    _, rgb = scene()
    depth_m = np.random.default_rng(0).uniform(1, 5, (24, 32)).astype(np.float32)
    options = SensorOptions(offset_m=0.05)
    _, _, py, px = np.random.default_rng(1).uniform(-1, 1, 4)
    expected = misalign(rgb, depth_m, (0, 0), (0.05 * 300 * py, 0.05 * 400 * px))
    got = disturb_guide(rgb, depth_m, options, np.random.default_rng(1), focal_px=(300, 400))
    np.testing.assert_array_equal(got, expected)
    assert (got != rgb).mean() > 0.2


def test_without_intrinsics_the_focal_length_is_the_longer_side(make_test):
    one, other = (make_test(sensor_opt=o)[0] for o in ({"offset_m": 0.5}, {"parallax_px": 16.0}))
    assert torch.equal(one["guide"], other["guide"])


def test_frames_clips_and_seeds_have_their_own_chance():
    places = [(0, "a", 0), (0, "a", 1), (1, "a", 0), (0, "b", 0), (0, "a", None)]
    draws = [frame_rng(*place).random() for place in places]
    assert len(set(draws)) == len(places)
    assert frame_rng(0, "a", 1).random() == draws[1]


def epochs(dataset, workers, seed):
    """LR depth and guide of two epochs of a loader."""
    torch.manual_seed(seed)
    loader = DataLoader(dataset, num_workers=workers, batch_size=None)
    return [[(item["lq"], item["guide"]) for item in loader] for _ in range(2)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("lq", ["files", "dtof_histogram"])
def test_every_window_epoch_and_worker_has_its_own_noise(make_train, workers, lq):
    first, second = epochs(make_train(lq=lq, dtof_range_m=1e5), workers, seed=1)
    for part in (0, 1):
        seen = {item[part].numpy().tobytes() for item in first + second}
        assert len(seen) == 8


@pytest.mark.parametrize("workers", [0, 2])
def test_a_seed_repeats_the_noise(make_train, workers):
    one, two, other = (epochs(make_train(), workers, seed) for seed in (1, 1, 2))
    torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert not torch.equal(one[0][0][0], other[0][0][0])


def test_truth_is_left_alone_and_lq_is_changed(make_train):
    noisy, clean = make_train()[0], make_train(sensor_opt={})[0]
    assert all(torch.equal(noisy[name], clean[name]) for name in ("gt", "valid"))
    assert not torch.equal(noisy["lq"], clean["lq"])
    assert not torch.equal(noisy["guide"], clean["guide"])
    assert 0 < (noisy["lq"] == 0).float().mean() < 0.5
    assert (clean["lq"] > 0).all()


def test_without_effects_no_random_number_is_drawn(make_train):
    torch.manual_seed(0)
    make_train(sensor_opt={"step_m": 0.5}, lq="area")[0]
    after = torch.rand(1)
    torch.manual_seed(0)
    torch.randint(1, ()), torch.randint(1, ())  # the corner of the crop
    assert torch.equal(after, torch.rand(1))


def test_the_camera_is_misaligned_alike_in_all_frames(make_train):
    item = make_train(sensor_opt={"shift_px": 4.0})[0]
    moved = item["guide"][:, :2]  # rows and columns, the same in every frame
    still = make_train(sensor_opt={})[0]["guide"][:, :2]
    assert torch.equal(moved[0], moved[1])
    assert torch.equal(moved[0], moved[2])
    assert not torch.equal(moved, still)


def test_a_test_set_has_the_same_noise_at_every_read(make_test):
    one, two, other = make_test()[0], make_test()[0], make_test(sensor_opt=NOISY | {"seed": 1})[0]
    assert all(torch.equal(one[name], two[name]) for name in ("lq", "guide", "gt"))
    assert not torch.equal(one["lq"], other["lq"])
    assert not torch.equal(one["guide"], other["guide"])


def test_noise_belongs_to_the_frame_whatever_the_span(make_test):
    whole, part = make_test()[0], make_test(clips=["clip 2 4"])[0]
    assert torch.equal(whole["lq"][2:4], part["lq"])
    assert torch.equal(whole["guide"][2:4], part["guide"])
    residual = make_test(sensor_opt={})[0]["lq"] - whole["lq"]
    assert not torch.equal(residual[0], residual[1])


@pytest.mark.parametrize("lq", ["files", "bicubic"])
def test_effects_without_chance_on_a_crop_are_those_on_the_frame(make_test, lq):
    certain = {"edge_holes": 1.0, "edge_jump_m": 2.0, "dark_holes": 1.0, "step_m": 3.0}
    reader = make_test(lq=lq, sensor_opt=certain, dtof_range_m=1e5).reader
    reader.source.depth_m("clip", 0)
    whole = reader.read("clip", [0], CropBox(0, 0, 8, 8))["lq"][0]
    for box in (CropBox(0, 0, 3, 4), CropBox(2, 3, 4, 2), CropBox(5, 4, 3, 4)):
        np.testing.assert_allclose(reader.read("clip", [0], box)["lq"][0], whole[box.lr()])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"noize_m": 1}, ValueError, "dataset set: sensor_opt: expected .*noise_m.*; got noize_m"),
        ({"noise_m": "1"}, TypeError, "sensor_opt: noise_m must be float or int; got '1'"),
        ({"noise_m": -1}, ValueError, "noise_m must be >= 0; got -1"),
        ({"holes": 1.5}, ValueError, r"holes must be in \[0, 1\]; got 1.5"),
        ({"holes": float("nan")}, ValueError, r"holes must be in \[0, 1\]; got nan"),
        ({"signal_photons": 9}, ValueError, "lq must be dtof_histogram.*; got 'auto'"),
    ],
)
@pytest.mark.parametrize("kind", [TrainOptions, TestOptions])
def test_effects_that_make_no_sense_are_refused(kind, change, error, words):
    with pytest.raises(error, match=words):
        read_options(kind, MINIMAL | {"sensor_opt": change})


def test_an_empty_section_is_a_perfect_sensor():
    assert read_options(TrainOptions, MINIMAL | {"sensor_opt": None}).sensor_opt == SensorOptions()
    with pytest.raises(TypeError, match="sensor_opt must be SensorOptions; got 3"):
        read_options(TrainOptions, MINIMAL | {"sensor_opt": 3})
