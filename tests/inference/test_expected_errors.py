"""Holes, steps, any range and expected errors: what a network of that contract gets and gives."""

import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from recording_parts import rgb_clip

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.inference.clip_step import ClipStep
from stdnet_arch.inference.depth_cleaning import SensorFrame
from stdnet_arch.inference.predictor import DepthSRPredictor

STEP_M = 0.1


@pytest.fixture
def predictor(expecting_weights):
    """Of the network that expects errors."""
    return DepthSRPredictor(expecting_weights, "cpu")


def stepped(frames=3, size=(6, 9)):
    """Depth of 3 to 8 m in steps of 10 cm, beyond the range of 2 m, with one hole per frame."""
    values = np.arange(np.prod((frames, *size))).reshape(frames, *size) % 50
    depth_m = (3 + STEP_M * values).astype(np.float32)
    depth_m[:, 1, 2] = 0
    return depth_m


def run(predictor, depth_m):
    rgb = rgb_clip(len(depth_m), 4 * depth_m.shape[1], 4 * depth_m.shape[2])
    return list(predictor.predict_frames(zip(depth_m, rgb, strict=True)))


def test_holes_reach_a_network_that_takes_them(predictor):
    depth_m = stepped()
    run(predictor, depth_m)
    assert predictor.net.seen[0][0, 0, 0, 1, 2] == 0
    np.testing.assert_allclose(predictor.net.seen[0][0, 0, 0] * 2, depth_m[0], rtol=1e-6)


def test_depth_beyond_the_range_is_not_clipped(predictor, caplog):
    frames = run(predictor, stepped())
    assert max(frame.depth_m.max() for frame in frames) > 7.9
    assert "beyond" not in caplog.text


def test_expected_errors_come_in_metres(predictor):
    depth_m = np.full((2, 5, 7), 3.0, np.float32)
    for frame in run(predictor, depth_m):
        assert frame.error_m.shape == frame.depth_m.shape == (20, 28)
        np.testing.assert_allclose(frame.error_m, 0.3, rtol=1e-6)


def test_networks_that_expect_no_errors_give_none(bilinear):
    frame = next(bilinear.predict_frames([(np.ones((4, 6), np.float32), rgb_clip(1, 16, 24)[0])]))
    assert frame.error_m is None


def test_errors_are_resampled_with_the_depth(predictor):
    depth_m = np.full((1, 4, 6), 3.0, np.float32)
    frame = next(predictor.predict_frames(zip(depth_m, rgb_clip(1, 30, 45), strict=True)))
    assert frame.error_m.shape == (30, 45)
    np.testing.assert_allclose(frame.error_m, 0.3, rtol=1e-6)


def test_tiles_blend_errors_as_depth(expecting_weights):
    depth_m = stepped(size=(9, 12))
    whole = run(DepthSRPredictor(expecting_weights, "cpu"), depth_m)
    tiled = run(DepthSRPredictor(expecting_weights, "cpu", tile=6, compare=0), depth_m)
    for one, other in zip(whole, tiled, strict=True):
        np.testing.assert_allclose(one.error_m, other.error_m, atol=1e-5)
        np.testing.assert_allclose(one.depth_m, other.depth_m, atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 2])
def test_the_step_of_the_first_frame_is_told_in_units_of_lq(expecting_weights, chunk):
    predictor = DepthSRPredictor(expecting_weights, "cpu", chunk=chunk)
    depth_m = stepped()
    depth_m[1:] += np.random.default_rng(0).uniform(0, 0.03, depth_m[1:].shape)
    run(predictor, depth_m)
    np.testing.assert_allclose(predictor.net.steps, STEP_M / 2, atol=1e-4)
    assert predictor.net.step == 0


def test_what_the_user_says_of_the_step_wins(expecting_weights):
    predictor = DepthSRPredictor(expecting_weights, "cpu", step_m=0.4)
    frames = run(predictor, stepped(1))
    assert predictor.net.steps[0] == pytest.approx(0.2)
    expected_m = frames[0].depth_m / 1.01 / 10 + 10 * 0.4
    np.testing.assert_allclose(frames[0].error_m, expected_m, rtol=1e-5)


def test_a_negative_step_is_refused(expecting_weights):
    with pytest.raises(ValueError, match="at least 0"):
        DepthSRPredictor(expecting_weights, "cpu", step_m=-0.1)


def test_two_clips_at_once_keep_their_steps(predictor):
    coarse, fine = stepped(4), stepped(4) / 10
    rgb = rgb_clip(4, 24, 36)
    pairs = [zip(depth_m, rgb, strict=True) for depth_m in (coarse, fine)]
    clips = [predictor.predict_frames(frames) for frames in pairs]
    for _ in range(4):
        for clip in clips:
            next(clip)
    np.testing.assert_allclose(predictor.net.steps, [0.05, 0.005] * 4, atol=1e-4)


def test_frames_without_depth_leave_the_step_open(predictor):
    step = ClipStep(predictor.net, 2.0)
    blank = np.zeros((4, 6), np.float32)
    step.see(SensorFrame(blank, blank > 0, rgb_clip(1, 16, 24)[0]))
    assert (step.seen, step.step_m) == (False, None)
    first = stepped(1)[0]
    step.see(SensorFrame(first, first > 0, rgb_clip(1, 24, 36)[0]))
    assert step.step_m == pytest.approx(STEP_M, rel=1e-3)
    with step.told():
        assert predictor.net.step == pytest.approx(STEP_M / 2, rel=1e-3)
    assert predictor.net.step == 0


def test_implausible_units_are_found_without_a_range(predictor):
    with pytest.raises(ValueError, match=r"must be in metres; .* too large"):
        run(predictor, 1000 * stepped(1))


@pytest.fixture
def plane_blend(tmp_path):
    """An untrained PlaneBlend, which is a stream of its own and carries its last prediction."""
    network_g = {"type": "PlaneBlend", "scale": 4, "num_feat": 8, "detail": 0}
    torch.manual_seed(0)
    path = tmp_path / "plane_blend.pth"
    save_checkpoint(
        build_network(dict(network_g)), path, about={"network_g": network_g, "depth_range_m": 1.0}
    )
    return DepthSRPredictor(path, "cpu")


def test_plane_blend_streams_depth_and_error_as_its_whole_clip(plane_blend):
    depth_m, rgb = stepped(4), rgb_clip(4, 24, 36)
    frames = list(plane_blend.predict_frames(zip(depth_m, rgb, strict=True)))
    lq = torch.from_numpy(depth_m)[None, :, None]
    guide = torch.from_numpy(rgb).permute(0, 3, 1, 2)[None] / 255
    with torch.no_grad():
        whole = plane_blend.net(lq, guide, torch.tensor([STEP_M]))
    for i, frame in enumerate(frames):
        np.testing.assert_allclose(frame.depth_m, whole["pred"][0, i, 0], atol=1e-4)
        np.testing.assert_allclose(frame.error_m, whole["error"][0, i, 0], atol=1e-4)
