"""SceneFlow in the folders of its three parts."""

import cv2
import numpy as np
import pytest
from fake_frames import coordinate_guide, write_rgb

from stdnet_arch.data.sources.sceneflow_source import SceneFlow

THINGS, DRIVING = "TRAIN/A/0003", "15mm_focallength/scene_forwards/fast"


def write_clip(root, clip, frames=2, signs=(1, 1), views=("left", "right")):
    """Disparities 1, 2, 3, ... (of the right view times 10)."""
    disparity = np.arange(1, 41, dtype=np.float32).reshape(5, 8)
    for view, sign, factor in zip(("left", "right"), signs, (1, 10), strict=True):
        for i in range(frames if view in views else 0):
            guide = coordinate_guide(1, 5, 8)[0] + np.uint8(factor)
            write_rgb(root / "frames_cleanpass" / clip / view / f"{i + 6:04d}.png", guide)
            path = root / "disparity" / clip / view / f"{i + 6:04d}.pfm"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), sign * factor * (disparity + i))
    return disparity


@pytest.mark.parametrize(("clip", "focal"), [(THINGS, 1050), (DRIVING, 450)])
@pytest.mark.parametrize(("view", "factor"), [("left", 1), ("right", 10)])
def test_depth_is_focal_length_over_disparity(tmp_path, clip, focal, view, factor):
    disparity = write_clip(tmp_path, clip, signs=(1, -1))
    source = SceneFlow(str(tmp_path), view=view)
    assert source.clips() == {clip: 2}
    np.testing.assert_allclose(source.depth_m(clip, 1), focal / factor / (disparity + 1), rtol=1e-6)
    assert source.guide(clip, 0)[2, 3].tolist() == [2 + factor, 3 + factor, factor]
    assert source.intrinsics_px(clip) == (focal, focal, 479.5, 269.5)
    assert source.lq_m(clip, 0, 4) is None


def test_no_disparity_is_no_depth(tmp_path):
    write_clip(tmp_path, THINGS, frames=1)
    path = tmp_path / "disparity" / THINGS / "left/0006.pfm"
    cv2.imwrite(str(path), np.array([[0, np.inf, 2.0]], np.float32))
    assert SceneFlow(str(tmp_path)).depth_m(THINGS, 0).tolist() == [[0, 0, 525]]


def test_all_parts_may_lie_under_one_root(tmp_path):
    write_clip(tmp_path, THINGS)
    write_clip(tmp_path, "a_rain_of_stones_x2", frames=3)
    assert SceneFlow(str(tmp_path)).clips() == {THINGS: 2, "a_rain_of_stones_x2": 3}


def test_a_part_of_the_folders_may_be_named(tmp_path):
    write_clip(tmp_path, THINGS)
    write_clip(tmp_path, "TEST/A/0000", frames=1)
    assert SceneFlow(str(tmp_path), under="TEST").clips() == {"TEST/A/0000": 1}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"view": "middle"}, ValueError, "view must be left or right; got 'middle'"),
        ({"render": "rawpass"}, ValueError, "cleanpass or finalpass; got 'rawpass'"),
        ({"render": "finalpass"}, FileNotFoundError, "expected .*frames_finalpass"),
        ({"under": "VAL"}, FileNotFoundError, "expected .*frames_cleanpass/VAL"),
    ],
)
def test_what_is_not_there_is_named(tmp_path, options, error, message):
    write_clip(tmp_path, THINGS)
    with pytest.raises(error, match=message):
        SceneFlow(str(tmp_path), **options)
