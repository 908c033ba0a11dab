"""Arrays in metres in, arrays in metres out."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from recording_parts import RANGE_M, depth_clip, rgb_clip, write_weights

import stdnet_arch
from stdnet_arch.archs.checkpoints.loading import load_network
from stdnet_arch.inference import precision
from stdnet_arch.inference.depth_cleaning import SensorFrame
from stdnet_arch.inference.predictor import DepthSRPredictor, choose_device
from stdnet_arch.inference.sizes import enlarge_mask, plan_sizes
from stdnet_arch.models.prediction import predict_padded


def test_it_is_the_networks_answer_in_metres(stdnet_weights):
    depth_m, rgb = depth_clip(11, 5, 6), rgb_clip(11, 20, 24)
    lq = torch.from_numpy(depth_m)[None, :, None] / RANGE_M
    guide = torch.from_numpy(rgb).permute(0, 3, 1, 2)[None] / 255
    expected = predict_padded(load_network(stdnet_weights).net, lq, guide)[0, :, 0] * RANGE_M
    actual = stdnet_arch.DepthSRPredictor(stdnet_weights, "cpu", chunk=4).predict(depth_m, rgb)
    assert actual.dtype == np.float32
    nearest_m, farthest_m = (f(depth_m, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    inside = np.clip(expected.numpy(), nearest_m, farthest_m)
    np.testing.assert_allclose(actual, inside, atol=RANGE_M * 1e-5)


def test_overshoot_is_clipped_to_the_depth_of_its_frame_and_counted(tmp_path, caplog):
    depth_m = np.full((2, 4, 6), 0.3, np.float32)
    depth_m[:, :, 3:] = [[[9.0]], [[5.0]]]
    bicubic = write_weights(tmp_path / "w.pth", type="Interpolation", mode="bicubic")
    pred_m = DepthSRPredictor(bicubic, "cpu").predict(depth_m, rgb_clip(2, 16, 24))
    lowest, highest = pred_m.min(axis=(1, 2)), pred_m.max(axis=(1, 2))
    np.testing.assert_allclose(lowest, 0.3, rtol=1e-6)
    np.testing.assert_allclose(highest, [9, 5], rtol=1e-6)
    assert re.search(r"% of the predicted pixels were outside .*\(-\d", caplog.text)


def test_bilinear_depth_comes_out_as_metres(bilinear):
    depth_m = np.full((3, 4, 6), 2.5, np.float32)
    np.testing.assert_allclose(bilinear.predict(depth_m, rgb_clip(3, 16, 24)), 2.5, rtol=1e-6)


def test_holes_never_reach_the_network(bilinear):
    depth_m = depth_clip(4, 4, 6)
    depth_m[0] = np.nan
    depth_m[1, 1, 2], depth_m[2, 0, 0], depth_m[3] = np.inf, 0, -1
    frames = list(bilinear.predict_frames(zip(depth_m, rgb_clip(4, 16, 24), strict=True)))
    assert all(np.isfinite(frame.depth_m).all() for frame in frames)
    assert [frame.measured.mean() for frame in frames] == [0, 23 / 24, 23 / 24, 0]
    assert not frames[1].measured[4:8, 8:12].any()
    np.testing.assert_array_equal(frames[3].depth_m, frames[2].depth_m)


def test_holes_are_reported_once(bilinear, caplog):
    depth_m = depth_clip(2, 4, 6)
    depth_m[:, :, :3] = 0
    bilinear.predict(depth_m, rgb_clip(2, 16, 24))
    assert caplog.messages == [
        "50 % of the depth pixels hold no depth; the network saw the nearest measured pixel of the "
        "frame there"
    ]


def test_another_ratio_is_resampled_and_said_once(bilinear, caplog):
    depth_m = np.full((3, 4, 6), 3, np.float32)
    pred_m = bilinear.predict(depth_m, rgb_clip(3, 30, 45))
    assert pred_m.shape == (3, 30, 45)
    np.testing.assert_allclose(pred_m, 3, rtol=1e-6)
    assert len(caplog.messages) == 1
    assert "7.5 times" in caplog.messages[0]


def test_frames_come_lazily(bilinear):
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield np.ones((4, 6), np.float32), np.zeros((16, 24, 3), np.uint8)

    predictions = bilinear.predict_frames(endless())
    for _ in range(3):
        next(predictions)
    assert len(taken) == 3


def test_more_frames_at_once_than_there_can_be_are_all(tmp_path):
    path = write_weights(tmp_path / "net.pth")
    depth_m, rgb = np.ones((2, 3, 4), np.float32), np.zeros((2, 12, 16, 3), np.uint8)
    predictor = DepthSRPredictor(path, "cpu", chunk=10**30, compare=10**30)
    np.testing.assert_allclose(predictor.predict(depth_m, rgb), 1, rtol=1e-6)


def test_no_frames_give_no_frames(bilinear):
    empty = np.zeros((0, 4, 6), np.float32), np.zeros((0, 16, 24, 3), np.uint8)
    assert bilinear.predict(*empty).shape == (0, 16, 24)


@pytest.mark.parametrize("asked", ["float32", "bf16"])
def test_autocast_is_used_only_where_asked(bilinear, monkeypatch, asked):
    seen = []
    original = type(bilinear.net).forward

    def forward(self, lq, guide):
        seen.append((torch.is_autocast_enabled("cpu"), torch.is_grad_enabled()))
        return original(self, lq, guide)

    monkeypatch.setattr(type(bilinear.net), "forward", forward)
    bilinear.precision = asked
    frames = zip(depth_clip(2, 4, 6), rgb_clip(2, 16, 24), strict=True)
    for prediction in bilinear.predict_frames(frames):
        assert prediction.depth_m.dtype == np.float32
        assert not torch.is_autocast_enabled("cpu")
        assert torch.is_grad_enabled()
    assert set(seen) == {(asked == "bf16", False)}


@pytest.mark.parametrize(
    ("depth_m", "rgb", "message"),
    [
        (np.ones((2, 4, 6)), np.zeros((3, 16, 24, 3), np.uint8), "as many frames; got (2, 4, 6)"),
        (np.ones((4, 6)), np.zeros((16, 24, 3), np.uint8), "depth_m must be (t, h, w)"),
        (np.ones((1, 4, 6)), np.zeros((1, 16, 24, 3)), "uint8; got (4, 6) and (16, 24, 3) float64"),
        (np.ones((1, 4, 6)), np.zeros((1, 16, 30, 3), np.uint8), "6x4, RGB is 30x16"),
        (np.full((1, 4, 6), 4e3), np.zeros((1, 16, 24, 3), np.uint8), "median of 4000 m"),
    ],
)
def test_inputs_that_do_not_fit_name_both_sides(bilinear, depth_m, rgb, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        bilinear.predict(depth_m, rgb)


def test_frames_of_changing_size_are_refused(bilinear):
    rgb = np.zeros((16, 24, 3), np.uint8)
    frames = [(np.ones((4, 6), np.float32), rgb), (np.ones((2, 3), np.float32), rgb)]
    with pytest.raises(ValueError, match=r"as the first one, depth \(4, 6\).*got \(2, 3\)"):
        list(bilinear.predict_frames(frames))


def test_too_little_memory_says_what_helps(bilinear, monkeypatch):
    def forward(self, lq, guide):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(type(bilinear.net), "forward", forward)
    bilinear.chunk = 3
    monkeypatch.setattr(precision, "multiplies_in_bf16", lambda: True)
    message = "not enough memory for chunks of 3 frames of 24x16; try a smaller chunk, precision bf"
    with pytest.raises(MemoryError, match=message):
        bilinear.predict(depth_clip(2, 4, 6), rgb_clip(2, 16, 24))


def test_other_errors_of_the_network_stay_what_they_are(bilinear, monkeypatch):
    def forward(self, lq, guide):
        raise RuntimeError("a bug")

    monkeypatch.setattr(type(bilinear.net), "forward", forward)
    with pytest.raises(RuntimeError, match="a bug"):
        bilinear.predict(depth_clip(2, 4, 6), rgb_clip(2, 16, 24))


def test_masks_are_enlarged_by_pixel_centres():
    mask = np.array([[True, False, True]])
    large = enlarge_mask(mask, (2, 7))
    # Centres of 7 pixels in thirds: 1/14, 3/14 | 5/14, 7/14, 9/14 | 11/14, 13/14.
    np.testing.assert_array_equal(large, [[1, 1, 0, 0, 0, 1, 1]] * 2)


@pytest.mark.parametrize("name", ["tpu7", "cuda:99"])
def test_devices_that_are_not_there_are_refused(name):
    with pytest.raises(ValueError, match=name):
        choose_device(name)


def test_chunks_need_a_frame(tmp_path):
    with pytest.raises(ValueError, match="chunk must be at least 1 frame, got 0"):
        DepthSRPredictor(write_weights(tmp_path / "w.pth"), "cpu", chunk=0)


def test_the_fingerprint_is_that_of_the_weights(tmp_path):
    one, same, other = (tmp_path / name for name in ("a.pth", "b.pth", "c.pth"))
    write_weights(other, type="Interpolation", scale=4, mode="nearest")
    same.write_bytes(write_weights(one).read_bytes())
    prints = [DepthSRPredictor(path, "cpu").fingerprint for path in (one, same, other)]
    assert prints[0] == prints[1] != prints[2]


def test_the_package_imports_the_predictor_only_when_asked():
    tree = ast.parse(Path(stdnet_arch.__file__).read_text())
    at_import = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert at_import
    assert not [node for node in at_import if "inference" in ast.unparse(node)]
    assert stdnet_arch.DepthSRPredictor is DepthSRPredictor
    with pytest.raises(AttributeError, match="no attribute 'Predictor'"):
        stdnet_arch.Predictor  # noqa: B018


def test_tiles_are_compared_and_said(stdnet_weights, caplog):
    depth_m, rgb = depth_clip(4, 6, 9), rgb_clip(4, 24, 36)
    predictor = DepthSRPredictor(stdnet_weights, "cpu", tile=4, tile_overlap=2)
    tiled, whole = (x.predict(depth_m, rgb) for x in (predictor, DepthSRPredictor(stdnet_weights)))
    message = caplog.messages[0]
    assert re.match(r"tiles of 4 depth pixels: largest difference \S+ cm, mean", message)
    assert message.endswith("(measured on 3 frames, 6x6 depth pixels)")
    assert 0 < np.abs(tiled - whole).max() < 0.5


@pytest.mark.parametrize(("tile", "place"), [(None, "meta"), (4, "cpu")])
def test_only_whole_frames_go_to_the_device_at_once(bilinear, tile, place):
    bilinear.device, bilinear.tile = torch.device("meta"), tile
    frame = SensorFrame(np.ones((6, 9), np.float32), np.ones((6, 9), bool), rgb_clip(1, 24, 36)[0])
    plan = plan_sizes((6, 9), (24, 36), 4)
    assert {x.device.type for x in bilinear._to_network(plan, frame)} == {place}


def test_a_whole_that_does_not_fit_is_said_and_tiles_go_on(bilinear, monkeypatch, caplog):
    original = type(bilinear.net).forward

    def forward(self, lq, guide):
        if lq.shape[-1] > 4:
            raise torch.OutOfMemoryError("no")
        return original(self, lq, guide)

    monkeypatch.setattr(type(bilinear.net), "forward", forward)
    predictor = DepthSRPredictor(bilinear.weights, "cpu", tile=4)
    assert predictor.predict(depth_clip(2, 6, 9), rgb_clip(2, 24, 36)).shape == (2, 24, 36)
    assert "tiles of 4 depth pixels: the whole does not fit" in caplog.text


def test_a_network_of_whole_clips_asks_for_an_overlap(bilinear, monkeypatch, caplog):
    monkeypatch.setattr(type(bilinear.net), "halo", None)
    with pytest.raises(ValueError, match=r"Interpolation needs the whole clip.*--overlap N"):
        DepthSRPredictor(bilinear.weights, "cpu")
    predictor = DepthSRPredictor(bilinear.weights, "cpu", chunk=2, overlap=1, compare=4)
    with pytest.warns(UserWarning, match="1 frames of context: not equal"):
        predictor.predict(depth_clip(5, 4, 6), rgb_clip(5, 16, 24))
    assert "chunks of 2 frames: largest difference 0 cm, mean 0 cm" in caplog.text


def test_impossible_tiles_are_refused_before_anything_is_read(bilinear):
    with pytest.raises(ValueError, match="got side 1, overlap 0"):
        DepthSRPredictor(bilinear.weights, "cpu", tile=1)


STDAN = {"type": "STDAN", "num_feat": 8, "embed_feat": 24, "num_group": [1, 1], "num_block": 1}


def test_networks_that_make_frames_are_refused_with_what_runs_them(tmp_path):
    weights = write_weights(tmp_path / "stdan.pth", **STDAN, modality="depth")
    with pytest.raises(ValueError, match=r"STDAN makes the frames between.*SpaceTimeModel"):
        DepthSRPredictor(weights, "cpu", overlap=4)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_stdan_of_all_frames_runs_on_sides_that_are_no_multiples(tmp_path):
    weights = write_weights(tmp_path / "s.pth", **STDAN, modality="depth", interpolate=False)
    predictor = DepthSRPredictor(weights, "cpu", chunk=2, overlap=2)
    pred_m = predictor.predict(depth_clip(5, 9, 11), rgb_clip(5, 36, 44))
    assert pred_m.shape == (5, 36, 44)
    assert np.isfinite(pred_m).all()


def test_a_comparison_shorter_than_the_network_takes_is_refused(tmp_path):
    weights = write_weights(tmp_path / "s.pth", **STDAN, modality="depth", interpolate=False)
    with pytest.raises(ValueError, match=r"at least 2 frames at once: compare.*got 1"):
        DepthSRPredictor(weights, "cpu", overlap=2, compare=1)


def test_an_overlap_that_is_not_used_is_said(bilinear, caplog):
    DepthSRPredictor(bilinear.weights, "cpu", overlap=2)
    assert caplog.messages == [
        "Interpolation is exact without an overlap; the one of 2 frames is not used"
    ]
