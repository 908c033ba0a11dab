"""Images in blocks: every crop is the crop of the image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stdnet_arch.data.codecs.block_codec import (
    BlockedArray,
    encode_blocks,
    encode_image_blocks,
    open_blocks,
    open_image_blocks,
)

sides = st.integers(1, 23)
cuts = st.one_of(st.none(), st.integers(-25, 25))


def image(height, width, channels, dtype):
    values = np.random.default_rng(height * width).integers(0, 256, (height, width, *channels))
    return values.astype(dtype)


@given(
    height=sides,
    width=sides,
    block=st.integers(1, 9),
    channels=st.sampled_from([(), (3,)]),
    dtype=st.sampled_from(["<f4", "<f2", "<u2", "|u1"]),
    box=st.tuples(st.builds(slice, cuts, cuts), st.builds(slice, cuts, cuts)),
)
def test_a_crop_of_blocks_is_the_crop_of_the_image(height, width, block, channels, dtype, box):
    pixels = image(height, width, channels, dtype)
    data = encode_blocks(pixels, block)
    blocks = open_blocks(memoryview(data), pixels.shape, pixels.dtype, block)
    assert len(data) == pixels.nbytes
    assert (blocks.shape, blocks.ndim) == (pixels.shape, pixels.ndim)
    np.testing.assert_array_equal(blocks[box], pixels[box], strict=True)


@given(height=sides, width=sides, top=st.integers(0, 22), left=st.integers(0, 22))
def test_png_blocks_lose_nothing(height, width, top, left):
    pixels = image(height, width, (3,), np.uint8)
    blocks = open_image_blocks(
        memoryview(encode_image_blocks(pixels, "png", block=16)), pixels.shape, 16
    )
    np.testing.assert_array_equal(blocks[top:, left:], pixels[top:, left:], strict=True)


def test_jpeg_blocks_are_close_and_in_their_places():
    y, x = np.mgrid[:70, :90]
    smooth = np.stack([y * 2, x * 2, y + x], -1).astype(np.uint8)
    data = encode_image_blocks(smooth, "jpeg", 95, block=32)
    blocks = open_image_blocks(memoryview(data), smooth.shape, 32)
    difference = blocks[5:65, 7:81].astype(int) - smooth[5:65, 7:81]
    assert abs(difference).max() <= 12


def test_only_touched_blocks_are_read():
    read = []

    def pixels(r, c):
        read.append((r, c))
        return np.full((4, 4), 10 * r + c, np.float32)

    blocks = BlockedArray((12, 16), 4, pixels, np.dtype(np.float32))
    crop = blocks[3:8, 5:8]
    assert read == [(0, 1), (1, 1)]
    np.testing.assert_array_equal(crop[:, 0], [1, 11, 11, 11, 11])


def test_all_of_it_is_an_array():
    pixels = image(5, 7, (), "<f4")
    blocks = open_blocks(memoryview(encode_blocks(pixels, 3)), (5, 7), pixels.dtype, 3)
    np.testing.assert_array_equal(np.asarray(blocks), pixels)
    np.testing.assert_array_equal(np.asarray(blocks, np.float64), pixels.astype(np.float64))


def test_a_finish_sees_the_crop():
    pixels = image(5, 7, (), "<u2")
    blocks = open_blocks(memoryview(encode_blocks(pixels, 3)), (5, 7), pixels.dtype, 3, np.sqrt)
    np.testing.assert_array_equal(blocks[1:4, 2:6], np.sqrt(pixels[1:4, 2:6]))


def test_a_step_is_refused():
    blocks = open_blocks(memoryview(bytes(12)), (3, 4), np.dtype(np.uint8))
    with pytest.raises(ValueError, match="without a step"):
        blocks[::2, :]
