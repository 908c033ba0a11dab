"""Predictions as files."""

import cv2
import numpy as np
import pytest
import torch
from model_parts import loader, make_model, options

from stdnet_arch.data.codecs.depth_file import FORMATS, read_depth
from stdnet_arch.models.saving import PredictionWriter, color_limits
from stdnet_arch.utils.depth_color import depth_to_rgb

BATCH = {"clip": ["office/P000"], "frame": torch.tensor([7])}


def write(folder, depth_m, **settings):
    depth = torch.tensor(depth_m, dtype=torch.float32).view(1, -1, 1, 2, 3)
    PredictionWriter(folder, **settings).write(BATCH, depth)
    return folder / "office/P000"


def test_png16_holds_millimetres_of_every_frame(tmp_path):
    depth_m = np.linspace(0, 65.535, 12, dtype=np.float32)
    clip = write(tmp_path, depth_m)
    read = [cv2.imread(str(clip / f"depth/00000{i}.png"), cv2.IMREAD_UNCHANGED) for i in (7, 8)]
    assert read[0].dtype == np.uint16
    expected = np.round(depth_m.astype(np.float64) * 1000).reshape(2, 2, 3)
    assert np.array_equal(np.stack(read), expected)


def test_npy_holds_the_prediction_unchanged(tmp_path):
    depth_m = [-0.5, 0.25, 3.0, 70.0, float("nan"), 1e-4]
    clip = write(tmp_path, depth_m, save_format="npy", suffix="x4")
    read = np.load(clip / "depth/000007_x4.npy")
    assert read.dtype == np.float32
    assert np.array_equal(read.ravel(), np.float32(depth_m), equal_nan=True)
    assert (clip / "preview/000007_x4.png").exists()


@pytest.mark.parametrize(("name", "ending"), FORMATS.items())
def test_every_format_of_depth_can_be_saved(tmp_path, name, ending):
    if name == "exr":
        pytest.importorskip("OpenEXR", reason="EXR needs the extra exr")
    depth_m = [0.5, 1.0, 2.0, 3.0, 4.0, 8.0]
    clip = write(tmp_path, depth_m, save_format=name)
    read = read_depth(clip / f"depth/000007{ending}", "float16" if name == "float16png" else None)
    assert read.ravel().tolist() == depth_m


def test_what_a_png_cannot_hold_is_an_error_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"'office/P000'.*up to 65.535 m.*reaches 65.54 m.*npy"):
        write(tmp_path, [1.0] * 11 + [65.54])
    assert list(tmp_path.rglob("*.png")) == []


def test_impossible_depth_becomes_no_depth_and_is_reported(tmp_path, log):
    clip = write(tmp_path, [-0.2, -1e-4, float("nan"), float("inf"), 0.0, 2.0])
    read = cv2.imread(str(clip / "depth/000007.png"), cv2.IMREAD_UNCHANGED)
    assert read.ravel().tolist() == [0, 0, 0, 0, 0, 2000]
    assert "3 of 6 predicted pixels are negative or not finite" in log.text


def test_the_preview_has_one_range_for_the_whole_clip(tmp_path):
    depth_m = np.array([1.0] * 6 + [3.0] * 6, dtype=np.float32)
    clip = write(tmp_path, depth_m)
    previews = [cv2.imread(str(clip / f"preview/00000{i}.png"))[..., ::-1] for i in (7, 8)]
    expected = depth_to_rgb(depth_m.reshape(2, 2, 3), 1.0, 3.0)
    assert np.array_equal(np.stack(previews), expected)


def test_colours_span_the_valid_truth():
    gt = torch.tensor([0.0, 0.2, 0.5, 0.9]).view(1, 1, 1, 2, 2)
    valid = torch.tensor([False, True, True, False]).view(1, 1, 1, 2, 2)
    batch = {"gt": gt, "valid": valid, "depth_range_m": torch.tensor([10.0])}
    assert color_limits(batch, np.zeros((1, 2, 2))) == (2.0, 5.0)
    empty = {**batch, "valid": torch.zeros_like(valid)}
    assert color_limits(empty, np.array([np.nan, 3.0, 4.0])) == (3.0, 4.0)
    assert color_limits({}, np.array([np.nan])) == (0.0, 1.0)


def test_validation_in_training_saves_under_the_iteration(tmp_path):
    model = make_model(tmp_path)
    model.validation(loader("val", num_clip=2), 4, None, save_img=True)
    root = tmp_path / "visualization/val/00000004/val"
    frames = {"clip0": ["000000.png", "000001.png"]}
    frames["clip1"] = ["000010.png", "000011.png", "000012.png"]
    for clip, names in frames.items():
        for kind in ("depth", "preview"):
            assert sorted(path.name for path in (root / clip / kind).iterdir()) == names


def test_a_test_without_truth_saves_without_metrics(tmp_path):
    opt = options(tmp_path, is_train=False)
    opt["val"] = {"save_img": True, "save_format": "npy", "suffix": "tiny"}
    model = make_model(tmp_path, opt)
    data = loader("test", num_clip=1, without=("gt", "valid"))
    model.validation(data, "tiny", None, save_img=True)
    saved = tmp_path / "visualization/test/test/clip0/depth/000001_tiny.npy"
    assert np.load(saved).shape == (12, 18)
    assert not (tmp_path / "metrics").exists()


def test_views_of_stereo_video_have_folders_of_their_own(tmp_path):
    pred = torch.arange(6).view(1, 1, 6, 1, 1).expand(1, 2, 6, 3, 4) / 255
    PredictionWriter(tmp_path).write(BATCH, pred)
    clip = tmp_path / "office/P000"
    read = [cv2.imread(str(clip / view / "000008.png"))[2, 3] for view in ("left", "right")]
    assert [pixel.tolist() for pixel in read] == [[2, 1, 0], [5, 4, 3]]  # blue, green, red
