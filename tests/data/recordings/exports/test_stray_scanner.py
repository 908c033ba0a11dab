"""The folder that Stray Scanner exports."""

import numpy as np
import pytest
from recording_parts import depth_clip, rgb_clip, write_gray
from test_rgb_io import write_video

from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics

DEPTH_M, RGB = depth_clip(3, 4, 6), rgb_clip(3, 30, 45)
POSE = "timestamp, frame, x, y, z, qx, qy, qz, qw"


@pytest.fixture
def scan(tmp_path):
    """A recording in the app's layout, depth 6x4 and RGB 45x30."""
    for i, frame in enumerate(DEPTH_M):
        write_depth(tmp_path / f"depth/{i:06d}.png", frame, "png16")
        write_gray(tmp_path / f"confidence/{i:06d}.png", np.arange(24).reshape(4, 6) % 3)
    write_video(tmp_path / "rgb.mp4", RGB, "libx264rgb", "rgb24")
    (tmp_path / "camera_matrix.csv").write_text("40.5,0.0,22.5\n0.0,41.5,15.0\n0.0,0.0,1.0\n")
    (tmp_path / "odometry.csv").write_text(f"{POSE}\n1.0, 000000, 0, 0, 0, 0, 0, 0, 1\n")
    return tmp_path


def open_scan(path, **options):
    return open_recording(path, None, Reading(**options), 4)


def test_depth_is_metres_beside_the_video(scan):
    recording = open_scan(scan)
    depths, colors = zip(*recording.frames(), strict=True)
    np.testing.assert_allclose(np.stack(depths), DEPTH_M, atol=1e-6)
    assert np.stack(colors).shape == RGB.shape
    assert (recording.fps, recording.depth.name(2)) == (12, "000002")
    assert recording.intrinsics(1) == Intrinsics(40.5, 41.5, 22.5, 15)


def test_the_camera_of_every_frame_wins_where_it_is_known(scan):
    rows = [f"{i}.0, 00000{i}, 0, 0, 0, 0, 0, 0, 1, {50 + i}, 51, 22, 15" for i in range(3)]
    (scan / "odometry.csv").write_text("\n".join([f"{POSE}, fx, fy, cx, cy", *rows]) + "\n")
    assert open_scan(scan).intrinsics(2) == Intrinsics(52, 51, 22, 15)


def test_a_recording_without_a_camera_has_none(scan):
    for name in ("camera_matrix.csv", "odometry.csv"):
        (scan / name).unlink()
    assert open_scan(scan).intrinsics(0) is None


@pytest.mark.parametrize("minimum", [1, 2])
def test_low_confidence_is_no_depth(scan, minimum):
    depth_m = open_scan(scan, min_confidence=minimum).depth.read(1)
    confidence = np.arange(24).reshape(4, 6) % 3
    np.testing.assert_allclose(depth_m, np.where(confidence >= minimum, DEPTH_M[1], 0), atol=1e-6)


def test_the_npy_depth_of_older_versions_is_millimetres(scan):
    for i, frame in enumerate(DEPTH_M):
        (scan / f"depth/{i:06d}.png").unlink()
        np.save(scan / f"depth/{i:06d}.npy", np.round(frame * 1000).astype(np.uint16))
    np.testing.assert_allclose(open_scan(scan).depth.read(2), DEPTH_M[2], atol=1e-6)
