"""Image messages of ROS as depth in metres and as RGB."""

import re
import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.image_limits import check_image
from stdnet_arch.data.codecs.rgb_codec import decode_image

Message = Any  # made by rosbags at run time

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
DEPTH_CODES = {"16UC1": 1e-3, "mono16": 1e-3, "32FC1": 1.0}
"""Metres per stored unit, by the encoding (REP 118)."""
COLOR_CODES = {
    "rgb8": None,
    "8UC3": cv2.COLOR_BGR2RGB,
    "bgr8": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
    "mono8": cv2.COLOR_GRAY2RGB,
    "8UC1": cv2.COLOR_GRAY2RGB,
    "yuv422": cv2.COLOR_YUV2RGB_UYVY,
    "uyvy": cv2.COLOR_YUV2RGB_UYVY,
    "yuv422_yuy2": cv2.COLOR_YUV2RGB_YUY2,
    "yuyv": cv2.COLOR_YUV2RGB_YUY2,
    "bayer_rggb8": cv2.COLOR_BAYER_BG2RGB,
    "bayer_bggr8": cv2.COLOR_BAYER_RG2RGB,
    "bayer_gbrg8": cv2.COLOR_BAYER_GR2RGB,
    "bayer_grbg8": cv2.COLOR_BAYER_GB2RGB,
}
_U1, _U2, _F4 = (np.dtype[Any](kind) for kind in ("u1", "u2", "f4"))
_CONFIG = struct.Struct("<iff")
"""In front of compressed depth: a format number, and two numbers of the inverse depth."""


def is_depth(message: Message, kind: str) -> bool:
    """Tell whether a message holds depth.

    Args:
        message: an image, compressed or not.
        kind: its message type.
    """
    if kind == COMPRESSED:
        return "compressedDepth" in message.format
    return message.encoding in DEPTH_CODES


def decode_depth(message: Message, kind: str, topic: str) -> NDArray[np.float32]:
    """Decode a depth message to metres ``(h, w)``; whole numbers are mm (REP 118).

    Raises:
        ValueError: an encoding that is not read, or data that do not fit their size.
    """
    if kind == COMPRESSED:
        return _decode_compressed_depth(message, topic)
    if message.encoding not in DEPTH_CODES:
        raise ValueError(
            f"{topic}: expected depth as {', '.join(DEPTH_CODES)}; got {message.encoding}"
        )
    stored = _plane(message, _F4 if message.encoding == "32FC1" else _U2, 1, topic)
    return (stored[..., 0] * np.float64(DEPTH_CODES[message.encoding])).astype(np.float32)


def decode_color(message: Message, kind: str, topic: str) -> NDArray[np.uint8]:
    """Decode a colour message to RGB ``(H, W, 3)``.

    Raises:
        ValueError: an encoding that is not read, or data that do not fit their size.
    """
    if kind == COMPRESSED:
        picture = _decode(bytes(np.asarray(message.data, np.uint8)), cv2.IMREAD_COLOR, topic)
        if picture is None:
            raise ValueError(f"{topic}: expected JPEG or PNG; got {message.format!r}")
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
    if message.encoding not in COLOR_CODES:
        raise ValueError(
            f"{topic}: expected color as {', '.join(COLOR_CODES)}; got {message.encoding}"
        )
    code = COLOR_CODES[message.encoding]
    pixels = _plane(message, _U1, _channels(message.encoding), topic)
    return np.array(pixels if code is None else cv2.cvtColor(np.ascontiguousarray(pixels), code))


def _decode(data: bytes, flags: int, topic: str) -> NDArray[Any] | None:
    """Decode a compressed picture, once its declared size is one that its bytes can hold."""
    check_image(data, topic)
    return decode_image(data, flags, topic)


def _channels(encoding: str) -> int:
    if encoding.startswith(("yuv", "uyvy", "yuyv")):
        return 2
    if encoding.startswith(("mono", "bayer", "8UC1")):
        return 1
    return 4 if "a8" in encoding else 3


def _plane(message: Message, dtype: np.dtype[Any], channels: int, topic: str) -> NDArray[Any]:
    """Cut the rows of an image out of its bytes; rows may be padded."""
    data = np.asarray(message.data, np.uint8)
    height, width, step = message.height, message.width, message.step
    row = width * channels * dtype.itemsize
    if step < row or data.size < (height - 1) * step + row or not height or not width:
        raise ValueError(
            f"{topic}: expected {height} rows of {row} bytes; got {data.size} bytes, {step} a row"
        )
    if height == 1:
        step = row  # the length of a row that nothing follows may be any number
    padded = np.zeros(height * step, np.uint8)
    padded[: min(data.size, padded.size)] = data[: padded.size]
    rows = padded.reshape(height, step)[:, :row]
    return (
        np.ascontiguousarray(rows)
        .view(dtype.newbyteorder(">" if message.is_bigendian else "<"))
        .reshape(height, width, channels)
    )


def _decode_compressed_depth(message: Message, topic: str) -> NDArray[np.float32]:
    """Decode what compressed_depth_image_transport writes: 12 bytes, then a PNG."""
    data = bytes(np.asarray(message.data, np.uint8))
    kind = re.match(r"\s*(\w+)", message.format)
    picture = _decode(data[_CONFIG.size :], cv2.IMREAD_UNCHANGED, topic)
    if picture is None or picture.ndim != 2:
        raise ValueError(
            f"{topic}: expected compressedDepth of PNG; got {message.format!r} (its RVL form is "
            "not read: record the raw topic)"
        )
    if kind is None or kind[1] != "32FC1":
        return (picture * np.float64(DEPTH_CODES["16UC1"])).astype(np.float32)
    _, a, b = _CONFIG.unpack_from(data)
    depth_m = np.zeros(picture.shape, np.float32)
    seen = picture > 0
    depth_m[seen] = a / (picture[seen].astype(np.float64) - b)
    return depth_m
