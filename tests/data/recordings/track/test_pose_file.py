"""Poses in text files of three layouts and two conventions of axes."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from stdnet_arch.data.recordings.track.pose_file import read_poses

QUATERNION = [0.1, -0.3, 0.2, 0.9]
POSE = np.eye(4)
POSE[:3, :3] = Rotation.from_quat(QUATERNION).as_matrix()
POSE[:3, 3] = [1, 2, 3]
LINES = {
    "TUM": [17.5, 1, 2, 3, *QUATERNION],
    "KITTI": POSE[:3].ravel(),
    "4x4": POSE.ravel(),
}


def write(path, *lines):
    path.write_text("# a comment\n\n" + "\n".join(" ".join(map(str, line)) for line in lines))
    return path


@pytest.mark.parametrize("layout", LINES)
def test_every_layout_is_the_same_pose(tmp_path, layout):
    poses = read_poses(write(tmp_path / "p.txt", LINES[layout], LINES[layout]))
    np.testing.assert_allclose(poses, [POSE, POSE], atol=1e-12)


def test_opengl_looks_along_minus_z_with_y_up(tmp_path):
    (pose,) = read_poses(write(tmp_path / "p.txt", LINES["KITTI"]), "opengl")
    forward, down = POSE[:3, :3] @ [0, 0, -1], POSE[:3, :3] @ [0, -1, 0]
    np.testing.assert_allclose(pose[:3, 2], forward)
    np.testing.assert_allclose(pose[:3, 1], down)
    np.testing.assert_array_equal(pose[:3, 3], [1, 2, 3])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([1, 2, 3], "line 3: expected 8, 12, 16 numbers; got 3"),
        (2 * POSE[:3].ravel(), "line 3: expected a rotation"),
        (["a"] * 8, "line 3: could not convert"),
    ],
)
def test_a_line_that_is_no_pose_is_named(tmp_path, line, message):
    with pytest.raises(ValueError, match=message):
        read_poses(write(tmp_path / "p.txt", line))


def test_no_pose_at_all_and_unknown_axes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a pose per line"):
        read_poses(write(tmp_path / "p.txt"))
    with pytest.raises(ValueError, match="one of opencv, opengl; got 'blender'"):
        read_poses(tmp_path / "p.txt", "blender")
