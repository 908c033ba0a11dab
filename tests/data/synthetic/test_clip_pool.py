"""Stored windows: what comes back, and crops of it."""

import numpy as np
import pytest
import torch

from stdnet_arch.data.synthetic.clip_pool import ClipPool, Window, read_shard, write_shard


def window(seed, t=3, h=24, w=32):
    rng = np.random.default_rng(seed)
    smooth = np.linspace(0.4, 9, h * w).reshape(h, w)
    rgb = np.broadcast_to((smooth * 25).astype(np.uint8)[None, ..., None], (t, h, w, 3))
    depth = smooth + rng.random((t, h, w))
    flow = rng.normal(0, 5, (t - 1, 2, h, w))
    return Window(rgb, depth, flow, rng.random((t - 1, h, w)) > 0.3)


@pytest.fixture
def shard(tmp_path):
    windows = [window(1), window(2)]
    write_shard(tmp_path / "worlds_000.npz", windows)
    return tmp_path / "worlds_000.npz", windows


def test_windows_come_back(shard):
    path, windows = shard
    rgb, depth, flow, seen = read_shard(path)
    for i, one in enumerate(windows):
        assert np.abs(rgb[i].astype(int) - one.rgb).mean() < 3
        # A code of 6553.5 / depth: half a step of it is depth^2 / 13107.
        assert (np.abs(depth[i] - one.depth_m) <= one.depth_m**2 / 13000).all()
        np.testing.assert_allclose(flow[i], one.flow_px[..., ::4, ::4], atol=1 / 60)
        np.testing.assert_array_equal(seen[i], one.seen[..., ::4, ::4])


def test_single_pictures_come_back(tmp_path):
    write_shard(tmp_path / "worlds_000.npz", [window(1, t=1), window(2, t=1)])
    rgb, depth, flow, seen = read_shard(tmp_path / "worlds_000.npz")
    assert (rgb.shape, depth.shape) == ((2, 1, 24, 32, 3), (2, 1, 24, 32))
    assert (flow.shape, seen.shape) == ((2, 0, 2, 6, 8), (2, 0, 6, 8))
    np.testing.assert_allclose(depth[1, 0], window(2, t=1).depth_m[0], atol=0.01)
    pool = ClipPool([tmp_path / "worlds_000.npz"], torch.device("cpu"), seed=3, frames=1, side=16)
    assert pool.scenes(5).depth_m.shape == (5, 1, 1, 16, 16)


def test_crops_lie_in_a_window_with_their_flow_and_time_turned_round(shard):
    path, windows = shard
    pool = ClipPool([path], torch.device("cpu"), seed=3, frames=2, side=16)
    scenes = pool.scenes(5)
    assert scenes.rgb.shape == (5, 2, 3, 16, 16)
    assert scenes.flow_px.shape == (5, 1, 2, 4, 4)
    stored = np.stack([one.depth_m for one in windows])
    for depth, flow in zip(scenes.depth_m[:, :, 0], scenes.flow_px[:, 0], strict=True):
        # The later frame stands first.
        gaps = np.abs(stored[:, 1:, :9, :17] - float(depth[0, 0, 0]))
        i, first, y, x = np.unravel_index(gaps.argmin(), gaps.shape)
        np.testing.assert_allclose(depth[1], stored[i, first, y : y + 16, x : x + 16], atol=0.02)
        expected = windows[i].flow_px[first, :, y : y + 16 : 4, x : x + 16 : 4]
        np.testing.assert_allclose(flow, expected, atol=0.05)


def test_crops_larger_than_windows_are_refused(shard):
    with pytest.raises(ValueError, match="windows have 3 frames of 24x32; 2 frames of 64x64"):
        ClipPool([shard[0]], torch.device("cpu"), seed=3, frames=2, side=64)
