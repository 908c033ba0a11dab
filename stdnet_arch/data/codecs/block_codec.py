"""Images in blocks: a crop reads, and decodes, only the blocks it touches.

A blocked value is the blocks of an image behind one another, row by row of blocks. Blocks at the
right and bottom edge are as small as what is left. Raw blocks lie where arithmetic says; encoded
ones (PNG, JPEG) follow a table of their offsets.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from stdnet_arch.data.codecs.image_limits import check_image
from stdnet_arch.utils.input_errors import InputError, reading
from stdnet_arch.utils.limits import check_declared

RAW_BLOCK = 64  # float32: 16 kB, four pages of memory
IMAGE_BLOCK = 128  # smaller ones decode no faster and take more room
_OFFSET = np.dtype("<u4")


class BlockedArray:
    """An array ``(H, W)`` or ``(H, W, c)`` that reads its blocks when it is sliced.

    ``array[rows, columns]`` with two plain slices reads what it needs; ``np.asarray(array)`` reads
    all. It stands where a memory-mapped array may stand.

    Args:
        shape: ``(H, W)`` or ``(H, W, c)``.
        block: side of a block in pixels.
        read: row and column of a block to its pixels.
        dtype: dtype of what ``read`` returns.
        finish: from the stored pixels of a crop to those of the caller; None changes nothing.
    """

    def __init__(
        self,
        shape: Sequence[int],
        block: int,
        read: Callable[[int, int], np.ndarray],
        dtype: np.dtype,
        finish: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        """Read nothing yet."""
        self.shape = tuple(shape)
        self.ndim = len(self.shape)
        self.where = "an image in blocks"
        """Name in errors."""
        self._block, self._read, self._dtype, self._finish = block, read, dtype, finish

    def __getitem__(self, box: tuple[slice, slice]) -> np.ndarray:
        """A crop, as a new array."""
        rows, columns = (part.indices(n) for part, n in zip(box, self.shape, strict=False))
        if rows[2] != 1 or columns[2] != 1:
            raise ValueError(f"expected slices without a step; got {box} (slice the crop again)")
        (top, bottom), (left, right) = rows[:2], columns[:2]
        height, width = max(bottom - top, 0), max(right - left, 0)
        out = np.empty((height, width, *self.shape[2:]), self._dtype)
        for r in range(top // self._block, -(-bottom // self._block) if out.size else 0):
            for c in range(left // self._block, -(-right // self._block)):
                y, x = r * self._block, c * self._block
                pixels = self._whole_block(r, c)
                y0, x0 = max(top - y, 0), max(left - x, 0)
                part = pixels[y0 : bottom - y, x0 : right - x]
                there = y + y0 - top, x + x0 - left
                out[there[0] : there[0] + part.shape[0], there[1] : there[1] + part.shape[1]] = part
        return out if self._finish is None else self._finish(out)

    def _whole_block(self, r: int, c: int) -> np.ndarray:
        """Read a block; one of another size would leave pixels of the crop unset."""
        with reading(self.where):
            pixels = self._read(r, c)
        place = zip(self.shape[:2], (r, c), strict=True)
        expected = (*(min(self._block, n - i * self._block) for n, i in place), *self.shape[2:])
        if pixels.shape != expected or pixels.dtype != self._dtype:
            raise InputError(
                f"{self.where}: expected block {r}, {c} of {expected} {self._dtype}; got "
                f"{pixels.shape} {pixels.dtype}"
            )
        return pixels

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """All pixels."""
        if copy is False:
            raise ValueError("blocks cannot be an array without a copy")
        whole = self[slice(None), slice(None)]
        return whole if dtype is None else whole.astype(dtype, copy=False)


def encode_blocks(image: np.ndarray, block: int = RAW_BLOCK) -> bytes:
    """The pixels of an image ``(H, W)`` or ``(H, W, c)``, block by block, as they are."""
    return b"".join(tile.tobytes() for tile in _tiles(image, block))


def open_blocks(
    data: memoryview,
    shape: Sequence[int],
    dtype: np.dtype,
    block: int = RAW_BLOCK,
    finish: Callable[[np.ndarray], np.ndarray] | None = None,
) -> BlockedArray:
    """Open the result of :func:`encode_blocks`, to be sliced.

    Args:
        data: the bytes.
        shape: shape of the image.
        dtype: dtype of its pixels.
        block: side of a block.
        finish: see :class:`BlockedArray`.
    """
    _check_sides(shape, block)
    height, width, *channels = shape
    pixel = dtype.itemsize * math.prod(channels)
    if len(data) != pixel * height * width:
        raise InputError(f"expected {tuple(shape)} of {dtype}; got {len(data)} bytes")

    def read(r: int, c: int) -> np.ndarray:
        h, w = min(block, height - r * block), min(block, width - c * block)
        start = (r * block * width + c * block * h) * pixel
        flat = np.frombuffer(data, dtype, h * w * pixel // dtype.itemsize, start)
        return flat.reshape(h, w, *channels)

    return BlockedArray(shape, block, read, dtype, finish)


def _check_sides(shape: Sequence[int], block: int) -> None:
    """Refuse numbers of a record that are none."""
    if not isinstance(shape, list | tuple) or len(shape) < 2:
        raise InputError(f"expected a shape of two sides or more; got {shape!r}")
    if not all(isinstance(n, int) and n > 0 for n in (*shape, block)):
        raise InputError(f"expected whole numbers as sides and block; got {shape!r}, {block!r}")


def encode_image_blocks(
    rgb: np.ndarray, kind: str, quality: int = 95, block: int = IMAGE_BLOCK
) -> bytes:
    """An RGB image as PNG or JPEG blocks behind a table of offsets.

    Args:
        rgb: uint8 ``(H, W, 3)``.
        kind: ``png`` (without loss) or ``jpeg``.
        quality: quality of JPEG, 1..100.
        block: side of a block; a multiple of 16, so that JPEG's own blocks fit.
    """
    suffix, settings = {
        "png": (".png", [cv2.IMWRITE_PNG_COMPRESSION, 1]),
        "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality]),
    }[kind]
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    tiles = [cv2.imencode(suffix, t, settings)[1].tobytes() for t in _tiles(bgr, block)]
    table = np.cumsum([0, *map(len, tiles)]) + (len(tiles) + 1) * _OFFSET.itemsize
    return b"".join([table.astype(_OFFSET).tobytes(), *tiles])


def open_image_blocks(
    data: memoryview, shape: Sequence[int], block: int = IMAGE_BLOCK
) -> BlockedArray:
    """Open the result of :func:`encode_image_blocks`, RGB, to be sliced.

    Args:
        data: the bytes.
        shape: ``(H, W, 3)``.
        block: side of a block.
    """
    _check_sides(shape, block)
    down, across = -(-shape[0] // block), -(-shape[1] // block)
    check_declared((down * across + 1) * _OFFSET.itemsize, len(data), "a table of blocks")
    table = np.frombuffer(data, _OFFSET, down * across + 1).astype(np.int64)
    if table[0] != table.nbytes // 2 or table[-1] != len(data) or (np.diff(table) <= 0).any():
        raise InputError("expected a table of rising offsets to the end; it is damaged")

    def read(r: int, c: int) -> np.ndarray:
        n = r * across + c
        encoded = bytes(data[table[n] : table[n + 1]])
        check_image(encoded, f"block {r}, {c}")
        tile = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        if tile is None:
            raise InputError(f"expected a readable image block; block {r}, {c} is not")
        return tile

    return BlockedArray(shape, block, read, np.dtype(np.uint8), _bgr_to_rgb)


def _bgr_to_rgb(bgr: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) if bgr.size else bgr  # OpenCV refuses no pixels


def _tiles(image: np.ndarray, block: int) -> Iterator[np.ndarray]:
    height, width = image.shape[:2]
    for top in range(0, height, block):
        for left in range(0, width, block):
            yield np.ascontiguousarray(image[top : top + block, left : left + block])
