"""Depth files of single data sets: 16-bit PGM, Sintel's dpt, float32 in the bytes of a PNG."""

import struct
from pathlib import Path

import cv2
import numpy as np

from stdnet_arch.data.codecs.rgb_codec import check_complete, decode_image, read_bytes
from stdnet_arch.utils.input_errors import check_regular

_DPT_START = struct.pack("<f", 202021.25)
_DPT_HEADER = 12
_EXPONENTS = (0x38, 0x50)
"""Highest bytes of float32 numbers from 3e-5 to 1e10."""
_MOSTLY = 0.95
_KIND, _RGBA8 = slice(24, 26), b"\x08\x06"
"""Place in a PNG of its bits and channels, and their value for four of 8 bits."""


def load_pgm16(path: Path) -> np.ndarray:
    """Load a binary PGM of 16 bits: uint16 ``(H, W)``."""
    data = read_bytes(path)
    codes = decode_image(data, cv2.IMREAD_UNCHANGED, path)
    if codes is None or codes.dtype != np.uint16 or codes.ndim != 2:
        got = f"{len(data)} bytes" if codes is None else f"{codes.dtype} {codes.shape}"
        raise ValueError(f"{path}: expected a 16-bit PGM of one channel; got {got}")
    return codes


def load_dpt(path: Path) -> np.ndarray:
    """Load depth of MPI Sintel: float32 ``(H, W)`` metres.

    Raises:
        ValueError: the file is another one, or truncated.
    """
    data = read_bytes(path)
    if len(data) < _DPT_HEADER or not data.startswith(_DPT_START):
        raise ValueError(f"{path}: expected a dpt file of Sintel; got bytes {data[:4]!r}")
    width, height = struct.unpack_from("<ii", data, 4)
    wanted = 4 * width * height
    if width < 1 or height < 1 or len(data) - _DPT_HEADER != wanted:
        raise ValueError(
            f"{path}: expected {height}x{width} floats behind the header; got "
            f"{len(data) - _DPT_HEADER} bytes"
        )
    return np.frombuffer(data, "<f4", offset=_DPT_HEADER).reshape(height, width)


def load_rgba32(path: Path) -> np.ndarray | None:
    """Load float32 depth ``(H, W)`` whose bytes are the four channels of a PNG (TartanAir V2).

    Returns:
        None if the PNG is of another kind; the bytes of a picture are no such numbers.
    """
    check_regular(path)
    with path.open("rb") as file:
        if file.read(_KIND.stop)[_KIND] != _RGBA8:
            return None
    data = read_bytes(path)
    check_complete(data, str(path))
    pixels = decode_image(data, cv2.IMREAD_UNCHANGED, path)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
        return None
    highest = pixels[..., 3]
    like_depth = (highest >= _EXPONENTS[0]) & (highest < _EXPONENTS[1])
    empty = (pixels == 0).all(axis=2)
    if (like_depth | empty).mean() < _MOSTLY:
        return None
    return np.ascontiguousarray(pixels).view("<f4")[..., 0]
