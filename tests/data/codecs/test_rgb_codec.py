"""Colour files to arrays."""

import cv2
import numpy as np
import pytest

from stdnet_arch.data.codecs.rgb_codec import decode_rgb, encode_gray, read_gray, read_rgb

RED_GREEN_BLUE = np.array([[[200, 0, 0], [0, 100, 0], [0, 0, 50]]], np.uint8)


def encoded(suffix, image):
    return cv2.imencode(suffix, image[..., ::-1])[1].tobytes()


def test_channels_come_in_rgb_order():
    np.testing.assert_array_equal(decode_rgb(encoded(".png", RED_GREEN_BLUE), "p"), RED_GREEN_BLUE)


def test_jpeg_is_close_to_what_was_stored():
    image = np.full((16, 24, 3), (200, 100, 50), np.uint8)
    np.testing.assert_allclose(decode_rgb(encoded(".jpg", image), "j").astype(int), image, atol=3)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("lost", [2, 20, 400])
def test_a_truncated_file_names_itself(tmp_path, suffix, lost):
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(encoded(suffix, noise)[:-lost])
    with pytest.raises(ValueError, match=r"cut.* expected a whole image; got a truncated file"):
        read_rgb(path)


def test_a_thumbnail_does_not_hide_a_truncated_jpeg():
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    thumbnail, main = encoded(".jpg", noise[:8, :8]), encoded(".jpg", noise)
    header = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = main[:2] + header + main[2:]
    assert decode_rgb(whole, "whole").shape == (40, 50, 3)
    with pytest.raises(ValueError, match="truncated"):
        decode_rgb(whole[:-300], "cut")


@pytest.mark.parametrize(("data", "got"), [(b"", "an empty file"), (b"BM12", "bytes b'BM12'")])
def test_what_is_no_image_names_itself(tmp_path, data, got):
    path = tmp_path / "frame.png"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"frame.png: expected .* got {got}"):
        read_rgb(path)


def test_a_whole_file_of_rubbish_names_itself():
    data = b"\x89PNG\r\n\x1a\n" + bytes(50) + b"IEND1234"
    with pytest.raises(ValueError, match="rubbish: expected a readable PNG or JPEG"):
        decode_rgb(data, "rubbish")


def test_an_orientation_tag_does_not_turn_the_picture():
    image = np.random.default_rng(0).integers(0, 255, (16, 24, 3), np.uint8)
    jpeg = encoded(".jpg", image)
    tiff = (
        b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
        + bytes(4)
    )
    exif = b"Exif\x00\x00" + tiff
    turned = jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape == (24, 16, 3)
    np.testing.assert_array_equal(decode_rgb(turned, "turned"), decode_rgb(jpeg, "plain"))


def test_grey_codes_survive_and_other_pictures_are_refused(tmp_path):
    codes = np.arange(6, dtype=np.uint8).reshape(2, 3)
    path = tmp_path / "c.png"
    path.write_bytes(encode_gray(codes))
    np.testing.assert_array_equal(read_gray(path), codes)
    assert cv2.imwrite(str(path), np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(ValueError, match=r"8-bit PNG of one channel; got uint8 \(2, 3, 3\)"):
        read_gray(path)
