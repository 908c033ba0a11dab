"""Depth files of every format: to metres and back."""

import builtins

import cv2
import numpy as np
import pytest

from stdnet_arch.data.codecs.depth_file import FORMATS, read_depth, write_depth
from stdnet_arch.data.codecs.float_image_codec import load_exr, load_tiff

DEPTH_M = np.array([[0.5, 1.25, 0], [65.535, 0.001, 2.5]], np.float32)
CODES = np.array([[500, 1000, 0], [65535, 1, 2500]], np.uint16)
FLOATS = ("npy", "npz", "tiff", "exr")


@pytest.fixture(params=FORMATS)
def kind(request):
    if request.param == "exr":
        pytest.importorskip("OpenEXR")
    return request.param


def test_what_is_written_is_read_again(tmp_path, kind):
    path = tmp_path / "folder" / f"frame{FORMATS[kind]}"
    write_depth(path, DEPTH_M, kind)
    depth_m = read_depth(path, "float16" if kind == "float16png" else None)
    expected = DEPTH_M.astype(np.float16) if kind == "float16png" else DEPTH_M
    assert depth_m.dtype == np.float32
    np.testing.assert_array_equal(depth_m, expected.astype(np.float32))
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", FLOATS, indirect=True)
def test_float_formats_keep_every_bit(tmp_path, kind):
    depth_m = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32) * 1e3
    depth_m[0, :2] = np.nan, np.inf
    write_depth(tmp_path / f"x{FORMATS[kind]}", depth_m, kind)
    np.testing.assert_array_equal(read_depth(tmp_path / f"x{FORMATS[kind]}"), depth_m)


def test_16_bit_png_has_no_negative_and_no_infinite_depth(tmp_path):
    write_depth(tmp_path / "x.png", np.array([[-0.5, np.nan, np.inf, 1]], np.float32), "png16")
    np.testing.assert_array_equal(read_depth(tmp_path / "x.png"), [[0, 0, 0, 1]])


def test_too_far_for_16_bits_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match=r"x.png: .* up to 65.535 m, .*70 m; write npy"):
        write_depth(tmp_path / "x.png", np.full((2, 3), 70, np.float32), "png16")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("unit", "factor"), [(None, 1e-3), ("mm", 1e-3), ("m", 1), (1 / 5000, 1 / 5000)]
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_codes_become_metres(tmp_path, suffix, unit, factor):
    assert cv2.imwrite(str(tmp_path / f"x{suffix}"), CODES)
    depth_m = read_depth(tmp_path / f"x{suffix}", unit)
    np.testing.assert_allclose(depth_m, CODES * factor, rtol=1e-6)


@pytest.mark.parametrize("unit", [None, "float16"])
def test_the_invalid_code_becomes_no_depth(tmp_path, unit):
    assert cv2.imwrite(str(tmp_path / "x.png"), CODES)
    depth_m = read_depth(tmp_path / "x.png", unit, invalid=65535)
    assert depth_m[1, 0] == 0
    assert (depth_m[CODES < 65535] == read_depth(tmp_path / "x.png", unit)[CODES < 65535]).all()


def test_whole_numbers_in_npy_need_a_unit(tmp_path):
    np.save(tmp_path / "x.npy", CODES)
    with pytest.raises(ValueError, match=r"expected a unit .*; got uint16 without one"):
        read_depth(tmp_path / "x.npy")


@pytest.mark.parametrize("name", ["x.txt", "x.jpg"])
def test_other_files_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"expected a depth file .*x\."):
        read_depth(tmp_path / name)


def test_another_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one of png16, npy, .*; got 'jpg'"):
        write_depth(tmp_path / "x.jpg", DEPTH_M, "jpg")


@pytest.mark.parametrize("kind", ["tiff", "exr", "npy", "npz", "png16"], indirect=True)
def test_a_truncated_file_is_named(tmp_path, kind):
    path = tmp_path / f"x{FORMATS[kind]}"
    write_depth(path, np.random.default_rng(0).random((40, 50)).astype(np.float32), kind)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"x{FORMATS[kind]}: expected a (readable|whole)"):
        np.array(read_depth(path))


def test_exr_depth_is_found_among_channels(tmp_path):
    openexr = pytest.importorskip("OpenEXR")
    header = {"compression": openexr.NO_COMPRESSION, "type": openexr.scanlineimage}
    planes = {"A": DEPTH_M * 0, "Z": DEPTH_M, "B": DEPTH_M + 1}
    with openexr.File(header, planes) as file:
        file.write(str(tmp_path / "x.exr"))
    np.testing.assert_array_equal(load_exr(tmp_path / "x.exr"), DEPTH_M)


def test_exr_without_a_depth_channel_names_what_is_there(tmp_path):
    openexr = pytest.importorskip("OpenEXR")
    header = {"compression": openexr.NO_COMPRESSION, "type": openexr.scanlineimage}
    with openexr.File(header, {"A": DEPTH_M, "B": DEPTH_M}) as file:
        file.write(str(tmp_path / "x.exr"))
    with pytest.raises(ValueError, match="got A, B"):
        load_exr(tmp_path / "x.exr")


def test_missing_openexr_says_how_to_get_it(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "OpenEXR":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'stdnet_arch\[exr\]'"):
        write_depth(tmp_path / "x.exr", DEPTH_M, "exr")


def test_a_colour_tiff_is_no_depth(tmp_path):
    assert cv2.imwrite(str(tmp_path / "x.tif"), np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match=r"one 16-bit or float channel; got uint8"):
        load_tiff(tmp_path / "x.tif")
