"""Videos with cameras: files, recordings of phones, clips of datasets."""

import numpy as np
import pytest
from recording_parts import write_recording, write_rgb_folder

from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.data.synthetic.recording import write_synthetic_recording
from stdnet_arch.data.synthetic.source import Synthetic
from stdnet_arch.stereodiff.open_video import (
    open_files,
    open_source_clip,
)


def test_a_written_synthetic_clip_has_the_cameras_of_its_source(tmp_path):
    write_synthetic_recording(tmp_path, 3, (16, 24), 4, seed=3)
    source = Synthetic(num_clips=1, num_frame=3, size=(16, 24), seed=3)
    camera = np.loadtxt(tmp_path / "intrinsics.txt")
    video = open_files(tmp_path / "rgb", tmp_path / "poses.txt", intrinsics=camera)
    for i, rgb in enumerate(video.colors()):
        np.testing.assert_allclose(video.pose(i), source.pose("0000", i))
        np.testing.assert_array_equal(rgb, source.guide("0000", i))
    assert video.intrinsics(0) == pytest.approx(source.intrinsics_px("0000"))
    assert list(video.names) == ["000000", "000001", "000002"]


def test_a_clip_of_a_dataset_brings_its_cameras():
    options = {"num_clips": 2, "num_frame": 4, "size": [16, 24], "seed": 1}
    source = Synthetic(**options)
    video = open_source_clip("Synthetic", "", "0001", options)
    assert len(video) == len(list(video.colors())) == 4
    np.testing.assert_array_equal(video.pose(2), source.pose("0001", 2))
    assert video.intrinsics(0) == Intrinsics(*source.intrinsics_px("0001"))


def test_an_unknown_clip_is_told_which_there_are():
    with pytest.raises(ValueError, match="has the clips 0000; got '7'"):
        open_source_clip("Synthetic", "", "7", {"num_clips": 1})


def test_numbers_of_frames_must_agree(tmp_path):
    write_recording(tmp_path, frames=3)
    (tmp_path / "poses.txt").write_text("1 0 0 0  0 1 0 0  0 0 1 0\n" * 2)
    with pytest.raises(ValueError, match="expected 3 poses, as frames of .*; got 2"):
        open_files(tmp_path / "rgb", tmp_path / "poses.txt")
    write_rgb_folder(tmp_path / "two", np.zeros((2, 4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="expected 2 depths; got 3"):
        open_files(tmp_path / "two", depth=tmp_path / "depth")


@pytest.mark.parametrize("camera", [(1, 2, 3), (0, 1, 2, 3)])
def test_a_camera_that_is_none_is_refused(tmp_path, camera):
    write_recording(tmp_path, frames=2)
    with pytest.raises(ValueError, match="intrinsics must be fx, fy > 0 and cx, cy"):
        open_files(tmp_path / "rgb", intrinsics=camera)
