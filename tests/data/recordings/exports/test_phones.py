"""What phones' apps write beyond the plain case: lost, deleted and packed frames."""

import json
import shutil

import numpy as np
import pytest
from recording_parts import depth_clip, rgb_clip, write_gray, write_picture

from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics

DEPTH_M, RGB = depth_clip(6, 6, 8), rgb_clip(6, 24, 32)


def write_stray(root, video_frames, odometry=True):
    """A scan whose video holds some frames, at their times (30 a second)."""
    av = pytest.importorskip("av")
    from fractions import Fraction

    for i, frame in enumerate(DEPTH_M):
        write_depth(root / f"depth/{i:06d}.png", frame, "png16")
        write_gray(root / f"confidence/{i:06d}.png", np.full((6, 8), i % 3))
    with av.open(str(root / "rgb.mp4"), "w") as container:
        stream = container.add_stream("libx264rgb", 30, options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = 32, 24, "rgb24"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 600)
        for i in video_frames:
            frame = av.VideoFrame.from_ndarray(RGB[i], format="rgb24")
            frame.pts, frame.time_base = 20 * i, Fraction(1, 600)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    rows = [f"{100 + i / 30:.6f}, {i:06d}, 0, 0, 0, 0, 0, 0, 1" for i in range(6)]
    if odometry:
        (root / "odometry.csv").write_text("timestamp, frame, x, y, z\n" + "\n".join(rows))
    (root / "camera_matrix.csv").write_text("1599.6957, 0.0, 955.5\n0.0, 1599.7, 717.8\n0, 0, 1\n")


def test_a_video_that_lost_frames_is_paired_by_its_times(tmp_path):
    write_stray(tmp_path, [0, 1, 2, 4, 5])
    recording = open_recording(tmp_path, None, Reading(), 4)
    depths, colors = zip(*recording.frames(), strict=True)
    np.testing.assert_allclose(np.stack(depths), DEPTH_M[[0, 1, 2, 4, 5]], atol=1e-6)
    np.testing.assert_array_equal(np.stack(colors), RGB[[0, 1, 2, 4, 5]])
    assert recording.about.pairing.lone_depth == (3,)
    assert recording.intrinsics(4) == Intrinsics(1599.6957, 1599.7, 955.5, 717.8)


def test_depth_that_was_deleted_takes_its_own_picture_and_confidence(tmp_path):
    write_stray(tmp_path, range(6))
    (tmp_path / "depth/000001.png").unlink()
    recording = open_recording(tmp_path, None, Reading(min_confidence=1), 4)
    assert [bool(recording.depth.read(i).any()) for i in range(5)] == [
        False,
        True,
        False,
        True,
        True,
    ]
    np.testing.assert_array_equal(np.stack([*recording.colors()]), RGB[[0, 2, 3, 4, 5]])


def test_without_times_lost_frames_are_told(tmp_path):
    write_stray(tmp_path, [0, 1, 2, 4, 5], odometry=False)
    with pytest.raises(ValueError, match="depth has 6, .*has 5, and odometry.csv does not say"):
        open_recording(tmp_path, None, Reading(), 4)


def test_a_camera_matrix_of_other_text_is_named(tmp_path):
    write_stray(tmp_path, range(6))
    (tmp_path / "camera_matrix.csv").write_text("fx, fy\n1, 2\n")
    with pytest.raises(ValueError, match=r"camera_matrix\.csv: expected a number; got 'fx'"):
        open_recording(tmp_path, None, Reading(), 4)


def write_r3d(path, sizes=True, kind=np.float32):
    """A ``.r3d``: a zip of metadata, pictures, LZFSE depth and confidence; returns its folder."""
    lzfse = pytest.importorskip("lzfse")
    root = path.with_suffix("")
    for i, frame in enumerate(DEPTH_M[:4]):
        write_picture(root / f"rgbd/{i}.png", RGB[i])
        (root / f"rgbd/{i}.png").rename(root / f"rgbd/{i}.jpg")
        (root / f"rgbd/{i}.depth").write_bytes(lzfse.compress(frame.astype(kind).tobytes()))
        confidence = np.full((6, 8), i % 3, np.uint8)
        (root / f"rgbd/{i}.conf").write_bytes(lzfse.compress(confidence.tobytes()))
    metadata = {"fps": 30, "perFrameIntrinsicCoeffs": [[40 + i, 41, 15, 11] for i in range(4)]}
    metadata |= {"dw": 8, "dh": 6} if sizes else {}
    (root / "metadata").write_text(json.dumps(metadata))
    shutil.make_archive(str(path.with_suffix("")), "zip", root, ".")
    path.with_suffix(".zip").rename(path)
    return root


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_r3d_holds_metres_pictures_confidence_and_cameras(tmp_path, kind):
    write_r3d(tmp_path / "x.r3d", kind=kind)
    recording = open_recording(tmp_path / "x.r3d", None, Reading(), 4)
    depths, colors = zip(*recording.frames(), strict=True)
    np.testing.assert_array_equal(np.stack(depths), DEPTH_M[:4].astype(kind))
    np.testing.assert_array_equal(np.stack(colors), RGB[:4])
    assert (recording.fps, recording.intrinsics(3)) == (30, Intrinsics(43, 41, 15, 11))
    confident = open_recording(tmp_path / "x.r3d", None, Reading(min_confidence=2), 4)
    assert [bool(confident.depth.read(i).any()) for i in range(4)] == [False, False, True, False]


def test_an_unpacked_r3d_that_lost_frames_keeps_the_cameras_of_their_numbers(tmp_path):
    root = write_r3d(tmp_path / "x.r3d")
    for name in ("1.jpg", "1.depth", "1.conf"):
        (root / "rgbd" / name).unlink()
    recording = open_recording(root, None, Reading(), 4)
    assert [recording.intrinsics(i).fx_px for i in range(3)] == [40, 42, 43]


def test_r3d_of_an_unknown_size_or_broken_data_is_named(tmp_path):
    root = write_r3d(tmp_path / "x.r3d", sizes=False)
    recording = open_recording(root, None, Reading(), 4)
    with pytest.raises(ValueError, match=r"0\.depth: expected depth of one of"):
        recording.depth.read(0)
    (root / "rgbd/1.depth").write_bytes(b"rubbish")
    with pytest.raises(ValueError, match=r"1\.depth: expected LZFSE data"):
        recording.depth.read(1)
