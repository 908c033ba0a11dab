"""Scenes: the last frames, holes that do not count, stills apart, missing ones named."""

import logging

import cv2
import numpy as np
import pytest

from stdnet_arch.evaluation.zero_shot.scenes import SceneFiles, load_scenes

KITCHEN = SceneFiles(name="kitchen", folder="scenes/kitchen")
STILLS = SceneFiles(name="stills", folder="scenes/stills", video=False)


@pytest.fixture
def root(tmp_path):
    """Two scenes of three frames of 8x12, depth in mm; frame i lies at i + 1 metres."""
    for name in ("kitchen", "stills"):
        folder = tmp_path / "scenes" / name
        (folder / "rgb").mkdir(parents=True)
        (folder / "depth").mkdir()
        for i in range(3):
            depth_mm = np.full((8, 12), 1000 * (i + 1), np.uint16)
            depth_mm[0, :2] = 0
            cv2.imwrite(str(folder / "depth" / f"{i:03d}.png"), depth_mm)
            cv2.imwrite(str(folder / "rgb" / f"{i:03d}.png"), np.full((8, 12, 3), 10 * i, np.uint8))
    return tmp_path


def test_the_last_frames_are_read(root):
    scene = load_scenes(root, frames=2, known=[KITCHEN])[0]
    assert scene.depth_m[:, -1, -1].tolist() == [2.0, 3.0]
    assert scene.rgb[:, -1, -1, 0].tolist() == [10, 20]


def test_all_frames_are_read_without_a_limit(root):
    assert len(load_scenes(root, frames=None, known=[KITCHEN])[0].rgb) == 3


def test_holes_of_the_sensor_do_not_count(root):
    scene = load_scenes(root, known=[KITCHEN])[0]
    assert scene.valid.sum() == 3 * (8 * 12 - 2)
    assert not scene.valid[:, 0, :2].any()


def test_frames_of_a_video_are_one_clip_and_stills_are_one_each(root):
    video, stills = load_scenes(root, known=[KITCHEN, STILLS])
    assert [len(scene.clips()) for scene in (video, stills)] == [1, 3]


def test_a_missing_scene_is_named_in_a_warning(root, caplog):
    gone = SceneFiles(name="gone", folder="scenes/gone")
    with caplog.at_level(logging.WARNING):
        assert [s.name for s in load_scenes(root, known=[gone, KITCHEN])] == ["kitchen"]
    assert "gone" in caplog.text


def test_no_scene_at_all_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="scenes/kitchen"):
        load_scenes(tmp_path, known=[KITCHEN])


def test_a_wrong_clip_name_is_an_error_that_lists_the_clips(root):
    with pytest.raises(ValueError, match="kitchen"):
        load_scenes(root, known=[SceneFiles(name="k", folder="scenes/kitchen", clip="hall")])


def test_less_than_a_frame_is_refused(root):
    with pytest.raises(ValueError, match="at least 1"):
        load_scenes(root, frames=0, known=[KITCHEN])
