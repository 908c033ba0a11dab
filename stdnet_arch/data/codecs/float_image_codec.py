"""TIFF and OpenEXR files of one channel, lossless; OpenEXR needs the extra ``exr``."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile

from stdnet_arch.data.codecs.rgb_codec import decode_image, read_bytes
from stdnet_arch.utils.input_errors import InputError, check_regular, reading
from stdnet_arch.utils.limits import check_declared

DEPTH_CHANNELS = ("Z", "depth", "Y", "R")
LAYER_CHANNELS = ("Z", "V", "depth")
"""Last parts of the names of layered depth, such as ``ViewLayer.Depth.Z`` of Blender."""


def load_tiff(path: Path) -> np.ndarray:
    """The stored values of a TIFF of one channel, ``(H, W)``, its own dtype."""
    data = read_bytes(path)
    image = decode_image(data, cv2.IMREAD_UNCHANGED, path)
    if image is None:
        image = _load_half_tiff(data, path)
    if image.ndim != 2 or image.size == 0 or image.dtype == np.uint8:
        raise ValueError(
            f"{path}: expected a TIFF of one 16-bit or float channel; got {image.dtype} "
            f"{image.shape}"
        )
    return image


def _load_half_tiff(data: bytes, path: Path) -> np.ndarray:
    """Load float16 and other kinds that OpenCV does not know."""
    told = reading(path, f"a readable, whole TIFF; got {len(data)} bytes")
    with told, tifffile.TiffFile(io.BytesIO(data)) as file:
        check_declared(sum(series.nbytes for series in file.series[:1]), len(data), path)
        return np.squeeze(file.asarray())


def encode_tiff(depth_m: np.ndarray) -> bytes:
    """Float32 metres ``(H, W)`` as the bytes of a TIFF, kept to the bit."""
    return cv2.imencode(".tiff", np.ascontiguousarray(depth_m, np.float32))[1].tobytes()


def load_exr(path: Path, channel: str | None = None) -> np.ndarray:
    """Load the depth channel of an OpenEXR file, ``(H, W)``, its own dtype.

    It is the only channel, or the first of ``Z``, ``depth``, ``Y``, ``R`` that is there, or the one
    of a layer: the last part of its name counts, and a layer called depth comes first.

    Args:
        path: the file.
        channel: the name of another one.

    Raises:
        ValueError: the file cannot be read, or several channels may be meant.
    """
    size, openexr = check_regular(path), _openexr()
    try:
        with openexr.File(str(path), header_only=True) as file:
            for header in (part.header for part in file.parts):
                low, high = header["dataWindow"]
                width, height = (int(b) - int(a) + 1 for a, b in zip(low, high, strict=True))
                check_declared(4 * width * height * len(header["channels"]), size, path)
        with openexr.File(str(path), separate_channels=True) as file:
            planes = {
                name: channel.pixels
                for part in file.parts
                for name, channel in part.channels.items()
            }
    except InputError:
        raise
    except Exception as error:  # the library raises what its C++ throws
        raise InputError(f"{path}: expected a readable, whole OpenEXR file; {error}") from error
    if not planes:
        raise ValueError(f"{path}: expected a readable, whole OpenEXR file; got no pixels")
    chosen = _depth_channel(list(planes)) if channel is None else channel
    if chosen not in planes:
        raise ValueError(
            f"{path}: expected one channel or one called {', '.join(DEPTH_CHANNELS)}; "
            f"got {', '.join(planes)} (--exr-channel NAME chooses one)"
        )
    return np.array(planes[chosen])


def _depth_channel(names: list[str]) -> str | None:
    """Choose the channel of depth; None if none or several may be meant."""
    if len(names) == 1:
        return names[0]
    plain = next((name for name in DEPTH_CHANNELS if name in names), None)
    if plain is not None:
        return plain
    of_depth = [name for name in names if "depth" in name.lower().rpartition(".")[0]]
    for layered in (of_depth, names):
        found = [name for name in layered if name.rpartition(".")[2] in LAYER_CHANNELS]
        if len(found) == 1:
            return found[0]
    return None


def write_exr(path: Path, depth_m: np.ndarray) -> None:
    """Write float32 metres ``(H, W)`` as channel ``Z``, kept to the bit."""
    openexr = _openexr()
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    plane = np.ascontiguousarray(depth_m, np.float32)
    with openexr.File(header, {"Z": plane}) as file:
        file.write(str(path))


def _openexr() -> Any:  # noqa: ANN401  the library has no types
    try:
        import OpenEXR
    except ImportError as error:
        raise ImportError(
            "EXR files need OpenEXR: pip install 'stdnet_arch[exr]'; got no such module"
        ) from error
    return OpenEXR
