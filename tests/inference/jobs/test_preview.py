"""The video for people: three panels, one colour range."""

import numpy as np
import pytest
from recording_parts import rgb_clip

from stdnet_arch.inference.jobs.preview import clip_limits, write_video

av = pytest.importorskip("av")


def read(path):
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        return rate, [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def frames(count, near, far):
    """Flat RGB, LR depth with a nearer left half, and a flat prediction."""
    for i in range(count):
        lq = np.full((6, 8), far, np.float32)
        lq[:, :4] = near
        rgb = np.full((48, 64, 3), 40 * i, np.uint8)
        yield rgb, lq, np.full((48, 64), far, np.float32)


def test_panels_stand_side_by_side_and_mean_the_same(tmp_path):
    write_video(tmp_path / "a" / "x.mp4", frames(3, 1, 4), (1, 4), 12)
    rate, pictures = read(tmp_path / "a" / "x.mp4")
    assert (rate, len(pictures), pictures[0].shape) == (12, 3, (48, 3 * 64, 3))
    first, second = pictures[1], pictures[2]
    assert abs(int(first[24, 32].mean()) - 40) < 6
    assert abs(int(second[24, 32].mean()) - 80) < 6
    near, far, pred = (first[24, x].astype(int) for x in (64 + 16, 64 + 48, 128 + 32))
    assert near[0] > far[0] + 40  # red against blue
    assert np.abs(far - pred).max() < 12


def test_wide_frames_are_shrunk_to_even_sides(tmp_path):
    rgb = rgb_clip(1, 101, 1303)[0]
    depth_m = np.ones((101, 1303), np.float32)
    write_video(tmp_path / "x.mp4", [(rgb, depth_m[::4, ::4], depth_m)], (0.5, 2), 30)
    assert read(tmp_path / "x.mp4")[1][0].shape == (50, 3 * 640, 3)


def test_no_frames_leave_no_file(tmp_path):
    with pytest.raises(ValueError, match="at least one frame"):
        write_video(tmp_path / "x.mp4", [], (1, 2), 30)
    assert list(tmp_path.iterdir()) == []


def test_limits_hold_for_the_whole_clip_without_outliers():
    quiet = np.linspace(2, 3, 1001).astype(np.float32)
    far = quiet + 4
    far[0], quiet[0] = 9000, np.nan
    near_m, far_m = clip_limits([quiet, np.zeros(3), far])
    assert near_m == pytest.approx(2.005, abs=2e-3)
    assert far_m == pytest.approx(6.996, abs=2e-3)
    assert clip_limits([np.full(4, np.nan)]) == (0, 1)
