"""Colour files to arrays: whole, RGB, 8 bit, or an error that names the file."""

from pathlib import Path

import cv2
import numpy as np

from stdnet_arch.data.codecs.image_limits import check_image
from stdnet_arch.utils.input_errors import InputError, check_regular, reading

_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG", b"IEND"


def read_rgb(path: Path) -> np.ndarray:
    """One colour frame: uint8 ``(H, W, 3)``, RGB."""
    return decode_rgb(read_bytes(path), str(path))


def read_gray(path: Path) -> np.ndarray:
    """The codes of an 8-bit grey PNG: uint8 ``(H, W)``."""
    data = read_bytes(path)
    check_complete(data, str(path))
    codes = decode_image(data, cv2.IMREAD_UNCHANGED, path)
    if codes is None or codes.dtype != np.uint8 or codes.ndim != 2:
        got = "bytes that are not" if codes is None else f"{codes.dtype} {codes.shape}"
        raise ValueError(f"{path}: expected an 8-bit PNG of one channel; got {got}")
    return codes


def encode_gray(codes: np.ndarray) -> bytes:
    """uint8 codes ``(H, W)`` to the bytes of an 8-bit PNG."""
    return cv2.imencode(".png", np.ascontiguousarray(codes, np.uint8))[1].tobytes()


def encode_rgb(rgb: np.ndarray) -> bytes:
    """uint8 ``(H, W, 3)``, RGB, to the bytes of a PNG."""
    return cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1], np.uint8))[1].tobytes()


def encode_jpeg(rgb: np.ndarray, quality: int = 90) -> bytes:
    """uint8 ``(H, W, 3)``, RGB, to the bytes of a JPEG; ``quality`` up to 100."""
    bgr = np.ascontiguousarray(rgb[..., ::-1], np.uint8)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def read_bytes(path: Path) -> bytes:
    """All bytes of a file that must not be empty."""
    if check_regular(path) == 0:
        raise InputError(f"{path}: expected an image; got an empty file")
    data = path.read_bytes()
    check_image(data, path)
    return data


def decode_rgb(data: bytes, name: str) -> np.ndarray:
    """PNG or JPEG bytes to uint8 ``(H, W, 3)``, RGB.

    Args:
        data: the whole file.
        name: its name in errors.
    """
    check_complete(data, name)
    # Orientation tags would turn the picture but not the depth that belongs to it.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = decode_image(data, flags, name)
    if image is None:
        raise ValueError(
            f"{name}: expected a readable PNG or JPEG; got {len(data)} bytes that are not"
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def decode_image(data: bytes, flags: int, name: str | Path) -> np.ndarray | None:
    """Decode a picture as OpenCV does; None for what it does not know.

    Args:
        data: the whole file, whose declared size was checked.
        flags: flags of ``cv2.imdecode``.
        name: its name in errors.

    Raises:
        InputError: OpenCV fails by an error of its own.
    """
    with reading(name, "a readable image"):
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def check_complete(data: bytes, name: str) -> None:
    """Raise if a PNG or JPEG file stops before its end: OpenCV 4 decodes it without a word."""
    if data.startswith(_PNG_START):
        whole = 0 <= data.rfind(_PNG_END) <= len(data) - 8  # four letters and a checksum
    elif data.startswith(_JPEG_START):
        # A thumbnail in the header has an end mark of its own, so look behind the last scan.
        whole = data.rfind(_JPEG_END) > data.rfind(_JPEG_SCAN)
    else:
        raise ValueError(f"{name}: expected a PNG or JPEG file; got bytes {data[:4]!r}")
    if not whole:
        raise ValueError(
            f"{name}: expected a whole image; got a truncated file of {len(data)} bytes"
        )
