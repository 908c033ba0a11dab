"""One value of a frame: an array to bytes that describe themselves, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stdnet_arch.data.codecs.block_codec import (
    IMAGE_BLOCK,
    RAW_BLOCK,
    BlockedArray,
    encode_blocks,
    encode_image_blocks,
    open_blocks,
    open_image_blocks,
)
from stdnet_arch.data.codecs.depth_codec import codes_to_metres, metres_to_codes
from stdnet_arch.data.codecs.rgb_codec import decode_rgb
from stdnet_arch.data.database.lmdb_manifest import checksum
from stdnet_arch.utils.input_errors import InputError, reading

DEPTH_DTYPES = ("float32", "float16", "uint16")
RGB_KINDS = ("keep", "raw", "png", "jpeg")


@dataclass(frozen=True)
class Value:
    """Bytes, and what they are."""

    name: str
    data: bytes
    about: dict[str, Any]


def describe(name: str, data: bytes, **about: Any) -> Value:  # noqa: ANN401
    """A value with its length and checksum."""
    return Value(name, data, {**about, "bytes": len(data), "checksum": checksum(data)})


def encode_plain(name: str, array: np.ndarray, unit: str) -> Value:
    """An array as it is: LR depth, flow, pose.

    Args:
        name: name of the value.
        array: any shape and number type.
        unit: unit of its numbers.
    """
    array = np.ascontiguousarray(array)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return describe(
        name, array.tobytes(), codec="plain", dtype=array.dtype.str, shape=list(array.shape),
        unit=unit, extension="bin",
    )  # fmt: skip


def encode_depth(depth_m: np.ndarray, dtype: str, metres_per_code: float, where: str) -> Value:
    """Depth in blocks, with its largest error measured.

    Args:
        depth_m: float32 metres, ``(H, W)``.
        dtype: ``float32`` (bit for bit), ``float16`` or ``uint16``.
        metres_per_code: metres of one code of ``uint16``.
        where: the file, for errors.

    Raises:
        ValueError: the type cannot hold the depth (too far, or so near that it would become 0).
    """
    depth_m = np.asarray(depth_m)
    if dtype == "uint16":
        try:
            stored = metres_to_codes(depth_m, metres_per_code)
        except ValueError as error:
            raise ValueError(
                f"{where}: {error} (take a larger depth scale, or another depth dtype)"
            ) from error
    else:
        with np.errstate(over="ignore"):  # looked at below
            stored = depth_m.astype(dtype)
    read = _to_metres(stored, metres_per_code)
    measured = np.isfinite(depth_m) & (depth_m > 0)
    lost = measured & ~(np.isfinite(read) & (read > 0))
    if lost.any():
        raise ValueError(
            f"{where}: expected depths that {dtype} can hold; got {depth_m[lost][0]:g} m, which"
            f" becomes {read[lost][0]:g} m (take another depth dtype or scale)"
        )
    error_m = float(np.abs(read[measured].astype(np.float64) - depth_m[measured]).max(initial=0))
    stored = stored.astype(stored.dtype.newbyteorder("<"), copy=False)
    scale = {"metres_per_code": metres_per_code} if dtype == "uint16" else {}
    return describe(
        "depth", encode_blocks(stored), codec="blocks", dtype=stored.dtype.str,
        shape=list(stored.shape), unit="m", block=RAW_BLOCK, max_error=error_m, extension="bin",
        **scale,
    )  # fmt: skip


def keep_image(data: bytes, rows: tuple[int, int] | None, where: str) -> tuple[Value, np.ndarray]:
    """The bytes of a colour file as they are; also its pixels, RGB, without rows not kept.

    Args:
        data: PNG or JPEG.
        rows: first kept row and the one behind the last; None keeps all.
        where: the file, for errors.
    """
    rgb = decode_rgb(data, where)
    kept = {} if rows is None else {"rows": list(rows)}
    rgb = rgb if rows is None else rgb[slice(*rows)]
    extension = "png" if data.startswith(b"\x89PNG") else "jpg"
    about = {"dtype": "|u1", "shape": list(rgb.shape), "unit": "1/255, RGB", **kept}
    return describe("guide", data, codec="image", extension=extension, **about), rgb


def encode_rgb(rgb: np.ndarray, kind: str, quality: int) -> Value:
    """A colour frame in blocks, with its largest error measured.

    Args:
        rgb: uint8 ``(H, W, 3)``.
        kind: ``raw``, ``png`` (both without loss) or ``jpeg``.
        quality: quality of JPEG.
    """
    about: dict[str, Any] = {"dtype": "|u1", "shape": list(rgb.shape), "unit": "1/255, RGB"}
    if kind == "raw":
        data = encode_blocks(rgb)
        return describe(
            "guide", data, codec="blocks", block=RAW_BLOCK, max_error=0, extension="bin", **about
        )
    data = encode_image_blocks(rgb, kind, quality)
    read = np.asarray(open_image_blocks(memoryview(data), rgb.shape))
    error = int(np.abs(read.astype(np.int16) - rgb).max())
    return describe(
        "guide", data, codec="image_blocks", block=IMAGE_BLOCK, max_error=error, extension="bin",
        **about,
    )  # fmt: skip


def open_value(about: Mapping[str, Any], data: memoryview, where: str) -> np.ndarray | BlockedArray:
    """An encoded value as something with a shape that can be sliced.

    Args:
        about: its description in the record.
        data: its bytes; plain arrays are views of them.
        where: its name, for errors.
    """
    with reading(where):
        opened = _open_value(about, data, where)
    if isinstance(opened, BlockedArray):
        opened.where = where
    return opened


def _open_value(
    about: Mapping[str, Any], data: memoryview, where: str
) -> np.ndarray | BlockedArray:
    if len(data) != about["bytes"]:
        raise InputError(f"{where}: expected {about['bytes']} bytes; got {len(data)}")
    dtype, shape, codec = np.dtype(about["dtype"]), about["shape"], about["codec"]
    if dtype.hasobject or not all(isinstance(side, int) and side > 0 for side in shape):
        raise InputError(f"{where}: expected numbers of a shape; got {dtype} of {shape}")
    if codec == "plain":
        return np.frombuffer(data, dtype).reshape(shape)
    if codec == "image":
        rgb = decode_rgb(bytes(data), where)
        rgb = rgb[slice(*about["rows"])] if "rows" in about else rgb
        if list(rgb.shape) != list(shape):
            raise InputError(f"{where}: expected a picture of {shape}; got {rgb.shape}")
        return rgb
    if codec == "image_blocks":
        return open_image_blocks(data, shape, about["block"])
    if codec != "blocks":
        raise ValueError(f"{where}: expected a codec of this version; got {codec!r}")
    scale = about.get("metres_per_code", 1.0)
    as_stored = dtype in {np.dtype(np.float32), np.dtype(np.uint8)}
    finish = None if as_stored else lambda stored: _to_metres(stored, scale)
    return open_blocks(data, shape, dtype, about["block"], finish)


def _to_metres(stored: np.ndarray, metres_per_code: float) -> np.ndarray:
    if np.issubdtype(stored.dtype, np.floating):
        return stored.astype(np.float32, copy=False)
    return codes_to_metres(stored, metres_per_code)
