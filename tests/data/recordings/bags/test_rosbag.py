"""Bags of ROS 1 and 2: topics, encodings, times and registration."""

import cv2
import numpy as np
import pytest
from fake_bags import BagMaker, compressed_depth
from recording_parts import depth_clip, rgb_clip

from stdnet_arch.data.recordings.depth_registration import Extrinsics, register_depth
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics

DEPTH_M, RGB = depth_clip(4, 6, 8), rgb_clip(4, 24, 32)
CODES = np.round(DEPTH_M * 1000).astype(np.uint16)
DEPTH, COLOR = "/camera/aligned_depth_to_color/image_raw", "/camera/color/image_raw"
RAW = "/camera/depth/image_rect_raw"


def frames_of(recording, start=0):
    depths, colors = zip(*recording.frames(start), strict=True)
    return np.stack(depths), np.stack(colors)


def plain_bag(kind):
    """Depth at 0, 33, 67, 100 ms; color 5 ms later, its third frame lost; a camera."""
    maker = BagMaker(kind)
    for i in range(4):
        maker.image(DEPTH, i / 30, CODES[i], "16UC1")
        if i != 2:
            maker.image(COLOR, i / 30 + 0.005, RGB[i], "rgb8")
    maker.camera("/camera/color/camera_info", (24, 32), 40, 41, 15.5, 11.5)
    return maker


@pytest.mark.parametrize(
    ("kind", "name"), [("ros1", "x.bag"), ("sqlite3", "folder"), ("mcap", "folder")]
)
def test_aligned_depth_and_color_are_paired_by_their_times(tmp_path, kind, name):
    path = plain_bag(kind).write(tmp_path / name)
    recording = open_recording(path, None, Reading(), 4)
    depths, colors = frames_of(recording)
    np.testing.assert_allclose(depths, DEPTH_M[[0, 1, 3]], atol=6e-4)
    np.testing.assert_array_equal(colors, RGB[[0, 1, 3]])
    assert recording.about.pairing.lone_depth == (2,)
    assert recording.intrinsics(0) == Intrinsics(40, 41, 15.5, 11.5)
    np.testing.assert_array_equal(frames_of(recording, 2)[1], RGB[[3]])


@pytest.mark.parametrize(("kind", "ending"), [("sqlite3", "db3"), ("mcap", "mcap")])
def test_the_file_of_a_ros2_bag_is_read_without_its_folder(tmp_path, kind, ending):
    (path,) = plain_bag(kind).write(tmp_path / "folder").glob(f"*.{ending}")
    alone = path.rename(tmp_path / path.name)
    assert len(open_recording(alone, None, Reading(), 4).depth) == 3


@pytest.mark.parametrize(
    ("encoding", "stored"),
    [
        ("bgr8", RGB[0][..., ::-1]),
        ("rgba8", np.dstack((RGB[0], np.full((24, 32), 7, np.uint8)))),
        ("bgra8", np.dstack((RGB[0][..., ::-1], np.full((24, 32), 7, np.uint8)))),
    ],
)
def test_encodings_of_color_become_rgb(tmp_path, encoding, stored):
    maker = BagMaker("sqlite3")
    maker.image(DEPTH, 0, DEPTH_M[0], "32FC1")
    maker.image(COLOR, 0, stored, encoding)
    depths, colors = frames_of(open_recording(maker.write(tmp_path / "b"), None, Reading(), 4))
    np.testing.assert_array_equal(depths[0], DEPTH_M[0])
    np.testing.assert_array_equal(colors[0], RGB[0])


@pytest.mark.parametrize(("encoding", "within_m"), [("16UC1", 6e-4), ("32FC1", 1e-3)])
def test_compressed_depth_and_color_are_decoded(tmp_path, encoding, within_m):
    maker, depth_m = BagMaker("mcap"), DEPTH_M[0].copy()
    depth_m[2, 3] = 0
    data = compressed_depth(depth_m, encoding)
    maker.compressed(
        "/camera/depth_registered/compressedDepth", 0, data, f"{encoding}; compressedDepth"
    )
    png = cv2.imencode(".png", RGB[0][..., ::-1])[1].tobytes()
    maker.compressed("/camera/color/compressed", 0, png, "rgb8; png compressed bgr8")
    depths, colors = frames_of(open_recording(maker.write(tmp_path / "b"), None, Reading(), 4))
    np.testing.assert_allclose(depths[0], depth_m, atol=within_m)
    np.testing.assert_array_equal(colors[0], RGB[0])


