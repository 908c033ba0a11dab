"""Depth files to metres and back: npy, npz, 16-bit PNG, float16 bits in a PNG; no /255 anywhere.

Values that mean "no depth" (0, NaN, inf) pass through untouched; what they mean is decided where
they are used.
"""

import io
import math
import zipfile
from pathlib import Path

import cv2
import numpy as np

from stdnet_arch.data.codecs.rgb_codec import check_complete, decode_image, read_bytes
from stdnet_arch.utils.input_errors import InputError, check_regular
from stdnet_arch.utils.limits import check_declared

UNITS_M = {"m": 1.0, "mm": 1e-3}
MAX_CODE = 65535


def metres_per_unit(unit: str | float) -> float:
    """``m``, ``mm`` or the metres that one stored unit stands for, as a number."""
    if isinstance(unit, str):
        if unit not in UNITS_M:
            raise ValueError(f"unit must be m, mm or a number of metres per code; got {unit!r}")
        return UNITS_M[unit]
    if not unit > 0:
        raise ValueError(f"unit must be a positive number of metres per code; got {unit}")
    return float(unit)


def load_npy(path: Path) -> np.ndarray:
    """A npy file, memory-mapped and read-only: slicing reads only what it touches."""
    check_regular(path)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a broken header is parsed as Python, and fails as such
        raise _unreadable(path, "npy", error) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise InputError(f"{path}: expected a npy file; got a npz")
    return array


def load_npz(path: Path, key: str | None = None) -> np.ndarray:
    """One array of a npz file.

    Args:
        path: the file.
        key: the array's name; may be left out if the file holds exactly one.
    """
    check_regular(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            chosen = key or (names[0] if len(names) == 1 else None)
            if chosen in names:
                return read_member(archive, archive.infolist()[names.index(chosen)], path)
    except InputError:
        raise
    except Exception as error:  # zlib, zipfile and the header of npy fail in their own ways
        raise _unreadable(path, "npz", error) from error
    raise ValueError(f"{path}: expected {'array ' + key if key else 'one array'}; got {names}")


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> np.ndarray:
    """Read one array of a npz, once it is clear that file and machine can hold it."""
    check_declared(member.file_size, member.compress_size, path)
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(file)
        wanted = dtype.itemsize * math.prod(shape)
        if dtype.hasobject or wanted > member.file_size:
            raise InputError(
                f"{path}: {member.filename} declares {shape} of {dtype}, and holds "
                f"{member.file_size} bytes"
            )
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def load_png16(path: Path) -> np.ndarray:
    """The raw codes of a 16-bit grey PNG: uint16 ``(H, W)``."""
    return decode_png16(read_bytes(path), str(path))


def decode_png16(data: bytes, name: str) -> np.ndarray:
    """PNG bytes to raw uint16 codes ``(H, W)``."""
    check_complete(data, name)
    codes = decode_image(data, cv2.IMREAD_UNCHANGED, name)
    if codes is None:
        raise ValueError(f"{name}: expected a readable PNG; got {len(data)} bytes that are not")
    if codes.dtype != np.uint16 or codes.ndim != 2:
        raise ValueError(
            f"{name}: expected a 16-bit PNG of one channel; got {codes.dtype} {codes.shape}"
        )
    return codes


def as_plane(array: np.ndarray, name: str | Path) -> np.ndarray:
    """A float32 depth plane ``(H, W)``; outer axes of length 1, as in ``(1, 1, h, w)``, go.

    A float32 array keeps its memory map; any other float type is converted.
    """
    plane = array
    while plane.ndim > 2 and 1 in {plane.shape[0], plane.shape[-1]}:
        plane = plane[0] if plane.shape[0] == 1 else plane[..., 0]
    if plane.ndim != 2:
        raise ValueError(f"{name}: expected one depth plane (H, W); got shape {array.shape}")
    if not np.issubdtype(plane.dtype, np.floating):
        raise ValueError(f"{name}: expected depth in metres as floats; got {array.dtype}")
    return plane.astype(np.float32, copy=False)


def float16_codes_to_metres(codes: np.ndarray, name: str | Path) -> np.ndarray:
    """Codes whose 16 bits are those of a float16 number of metres, to float32 metres.

    Args:
        codes: whole numbers 0..65535 of any dtype and shape.
        name: their name in errors.
    """
    bits = codes
    if codes.dtype != np.uint16:
        bits = codes.astype(np.uint16)
        if not np.array_equal(bits, codes):
            raise ValueError(
                f"{name}: expected whole float16 codes 0..{MAX_CODE}; got {codes.dtype} from"
                f" {codes.min()} to {codes.max()} that are not"
            )
    return np.ascontiguousarray(bits).view(np.float16).astype(np.float32)


def metres_to_codes(depth_m: np.ndarray, metres_per_code: float = 1e-3) -> np.ndarray:
    """Metres to uint16 codes, rounded; 0, NaN and inf become 0, "no depth".

    Args:
        depth_m: depth, any shape.
        metres_per_code: 0.001 for the usual millimetre PNG.
    """
    codes = np.round(
        np.where(np.isfinite(depth_m), depth_m, 0).astype(np.float64) / metres_per_code
    )
    if codes.size and (codes.min() < 0 or codes.max() > MAX_CODE):
        raise ValueError(
            f"expected depths in 0..{MAX_CODE * metres_per_code:g} m for 16 bits of"
            f" {metres_per_code:g} m; got {np.nanmin(depth_m):g}..{np.nanmax(depth_m):g} m"
        )
    return codes.astype(np.uint16)


def codes_to_metres(codes: np.ndarray, metres_per_code: float = 1e-3) -> np.ndarray:
    """Whole-number codes to float32 metres."""
    return (codes * np.float64(metres_per_code)).astype(np.float32)


def encode_png16(codes: np.ndarray) -> bytes:
    """uint16 codes ``(H, W)`` to the bytes of a 16-bit PNG."""
    if codes.dtype != np.uint16 or codes.ndim != 2:
        raise ValueError(f"expected uint16 codes (H, W); got {codes.dtype} {codes.shape}")
    return cv2.imencode(".png", codes)[1].tobytes()


def encode_npy(depth_m: np.ndarray) -> bytes:
    """An array as the bytes of a npy file, its dtype kept (float32 and float16 are lossless)."""
    buffer = io.BytesIO()
    np.save(buffer, depth_m)
    return buffer.getvalue()


def _unreadable(path: Path, kind: str, error: Exception) -> Exception:
    if isinstance(error, PermissionError | MemoryError):
        return error
    size = path.stat().st_size if path.exists() else 0
    return InputError(f"{path}: expected a readable {kind} file; got {size} bytes: {error}")
