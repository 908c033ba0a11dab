"""Points lie where the camera saw them; the file is what PLY asks for."""

import re

import numpy as np
import pytest

from stdnet_arch.visual.point_cloud import unproject, write_point_cloud

CAMERA = (20.0, 25.0, 3.5, 2.0)


def read_ply(path):
    """Vertices of a PLY file, read from its header alone."""
    head, _, body = path.read_bytes().partition(b"end_header\n")
    assert head.startswith(b"ply\nformat binary_little_endian 1.0\n")
    count = int(re.search(rb"element vertex (\d+)", head)[1])
    types = {b"float": "<f4", b"uchar": "u1"}
    properties = re.findall(rb"property (\w+) (\w+)", head)
    vertices = np.frombuffer(body, [(name.decode(), types[kind]) for kind, name in properties])
    assert len(vertices) == count
    return vertices


def test_points_project_back_to_their_pixels():
    depth_m = np.random.default_rng(0).uniform(1, 5, (4, 7))
    fx, fy, cx, cy = CAMERA
    x, y, z = np.moveaxis(unproject(depth_m, CAMERA), -1, 0)
    rows, columns = np.mgrid[:4, :7]
    np.testing.assert_allclose(fx * x / z + cx, columns, atol=1e-5)
    np.testing.assert_allclose(fy * y / z + cy, rows, atol=1e-5)
    np.testing.assert_allclose(z, depth_m, rtol=1e-6)


def test_a_file_holds_every_measured_pixel_with_its_colour(tmp_path):
    depth_m = np.array([[2, 0, np.nan], [np.inf, -1, 4]], np.float32)
    rgb = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    write_point_cloud(tmp_path / "a" / "x.ply", depth_m, rgb, CAMERA)
    first, second = read_ply(tmp_path / "a" / "x.ply").tolist()
    # Pixel (0, 0) at 2 m: (0 - 3.5) / 20 * 2, (0 - 2) / 25 * 2.
    assert first == pytest.approx((-0.35, -0.16, 2, 0, 1, 2))
    assert second == pytest.approx((-0.3, -0.16, 4, 15, 16, 17))


def test_no_depth_is_an_empty_cloud(tmp_path):
    write_point_cloud(tmp_path / "x.ply", np.zeros((2, 3)), np.zeros((2, 3, 3), np.uint8), CAMERA)
    assert len(read_ply(tmp_path / "x.ply")) == 0


def test_colours_of_another_size_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"rgb must be \(2, 3, 3\) as depth, got \(4, 6, 3\)"):
        write_point_cloud(tmp_path / "x", np.ones((2, 3)), np.ones((4, 6, 3), np.uint8), CAMERA)
    assert list(tmp_path.iterdir()) == []