@pytest.mark.parametrize(("kind", "name"), [("ros1", "b.bag"), ("sqlite3", "b")])
def test_raw_depth_is_moved_by_the_transforms_of_the_bag(tmp_path, kind, name):
    maker = BagMaker(kind)
    maker.image(RAW, 0, CODES[0], "16UC1", "depth_frame")
    maker.image(COLOR, 0, RGB[0], "rgb8", "color_frame")
    maker.camera("/camera/depth/camera_info", (6, 8), 8, 9, 3.5, 2.5)
    maker.camera("/camera/color/camera_info", (24, 32), 32, 36, 15.5, 11.5)
    half = np.sqrt(0.5)  # a quarter turn about z, in two steps through the base
    maker.transform("base", "depth_frame", (0, 0, half, half), (1.0, 2.0, 0.0))
    maker.transform("base", "color_frame", (0, 0, half, half), (1.1, 2.0, 0.0))
    recording = open_recording(maker.write(tmp_path / name), None, Reading(), 4)
    # Color lies 0.1 m along the base's x, which is minus y of both cameras.
    pose = Extrinsics(np.eye(3), np.array([0, 0.1, 0]))
    expected = register_depth(
        CODES[0] / 1000, Intrinsics(8, 9, 3.5, 2.5), Intrinsics(32, 36, 15.5, 11.5), pose, (6, 8), 4
    )
    np.testing.assert_allclose(recording.depth.read(0), expected, atol=1e-6)
    assert (expected != CODES[0] / 1000).any()
    assert "moved to the color camera" in recording.about.layout


def test_raw_depth_without_transforms_is_one_message(tmp_path):
    maker = BagMaker("sqlite3")
    maker.image(RAW, 0, CODES[0], "16UC1", "depth_frame")
    maker.image(COLOR, 0, RGB[0], "rgb8", "color_frame")
    path = maker.write(tmp_path / "b")
    with pytest.raises(
        ValueError, match="neither /tf_static nor extrinsics.*aligned_depth_to_color"
    ):
        open_recording(path, None, Reading(), 4)


def test_topics_can_be_chosen_and_infrared_is_no_color(tmp_path):
    maker = plain_bag("sqlite3")
    maker.image("/camera/infra1/image", 0, RGB[0, ..., 0], "mono8")
    maker.image("/other/rgbd/depth", 0, CODES[3], "16UC1")
    path = maker.write(tmp_path / "b")
    assert len(open_recording(path, None, Reading(), 4).depth) == 3
    chosen = open_recording(path, None, Reading(depth_topic="/other/rgbd/depth"), 4)
    np.testing.assert_allclose(chosen.depth.read(0), DEPTH_M[3], atol=6e-4)
    with pytest.raises(ValueError, match="got depth /camera/aligned.*--depth-topic"):
        open_recording(path, None, Reading(depth_topic="/none"), 4)


def test_an_encoding_that_is_not_read_is_named(tmp_path):
    maker = BagMaker("sqlite3")
    maker.image(DEPTH, 0, CODES[0], "16UC1")
    maker.image(COLOR, 0, RGB[0].astype(np.float32), "32FC3")
    recording = open_recording(maker.write(tmp_path / "b"), None, Reading(), 4)
    with pytest.raises(ValueError, match="expected color as rgb8.*got 32FC3"):
        next(recording.colors())


def test_rubbish_is_named(tmp_path):
    pytest.importorskip("rosbags")
    (tmp_path / "x.mcap").write_bytes(b"rubbish" * 9)
    with pytest.raises(ValueError, match=r"x\.mcap: expected a ROS bag"):
        open_recording(tmp_path / "x.mcap", None, Reading(), 4)
