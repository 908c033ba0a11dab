"""Scenes of ARKitScenes: depth and RGB at different rates."""

import numpy as np
import pytest
from recording_parts import depth_clip, rgb_clip, write_gray, write_picture

from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics

DEPTH_M, RGB = depth_clip(9, 4, 6), rgb_clip(3, 16, 24)
DEPTH_TIMES = [100 + i / 60 for i in range(9)]
RGB_TIMES = [100.001, 100.067, 100.101]  # nearest to depth 0, 4 and 6


def write_scene(folder, rgb="vga_wide", rgb_times=RGB_TIMES):
    """A raw scene: depth at 60 Hz, RGB now and then."""
    for time, frame in zip(DEPTH_TIMES, DEPTH_M, strict=True):
        write_depth(folder / f"lowres_depth/4711_{time:.3f}.png", frame, "png16")
        write_gray(folder / f"confidence/4711_{time:.3f}.png", np.full((4, 6), 1))
    for i, (time, frame) in enumerate(zip(rgb_times, RGB, strict=True)):
        write_picture(folder / f"{rgb}/4711_{time:.3f}.png", frame)
        camera = folder / f"{rgb}_intrinsics/4711_{time + 0.001:.3f}.pincam"
        camera.parent.mkdir(exist_ok=True)
        camera.write_text(f"24 16 {20 + i} 21 12 8\n")


@pytest.mark.parametrize("rgb", ["wide", "hires_wide", "vga_wide"])
def test_every_picture_takes_the_depth_nearest_in_time(tmp_path, rgb):
    write_scene(tmp_path, rgb)
    recording = open_recording(tmp_path, None, Reading(), 4)
    depths, colors = zip(*recording.frames(), strict=True)
    np.testing.assert_allclose(np.stack(depths), DEPTH_M[[0, 4, 6]], atol=1e-6)
    np.testing.assert_array_equal(np.stack(colors), RGB)
    assert recording.depth.name(1) == "4711_100.067"
    assert recording.intrinsics(2) == Intrinsics(22, 21, 12, 8)


def test_pictures_without_depth_are_left_out_and_counted(tmp_path):
    write_scene(tmp_path, rgb_times=[*RGB_TIMES[:2], 107.5])
    recording = open_recording(tmp_path, None, Reading(), 4)
    assert len(recording.depth) == 2
    assert (recording.about.pairing.lone_rgb, len(recording.about.pairing.lone_depth)) == ((2,), 7)


def test_low_confidence_is_no_depth(tmp_path):
    write_scene(tmp_path)
    kept, lost = (open_recording(tmp_path, None, Reading(min_confidence=m), 4) for m in (1, 2))
    assert kept.depth.read(1).all()
    assert not lost.depth.read(1).any()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda scene: (scene / "vga_wide").rename(scene / "pictures"), "expected RGB in one of"),
        (lambda scene: write_gray(scene / "lowres_depth/a.png", np.ones((4, 6))), "<id>_<seconds>"),
        (
            lambda scene: (scene / "vga_wide_intrinsics/4711_100.002.pincam").write_text("1 2"),
            "expected width height fx fy cx cy; got",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, damage, message):
    write_scene(tmp_path)
    damage(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        open_recording(tmp_path, None, Reading(), 4).intrinsics(0)


def test_times_that_never_meet_are_told(tmp_path):
    write_scene(tmp_path, rgb_times=[1, 2, 3])
    with pytest.raises(ValueError, match="no further apart than 9.33 ms; the nearest"):
        open_recording(tmp_path, None, Reading(), 4)
