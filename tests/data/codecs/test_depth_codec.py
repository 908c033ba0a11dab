"""Depth files to metres and back."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stdnet_arch.data.codecs import depth_codec as codec

FLOAT16_CODES = hnp.arrays(np.uint16, (3, 5), elements=st.integers(0, 0x7BFF))


@pytest.mark.parametrize(("unit", "metres"), [("m", 1.0), ("mm", 0.001), (1 / 6553.5, 1 / 6553.5)])
def test_a_unit_is_a_number_of_metres(unit, metres):
    assert codec.metres_per_unit(unit) == metres


@pytest.mark.parametrize("unit", ["cm", "", 0, -1.0])
def test_an_unknown_unit_is_refused(unit):
    with pytest.raises(ValueError, match="unit must be"):
        codec.metres_per_unit(unit)


@given(codes=FLOAT16_CODES)
def test_float16_codes_are_the_bits_of_the_metres(codes):
    by_struct = [struct.unpack("<e", struct.pack("<H", code))[0] for code in codes.ravel().tolist()]
    metres = codec.float16_codes_to_metres(codes, "codes")
    np.testing.assert_array_equal(metres.ravel(), np.array(by_struct, np.float32))


@pytest.mark.parametrize(("code", "metres"), [(15360, 1), (16384, 2), (17408, 4), (0, 0)])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float64])
def test_float16_codes_of_known_depths(code, metres, dtype):
    assert codec.float16_codes_to_metres(np.array([[code]], dtype), "codes") == metres


@pytest.mark.parametrize("code", [0.5, -1.0, 70000.0])
def test_numbers_that_are_no_codes_are_refused(code):
    with pytest.raises(ValueError, match="here.npy: expected whole float16 codes"):
        codec.float16_codes_to_metres(np.full((2, 3), code, np.float32), "here.npy")


@given(depth_mm=hnp.arrays(np.uint16, (4, 3)))
def test_millimetre_png_is_lossless(depth_mm):
    depth_m = codec.codes_to_metres(depth_mm)
    data = codec.encode_png16(codec.metres_to_codes(depth_m))
    np.testing.assert_array_equal(codec.decode_png16(data, "png"), depth_mm)
    np.testing.assert_allclose(depth_m, depth_mm / 1000, atol=4e-6)


def test_no_depth_becomes_code_zero():
    depth_m = np.array([[0, np.nan, np.inf, 0.0006]], np.float32)
    np.testing.assert_array_equal(codec.metres_to_codes(depth_m), [[0, 0, 0, 1]])


@pytest.mark.parametrize("depth_m", [-0.1, 65.6])
def test_depth_that_16_bits_cannot_hold_is_refused(depth_m):
    with pytest.raises(ValueError, match=r"expected depths in 0..65.535 m .* got"):
        codec.metres_to_codes(np.full((2, 2), depth_m, np.float32))


def test_only_uint16_planes_are_encoded():
    with pytest.raises(ValueError, match="expected uint16"):
        codec.encode_png16(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_npy_keeps_every_bit(tmp_path, dtype):
    array = np.array([[0.1, np.nan], [np.inf, 3.0]], dtype)
    (tmp_path / "a.npy").write_bytes(codec.encode_npy(array))
    loaded = codec.load_npy(tmp_path / "a.npy")
    assert loaded.dtype == dtype
    np.testing.assert_array_equal(loaded, array)


def test_npy_is_mapped_not_read(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((7, 5), np.float32))
    plane = codec.as_plane(codec.load_npy(tmp_path / "a.npy"), "a.npy")
    assert isinstance(plane, np.memmap)
    assert not plane.flags.writeable


@pytest.mark.parametrize("shape", [(5, 7), (1, 5, 7), (1, 1, 5, 7), (5, 7, 1), (1, 5, 7, 1)])
def test_outer_axes_of_one_are_dropped(shape):
    array = np.arange(35, dtype=np.float16).reshape(shape)
    np.testing.assert_array_equal(codec.as_plane(array, "a"), np.arange(35.0).reshape(5, 7))


def test_a_plane_may_itself_be_one_pixel_high():
    assert codec.as_plane(np.zeros((1, 1, 1, 6), np.float32), "a").shape == (1, 6)


@pytest.mark.parametrize("shape", [(7,), (2, 5, 7), (5, 7, 3)])
def test_what_is_not_one_plane_is_refused(shape):
    with pytest.raises(ValueError, match=r"a.npy: expected one depth plane .* got shape"):
        codec.as_plane(np.zeros(shape, np.float32), "a.npy")


def test_whole_numbers_are_not_metres():
    with pytest.raises(ValueError, match=r"a.npy: expected depth in metres as floats; got uint16"):
        codec.as_plane(np.zeros((2, 3), np.uint16), "a.npy")


@pytest.mark.parametrize("keep", [0, 40, -4])
def test_a_truncated_npy_names_itself(tmp_path, keep):
    path = tmp_path / "cut.npy"
    np.save(path, np.zeros((6, 4), np.float32))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"cut.npy: expected a readable npy file; got \d+ bytes"):
        codec.load_npy(path)


def test_a_missing_npy_names_itself(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone.npy"):
        codec.load_npy(tmp_path / "gone.npy")


def test_npz_holds_one_array_or_names_it(tmp_path):
    one, two = np.ones((2, 3)), np.full((2, 3), 2.0)
    np.savez(tmp_path / "one.npz", depth=one)
    np.savez_compressed(tmp_path / "two.npz", depth=one, confidence=two)
    np.testing.assert_array_equal(codec.load_npz(tmp_path / "one.npz"), one)
    np.testing.assert_array_equal(codec.load_npz(tmp_path / "two.npz", "confidence"), two)


@pytest.mark.parametrize(("key", "expected"), [(None, "one array"), ("z", "array z")])
def test_an_ambiguous_npz_is_refused(tmp_path, key, expected):
    np.savez(tmp_path / "two.npz", a=np.ones(2), b=np.ones(2))
    with pytest.raises(ValueError, match=rf"two.npz: expected {expected}; got \['a', 'b'\]"):
        codec.load_npz(tmp_path / "two.npz", key)


def test_a_truncated_npz_names_itself(tmp_path):
    path = tmp_path / "cut.npz"
    np.savez(path, depth=np.ones((20, 30)))
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(ValueError, match=r"cut.npz: expected a readable npz file"):
        codec.load_npz(path)


def test_a_png_of_8_bits_or_3_channels_is_refused(tmp_path):
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match=r"grey.png: expected a 16-bit PNG .* got uint8 \(4, 5\)"):
        codec.load_png16(path)


@pytest.mark.parametrize("keep", [0, 8, 60, -12])
def test_a_truncated_png_names_itself(tmp_path, keep):
    path = tmp_path / "cut.png"
    codes = np.arange(600, dtype=np.uint16).reshape(20, 30)
    path.write_bytes(codec.encode_png16(codes)[:keep])
    with pytest.raises(ValueError, match=r"cut.png: expected .* got"):
        codec.load_png16(path)
