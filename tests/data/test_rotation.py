"""Poses against SciPy's rotations."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from stdnet_arch.data.rotation import pose_matrix


def test_a_quaternion_turns_as_scipy_does():
    quaternion = [0.3, -0.2, 0.5, 2.0]
    matrix = pose_matrix([1, 2, 3], quaternion)
    np.testing.assert_allclose(matrix[:3, :3], Rotation.from_quat(quaternion).as_matrix())
    np.testing.assert_array_equal(matrix[:, 3], [1, 2, 3, 1])
    np.testing.assert_array_equal(matrix[3], [0, 0, 0, 1])


@pytest.mark.parametrize(
    ("position", "quaternion"),
    [([1, 2], [0, 0, 0, 1]), ([1, 2, 3], [0, 0, 0, 0]), ([1, 2, np.nan], [0, 0, 0, 1])],
)
def test_what_is_no_pose_is_refused(position, quaternion):
    with pytest.raises(ValueError, match="3 finite numbers and a quaternion"):
        pose_matrix(position, quaternion)
