"""PFM files against OpenCV, and files that are none."""

import cv2
import numpy as np
import pytest

from stdnet_arch.data.codecs.pfm_codec import decode_pfm, load_pfm

PLANE = np.arange(15, dtype=np.float32).reshape(3, 5) - 2.5


def test_a_file_of_opencv_is_read_bit_for_bit(tmp_path):
    plane = np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32)
    plane[1, 2] = np.inf
    assert cv2.imwrite(str(tmp_path / "0006.pfm"), plane)
    got = load_pfm(tmp_path / "0006.pfm")
    assert (got.dtype, got.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(got, plane)


@pytest.mark.parametrize(("scale", "order"), [("-1.0", "<f4"), ("1", ">f4"), ("-3.5e0", "<f4")])
def test_the_sign_of_the_scale_is_the_byte_order(scale, order):
    data = f"Pf\n5 3\n{scale}\n".encode() + PLANE[::-1].astype(order).tobytes()
    np.testing.assert_array_equal(decode_pfm(data, "x"), PLANE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"P6\n5 3\n255\n", "expected a PFM file; got bytes b'P6"),
        (b"PF\n1 1\n-1\n" + bytes(12), "one channel"),
        (b"Pf\n5 3\n-1\n" + bytes(56), "expected 60 bytes behind the header, 3x5 floats; got 56"),
    ],
)
def test_what_is_no_plane_of_floats_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        decode_pfm(data, "file")
