"""Values of a frame: round trips, measured errors, what a type cannot hold."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stdnet_arch.data.database.lmdb_manifest import checksum
from stdnet_arch.data.database.lmdb_values import (
    encode_depth,
    encode_plain,
    encode_rgb,
    keep_image,
    open_value,
)

RGB = np.random.default_rng(0).integers(0, 256, (37, 150, 3)).astype(np.uint8)


def read(value):
    return np.asarray(open_value(value.about, memoryview(value.data), value.name))


@given(hnp.arrays(np.float32, (3, 5), elements=st.floats(0, width=32)))
def test_float32_depth_comes_back_bit_for_bit(depth_m):
    value = encode_depth(depth_m, "float32", 1e-3, "x")
    np.testing.assert_array_equal(read(value).view(np.uint32), depth_m.view(np.uint32))
    assert value.about["max_error"] == 0


@pytest.mark.parametrize(("dtype", "scale"), [("float16", 1.0), ("uint16", 1e-3), ("uint16", 0.01)])
def test_the_error_is_the_largest_there_is(dtype, scale):
    depth_m = np.random.default_rng(1).uniform(0.5, 60, (70, 90)).astype(np.float32)
    value = encode_depth(depth_m, dtype, scale, "x")
    error = np.abs(read(value).astype(np.float64) - depth_m).max()
    assert value.about["max_error"] == error > 0
    assert error <= (32 * 2**-11 if dtype == "float16" else scale / 2 + 4e-6)
    assert len(value.data) == 2 * depth_m.size


def test_millimetre_codes_and_float16_files_lose_nothing():
    metres = (np.array([[1, 2500, 65535]], np.uint16) * np.float64(1e-3)).astype(np.float32)
    halves = np.array([[0.1, 9.9, 300]], np.float16).astype(np.float32)
    for depth_m, dtype in ((metres, "uint16"), (halves, "float16")):
        value = encode_depth(depth_m, dtype, 1e-3, "x")
        np.testing.assert_array_equal(read(value), depth_m, strict=True)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_means_no_depth_stays_as_it_is(dtype):
    depth_m = np.array([[0, np.nan, np.inf, 5]], np.float32)
    np.testing.assert_array_equal(read(encode_depth(depth_m, dtype, 1e-3, "x")), depth_m)


def test_codes_know_one_kind_of_no_depth():
    depth_m = np.array([[0, np.nan, np.inf, 5]], np.float32)
    np.testing.assert_array_equal(read(encode_depth(depth_m, "uint16", 1e-3, "x")), [[0, 0, 0, 5]])


@pytest.mark.parametrize(
    ("metres", "dtype", "message"),
    [
        (65.6, "uint16", r"a/7.npy: expected depths in 0..65.535 m .*larger depth scale"),
        (4e-4, "uint16", r"a/7.npy: expected depths that uint16 can hold; got 0.0004 m.* 0 m"),
        (7e4, "float16", r"a/7.npy: expected depths that float16 can hold; got 70000 m.* inf m"),
        (1e-9, "float16", r"a/7.npy: expected depths that float16 can hold; got 1e-09 m.* 0 m"),
    ],
)
def test_depth_that_a_type_cannot_hold_is_refused(metres, dtype, message):
    with pytest.raises(ValueError, match=message):
        encode_depth(np.array([[1, metres]], np.float32), dtype, 1e-3, "a/7.npy")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_kept_images_keep_their_bytes(suffix):
    data = cv2.imencode(suffix, RGB[..., ::-1])[1].tobytes()
    value, rgb = keep_image(data, None, "x")
    whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert (value.data, value.about["extension"]) == (data, suffix[1:])
    np.testing.assert_array_equal(read(value), whole)
    np.testing.assert_array_equal(rgb, whole)


def test_rows_that_do_not_belong_to_the_frame_are_not_shown():
    value, rgb = keep_image(cv2.imencode(".png", RGB[..., ::-1])[1].tobytes(), (5, 30), "x")
    np.testing.assert_array_equal(read(value), RGB[5:30])
    np.testing.assert_array_equal(rgb, RGB[5:30])
    assert value.about["shape"] == [25, 150, 3]


@pytest.mark.parametrize("kind", ["raw", "png"])
def test_blocks_of_colour_lose_nothing(kind):
    value = encode_rgb(RGB, kind, 95)
    np.testing.assert_array_equal(read(value), RGB, strict=True)
    assert value.about["max_error"] == 0


def test_the_loss_of_jpeg_is_said():
    value = encode_rgb(RGB, "jpeg", 60)
    assert value.about["max_error"] == np.abs(read(value).astype(int) - RGB).max() > 0


@pytest.mark.parametrize("dtype", ["<f8", "<f4", "|b1", ">f4"])
def test_plain_arrays_come_back(dtype):
    array = np.random.default_rng(2).integers(0, 2, (2, 3, 4)).astype(dtype)
    value = encode_plain("flow", array, "px")
    np.testing.assert_array_equal(read(value), array)
    assert value.about["dtype"] == array.dtype.newbyteorder("<").str


def test_a_value_describes_itself():
    value = encode_plain("lq4", np.ones((2, 3), np.float32), "m")
    assert value.about == {
        "codec": "plain", "dtype": "<f4", "shape": [2, 3], "unit": "m", "bytes": 24,
        "extension": "bin", "checksum": checksum(value.data),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [({"bytes": 23}, "flow: expected 23 bytes; got 24"), ({"codec": "zip"}, "got 'zip'")],
)
def test_a_value_that_is_not_as_described_is_refused(change, message):
    value = encode_plain("flow", np.ones((2, 3), np.float32), "px")
    with pytest.raises(ValueError, match=message):
        open_value(value.about | change, memoryview(value.data), "flow")
