"""When and where frames were taken: every layout that says it, against numbers of its own kind."""

import json

import numpy as np
import pytest
from recording_parts import depth_clip, rgb_clip, write_picture
from scipy.spatial.transform import Rotation

from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.track.apps import (
    arkitscenes_poses,
    record3d_poses,
    stray_scanner_poses,
)
from stdnet_arch.data.recordings.track.trajectory import Trajectory
from stdnet_arch.utils.input_errors import InputError

FLIP = np.diag([1.0, -1, -1, 1])


def pose_of(i):
    """The pose of frame ``i``: no two rows alike."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec([0.1 * i, 0.2, -0.05 * i]).as_matrix()
    pose[:3, 3] = [i, 2 * i + 1, 3]
    return pose


def write_frames(root, names):
    for i, name in enumerate(names):
        write_depth(root / f"depth/{name}.png", depth_clip(i + 1, 6, 8)[i], "png16")
        write_picture(root / f"rgb/{name}.png", rgb_clip(1, 24, 32)[0])


def opened(root, **reading):
    return open_recording(root, None, Reading(**reading), 4)


def lines(poses):
    return "\n".join(" ".join(map(str, np.ravel(pose))) for pose in poses) + "\n"


def tum_line(time_s, pose):
    quaternion = Rotation.from_matrix(pose[:3, :3]).as_quat()
    return " ".join(map(str, [time_s, *pose[:3, 3], *quaternion]))


def test_times_in_names_are_the_times(tmp_path):
    write_frames(tmp_path, ["10.0333", "10.2"])
    assert [opened(tmp_path).time_s(i) for i in range(2)] == [10.0333, 10.2]


def test_plain_numbers_are_no_times(tmp_path):
    write_frames(tmp_path, ["000000", "000001"])
    recording = opened(tmp_path)
    assert (recording.time_s(0), recording.pose(1)) == (None, None)


def test_poses_of_tum_are_interpolated_at_the_times_of_the_pictures(tmp_path):
    write_frames(tmp_path, ["10.1", "10.2", "12.0"])
    rows = [tum_line(10.1 + 0.2 * i, pose_of(0)) for i in range(2)]
    (tmp_path / "groundtruth.txt").write_text("# time tx\n" + "\n".join(rows))
    recording = opened(tmp_path)
    for i in range(2):
        np.testing.assert_allclose(recording.pose(i), pose_of(0), atol=1e-9)
    assert recording.pose(2) is None


def test_half_way_is_half_the_way_and_half_the_turn():
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_rotvec([0, 0, 1.0]).as_matrix()
    turned[:3, 3] = [2, 4, 6]
    found = Trajectory([0.1, 0.0], [turned, np.eye(4)]).at(0.05)
    np.testing.assert_allclose(Rotation.from_matrix(found[:3, :3]).as_rotvec(), [0, 0, 0.5])
    np.testing.assert_allclose(found[:3, 3], [1, 2, 3])


def test_poses_far_apart_say_nothing_of_the_time_between():
    trajectory = Trajectory([0.0, 1.0], [np.eye(4), pose_of(1)])
    assert trajectory.at(0.5) is None
    np.testing.assert_array_equal(trajectory.at(1.0), pose_of(1))


@pytest.mark.parametrize("name", ["poses.txt", "traj.txt"])
def test_a_list_holds_a_pose_per_frame(tmp_path, name):
    write_frames(tmp_path, range(3))
    (tmp_path / name).write_text(lines(pose_of(i) for i in range(3)))
    np.testing.assert_allclose(opened(tmp_path).pose(2), pose_of(2))


def test_a_list_of_another_length_is_said_when_it_is_asked_for(tmp_path):
    write_frames(tmp_path, range(3))
    (tmp_path / "poses.txt").write_text(lines([pose_of(1)]))
    recording = opened(tmp_path)
    with pytest.raises(ValueError, match="expected 3 poses, as RGB frames; got 1"):
        recording.pose(0)


def test_scannet_has_a_file_per_pose_and_infinite_ones_are_none(tmp_path):
    write_frames(tmp_path, range(2))
    (tmp_path / "pose").mkdir()
    (tmp_path / "pose/0.txt").write_text("\n".join(["-inf -inf -inf -inf"] * 4))
    np.savetxt(tmp_path / "pose/1.txt", pose_of(1))
    assert opened(tmp_path).pose(0) is None
    np.testing.assert_allclose(opened(tmp_path).pose(1), pose_of(1))


def test_seven_scenes_poses_lie_beside_the_frames(tmp_path):
    for i, name in enumerate(["frame-000000", "frame-000001"]):
        write_depth(tmp_path / f"{name}.depth.png", depth_clip(2, 6, 8)[i], "png16")
        write_picture(tmp_path / f"{name}.color.png", rgb_clip(2, 24, 32)[i])
        np.savetxt(tmp_path / f"{name}.pose.txt", pose_of(i + 1))
    np.testing.assert_allclose(opened(tmp_path).pose(1), pose_of(2))


def test_arkitscenes_poses_are_world_to_camera_at_times_of_their_own(tmp_path):
    rows = []
    for i in range(2):
        away = np.linalg.inv(pose_of(i))
        turn = Rotation.from_matrix(away[:3, :3]).as_rotvec()
        rows.append(" ".join(map(str, [100 + 0.1 * i, *turn, *away[:3, 3]])))
    (tmp_path / "lowres_wide.traj").write_text("\n".join(rows))
    poses = arkitscenes_poses(tmp_path / "lowres_wide.traj", [100.1, 99.0])
    np.testing.assert_allclose(poses[0], pose_of(1), atol=1e-9)
    assert poses[1] is None


def test_record3d_and_stray_scanner_see_the_same_camera(tmp_path):
    # A quarter turn about x: OpenGL's forward (-z) becomes y.
    half = np.sqrt(0.5)
    (pose,) = record3d_poses({"poses": [[half, 0, 0, half, 1, 2, 3]]})
    np.testing.assert_allclose(pose[:3, 2], [0, 1, 0], atol=1e-12)
    # The same camera with y down and z forward is a quarter turn back.
    line = f"0.0, 000000, 1, 2, 3, {-half}, 0, 0, {half}"
    text = "timestamp, frame, x, y, z, qx, qy, qz, qw\n" + line + "\n"
    (tmp_path / "odometry.csv").write_text(text)
    (other,) = stray_scanner_poses(tmp_path)
    np.testing.assert_allclose(other, pose, atol=1e-12)


def test_record3d_says_times_and_poses_by_number(tmp_path):
    write_frames(tmp_path, [0, 2])
    turns = [Rotation.from_matrix((pose_of(i) @ FLIP)[:3, :3]).as_quat() for i in range(3)]
    rows = [[*turn.tolist(), *pose_of(i)[:3, 3].tolist()] for i, turn in enumerate(turns)]
    about = {"poses": rows, "frameTimestamps": [5.0, 5.1, 5.2], "fps": 10}
    (tmp_path / "metadata.json").write_text(json.dumps(about))
    recording = opened(tmp_path)
    np.testing.assert_allclose(recording.pose(1), pose_of(2), atol=1e-9)
    assert recording.time_s(1) == 5.2


def test_a_rate_alone_counts_the_time(tmp_path):
    write_frames(tmp_path, range(2))
    (tmp_path / "metadata.json").write_text(json.dumps({"fps": 20}))
    assert opened(tmp_path).time_s(1) == 0.05


def test_transforms_say_poses_in_the_axes_of_opengl(tmp_path):
    write_frames(tmp_path, range(2))
    frames = [
        {
            "file_path": f"rgb/{i}.png",
            "depth_file_path": f"depth/{i}.png",
            "transform_matrix": (pose_of(i) @ FLIP).tolist(),
            "timestamp": 7 + i,
        }
        for i in range(2)
    ]
    (tmp_path / "transforms.json").write_text(json.dumps({"frames": frames}))
    np.testing.assert_allclose(opened(tmp_path).pose(1), pose_of(1), atol=1e-9)
    assert opened(tmp_path).time_s(1) == 8


def test_what_is_no_pose_is_said_when_it_is_asked_for_and_the_recording_is_read(tmp_path):
    write_frames(tmp_path, range(1))
    frame = {"file_path": "rgb/0.png", "depth_file_path": "depth/0.png"}
    frame |= {"transform_matrix": [[1, 2], [3, "x"]], "timestamp": "noon"}
    (tmp_path / "transforms.json").write_text(json.dumps({"frames": [frame]}))
    recording = opened(tmp_path)
    assert len(list(recording.frames())) == 1
    with pytest.raises(InputError, match=r"transforms.json: expected transform_matrix of 3 or 4"):
        recording.pose(0)
    with pytest.raises(InputError, match="expected a timestamp in seconds"):
        recording.time_s(0)


def test_polycam_says_a_pose_per_frame(tmp_path):
    write_frames(tmp_path / "keyframes", [12, 34])
    (tmp_path / "keyframes/rgb").rename(tmp_path / "keyframes/images")
    (tmp_path / "keyframes/cameras").mkdir()
    given = pose_of(3) @ FLIP
    camera = {f"t_{row}{column}": given[row, column] for row in range(3) for column in range(4)}
    camera |= {"fx": 20, "fy": 21, "cx": 15, "cy": 11}
    (tmp_path / "keyframes/cameras/34.json").write_text(json.dumps(camera))
    recording = opened(tmp_path)
    np.testing.assert_allclose(recording.pose(1), pose_of(3), atol=1e-9)
    assert recording.pose(0) is None


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_picture_shows_the_same_point_of_the_world(tmp_path, degrees):
    write_frames(tmp_path, [0])
    (tmp_path / "poses.txt").write_text(lines([pose_of(1)]))
    np.savetxt(tmp_path / "intrinsics.txt", [[30, 31, 14, 10]])
    plain, turned = opened(tmp_path), opened(tmp_path, rotate_rgb=degrees, rotate_depth=degrees)
    marked = np.zeros((24, 32), bool)
    marked[5, 7] = True
    ((row, column),) = np.argwhere(np.rot90(marked, -degrees // 90))
    expected = world_point(plain.intrinsics(0), plain.pose(0), 5, 7)
    found = world_point(turned.intrinsics(0), turned.pose(0), row, column)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def world_point(camera, pose, row, column, depth_m=2.0):
    fx, fy, cx, cy = camera
    return pose @ [(column - cx) / fx * depth_m, (row - cy) / fy * depth_m, depth_m, 1]
