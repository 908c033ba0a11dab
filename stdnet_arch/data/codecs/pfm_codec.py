"""PFM, the float images of stereo benchmarks: bytes to arrays, every bit kept."""

import re
from pathlib import Path

import numpy as np

from stdnet_arch.data.codecs.rgb_codec import read_bytes

_HEADER = re.compile(rb"(PF|Pf)\s+(\d+)\s+(\d+)\s+([-+]?\d[\d.]*(?:[eE][-+]?\d+)?)\s")
_CHANNELS = {b"Pf": 1, b"PF": 3}


def load_pfm(path: Path) -> np.ndarray:
    """One plane of a PFM file: float32 ``(H, W)``, first row on top.

    Raises:
        ValueError: the file is no PFM, is truncated, or has three channels.
    """
    return decode_pfm(read_bytes(path), str(path))


def decode_pfm(data: bytes, name: str) -> np.ndarray:
    """PFM bytes of one channel to float32 ``(H, W)``; see :func:`load_pfm`.

    Args:
        data: the whole file.
        name: its name in errors.
    """
    header = _HEADER.match(data)
    if header is None:
        raise ValueError(f"{name}: expected a PFM file; got bytes {data[:4]!r}")
    kind, width, height = header[1], int(header[2]), int(header[3])
    if _CHANNELS[kind] != 1:
        raise ValueError(f"{name}: expected a PFM of one channel (Pf); got three (PF)")
    wanted, got = 4 * width * height, len(data) - header.end()
    if got != wanted:
        raise ValueError(
            f"{name}: expected {wanted} bytes behind the header, {height}x{width} floats; got {got}"
        )
    # The sign of the scale is the byte order; rows are stored from the bottom up.
    order = "<f4" if float(header[4]) < 0 else ">f4"
    rows = np.frombuffer(data, order, offset=header.end()).reshape(height, width)
    return np.ascontiguousarray(rows[::-1], np.float32)
