"""Depth and RGB are paired, and counts that differ are told."""

import numpy as np
import pytest
from recording_parts import depth_clip, rgb_clip, write_depth_folder, write_rgb_folder

from stdnet_arch.data.recordings.depth_io import DepthCoding, DepthFolder
from stdnet_arch.data.recordings.recording import FileRecording, Intrinsics
from stdnet_arch.data.recordings.rgb_io import RGBFolder


def recording_of(folder, depth_frames, rgb_frames, **options):
    depth_m, rgb = depth_clip(depth_frames, 2, 3), rgb_clip(rgb_frames, 8, 12)
    write_depth_folder(folder / "d", depth_m)
    write_rgb_folder(folder / "c", rgb)
    sides = DepthFolder(folder / "d", DepthCoding()), RGBFolder(folder / "c")
    return FileRecording(*sides, "the depth", "the RGB", **options), depth_m, rgb


@pytest.mark.parametrize("start", [0, 2])
def test_frames_are_pairs_from_any_on(tmp_path, start):
    recording, depth_m, rgb = recording_of(tmp_path, 4, 4)
    depths, colors = zip(*recording.frames(start), strict=True)
    np.testing.assert_allclose(np.stack(depths), depth_m[start:])
    np.testing.assert_array_equal(np.stack(colors), rgb[start:])
    np.testing.assert_array_equal(np.stack(list(recording.colors(start))), rgb[start:])


def test_known_counts_that_differ_are_refused_at_once(tmp_path):
    message = "as many frames: the depth has 4, the RGB has 3"
    with pytest.raises(ValueError, match=message):
        recording_of(tmp_path, 4, 3)


@pytest.mark.parametrize(("rgb_frames", "word"), [(3, "ends after 3"), (5, "has more")])
def test_unknown_counts_that_differ_are_told_at_the_end(tmp_path, rgb_frames, word, monkeypatch):
    original = RGBFolder.__init__

    def uncounted(self, *arguments):
        original(self, *arguments)
        self.count = None

    monkeypatch.setattr(RGBFolder, "__init__", uncounted)
    recording, _, _ = recording_of(tmp_path, 4, rgb_frames)
    with pytest.raises(ValueError, match=f"the depth has 4, the RGB {word}"):
        list(recording.frames())


def test_a_camera_is_given_per_frame(tmp_path):
    recording, _, _ = recording_of(tmp_path, 2, 2, camera=lambda i: Intrinsics(i, 2, 3, 4))
    assert recording.intrinsics(7) == Intrinsics(fx_px=7, fy_px=2, cx_px=3, cy_px=4)
