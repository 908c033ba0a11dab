"""Depth files of single data sets, layers of EXR, and what is no depth."""

import struct

import cv2
import numpy as np
import pytest

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.data.codecs.float_image_codec import load_exr

DEPTH_M = np.random.default_rng(4).uniform(0.4, 30, (5, 7)).astype(np.float32)


def write_dpt(path, depth_m):
    height, width = depth_m.shape
    path.write_bytes(struct.pack("<fii", 202021.25, width, height) + depth_m.tobytes())


def write_pfm(path, depth_m):
    height, width = depth_m.shape
    path.write_bytes(f"Pf\n{width} {height}\n-1.0\n".encode() + depth_m[::-1].tobytes())


def write_rgba(path, depth_m):
    pixels = np.ascontiguousarray(depth_m).view(np.uint8).reshape(*depth_m.shape, 4)
    assert cv2.imwrite(str(path), pixels)


@pytest.mark.parametrize(
    ("name", "write"), [("x.dpt", write_dpt), ("x.pfm", write_pfm), ("x.png", write_rgba)]
)
def test_floats_of_data_sets_are_read_to_the_bit(tmp_path, name, write):
    write(tmp_path / name, DEPTH_M)
    np.testing.assert_array_equal(read_depth(tmp_path / name), DEPTH_M)


@pytest.mark.parametrize("unit", [None, "float32rgba"])
def test_holes_of_rgba_depth_stay_zero(tmp_path, unit):
    holed = DEPTH_M.copy()
    holed[1] = 0
    write_rgba(tmp_path / "x.png", holed)
    np.testing.assert_array_equal(read_depth(tmp_path / "x.png", unit), holed)


def test_a_picture_with_transparency_is_no_depth(tmp_path):
    picture = np.random.default_rng(1).integers(0, 256, (5, 7, 4)).astype(np.uint8)
    picture[..., 3] = 255
    assert cv2.imwrite(str(tmp_path / "x.png"), picture)
    with pytest.raises(ValueError, match="16-bit PNG of one channel; got uint8"):
        read_depth(tmp_path / "x.png")


def test_sixteen_bits_of_pgm_are_millimetres(tmp_path):
    codes = np.round(DEPTH_M * 1000).astype(np.uint16)
    (tmp_path / "x.pgm").write_bytes(b"P5\n7 5\n65535\n" + codes.astype(">u2").tobytes())
    np.testing.assert_allclose(read_depth(tmp_path / "x.pgm"), codes / 1000, rtol=1e-6)
    (tmp_path / "y.pgm").write_bytes(b"P5\n7 5\n255\n" + bytes(35))
    with pytest.raises(ValueError, match=r"y\.pgm: expected a 16-bit PGM"):
        read_depth(tmp_path / "y.pgm")


def test_half_floats_of_tiff_are_metres(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "x.tif", DEPTH_M.astype(np.float16))
    np.testing.assert_array_equal(read_depth(tmp_path / "x.tif"), DEPTH_M.astype(np.float16))


def test_truncated_dpt_is_named(tmp_path):
    write_dpt(tmp_path / "x.dpt", DEPTH_M)
    data = (tmp_path / "x.dpt").read_bytes()
    for broken, message in ((data[:-4], "5x7 floats"), (b"RIFF" + data[4:], "a dpt file")):
        (tmp_path / "x.dpt").write_bytes(broken)
        with pytest.raises(ValueError, match=rf"x\.dpt: expected {message}"):
            read_depth(tmp_path / "x.dpt")


def write_layers(path, *names):
    openexr = pytest.importorskip("OpenEXR")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    planes = {name: np.full((3, 4), i + 1, np.float32) for i, name in enumerate(names)}
    with openexr.File(header, planes) as file:
        file.write(str(path))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("V.Combined.R", "V.Depth.Z", "V.Combined.G"), 2),
        (("V.Depth.V", "V.Mist.Z"), 1),
        (("R", "G", "depth.Z"), 1),
        (("some.Y",), 1),
    ],
)
def test_the_last_part_of_a_layers_name_counts(tmp_path, names, chosen):
    write_layers(tmp_path / "x.exr", *names)
    assert (load_exr(tmp_path / "x.exr") == chosen).all()


def test_layers_that_may_all_be_meant_are_listed_and_one_can_be_named(tmp_path):
    write_layers(tmp_path / "x.exr", "A.Depth.Z", "B.Depth.Z")
    with pytest.raises(ValueError, match="got A.Depth.Z, B.Depth.Z .--exr-channel NAME"):
        load_exr(tmp_path / "x.exr")
    assert (load_exr(tmp_path / "x.exr", "B.Depth.Z") == 2).all()
