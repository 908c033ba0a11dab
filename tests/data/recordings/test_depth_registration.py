"""Depth in another camera's view, against a loop over its pixels."""

import numpy as np
import pytest

from stdnet_arch.data.recordings.depth_registration import Extrinsics, register_depth
from stdnet_arch.data.recordings.recording import Intrinsics

CAMERA, TARGET = Intrinsics(9.0, 8.0, 5.2, 3.1), Intrinsics(17.0, 18.0, 11.3, 7.2)


def turn(angle):
    """About the axis upwards."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def by_loop(depth_m, pose, size, block):
    cells = [[[] for _ in range(size[1])] for _ in range(size[0])]
    for v in range(depth_m.shape[0]):
        for u in range(depth_m.shape[1]):
            z = depth_m[v, u]
            point = np.array([(u - 5.2) / 9 * z, (v - 3.1) / 8 * z, z])
            x, y, z = pose.rotation @ point + pose.translation_m
            i = int(np.floor((18 * y / z + 7.2 + 0.5) / block)) if z > 0 else -1
            j = int(np.floor((17 * x / z + 11.3 + 0.5) / block)) if z > 0 else -1
            if depth_m[v, u] > 0 and 0 <= i < size[0] and 0 <= j < size[1]:
                cells[i][j].append(z)
    return [[sorted(c)[(len(c) - 1) // 2] if c else 0 for c in row] for row in cells]


@pytest.mark.parametrize("block", [2, 4])
def test_it_is_what_a_loop_finds(block):
    random = np.random.default_rng(4)
    depth_m = random.uniform(1, 3, (7, 11)) * (random.random((7, 11)) < 0.8)
    pose, size = Extrinsics(turn(0.05), np.array([0.1, -0.02, 0.03])), (16 // block, 24 // block)
    found = register_depth(depth_m, CAMERA, TARGET, pose, size, block)
    np.testing.assert_allclose(found, by_loop(depth_m, pose, size, block), rtol=1e-6)
    assert 0 < (found > 0).sum() < found.size


def test_one_camera_and_blocks_of_one_pixel_change_nothing():
    depth_m = np.random.default_rng(1).uniform(1, 3, (5, 7)).astype(np.float32)
    depth_m[2, 3] = 0
    stay = Extrinsics(np.eye(3), np.zeros(3))
    np.testing.assert_allclose(register_depth(depth_m, CAMERA, CAMERA, stay, (5, 7), 1), depth_m)


def test_no_depth_gives_no_depth():
    stay = Extrinsics(np.eye(3), np.zeros(3))
    assert not register_depth(np.zeros((3, 4)), CAMERA, TARGET, stay, (2, 3), 4).any()
