"""What a path holds is recognised, or said."""

import numpy as np
import pytest
from recording_parts import write_recording

from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading


def test_two_folders_are_a_recording(tmp_path):
    depth_m, _ = write_recording(tmp_path)
    recording = open_recording(tmp_path / "depth", tmp_path / "rgb", Reading(), 4)
    assert len(recording.depth) == len(depth_m)
    np.testing.assert_allclose(recording.depth.read(3), depth_m[3], atol=1e-6)
    assert recording.intrinsics(0) is None


def test_two_folders_hold_no_confidence(tmp_path):
    write_recording(tmp_path)
    with pytest.raises(ValueError, match="two folders hold no confidence"):
        open_recording(tmp_path / "depth", tmp_path / "rgb", Reading(min_confidence=1), 4)


def test_a_folder_of_another_kind_is_told_what_there_is(tmp_path):
    write_recording(tmp_path)
    with pytest.raises(ValueError, match=r"RealSense \(\.bag, \.db3\) .*Stray Scanner, Record3D"):
        open_recording(tmp_path / "depth", None, Reading(), 4)


@pytest.mark.parametrize(
    ("left", "hint"),
    [
        ("infer.json", "it is a result of infer, not a recording"),
        ("recording/depth", "live wrote it: its recording is .*recording, what it showed .*result"),
        ("else", "name its RGB, too .--rgb RGB; of live: --camera replay DEPTH RGB"),
    ],
)
def test_a_folder_that_holds_no_recording_gets_the_hint_that_helps(tmp_path, left, hint):
    (tmp_path / left).parent.mkdir(exist_ok=True)
    (tmp_path / left).touch()
    with pytest.raises(ValueError, match=hint):
        open_recording(tmp_path, None, Reading(), 4)


@pytest.mark.parametrize("name", ["gone", "gone.bag"])
def test_nothing_there_is_said(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f"expected a recording at .*{name}; it does not"):
        open_recording(tmp_path / name, None, Reading(), 4)
