"""TIFF and OpenEXR files of one channel, lossless; OpenEXR needs the extra ``exr``."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from stdnet_arch.data.codecs.rgb_codec import read_bytes
from stdnet_arch.utils.input_errors import InputError, check_regular
from stdnet_arch.utils.limits import check_declared

DEPTH_CHANNELS = ("Z", "depth", "Y", "R")


def load_tiff(path: Path) -> np.ndarray:
    """The stored values of a TIFF of one channel, ``(H, W)``, its own dtype."""
    data = read_bytes(path)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f"{path}: expected a readable, whole TIFF; got {len(data)} bytes")
    if image.ndim != 2 or image.dtype == np.uint8:
        raise ValueError(
            f"{path}: expected a TIFF of one 16-bit or float channel; got {image.dtype} "
            f"{image.shape}"
        )
    return image


def encode_tiff(depth_m: np.ndarray) -> bytes:
    """Float32 metres ``(H, W)`` as the bytes of a TIFF, kept to the bit."""
    return cv2.imencode(".tiff", np.ascontiguousarray(depth_m, np.float32))[1].tobytes()


def load_exr(path: Path) -> np.ndarray:
    """The depth channel of an OpenEXR file, ``(H, W)``, its own dtype.

    It is the only channel, or the first of ``Z``, ``depth``, ``Y``, ``R`` that is there.
    """
    size, openexr = check_regular(path), _openexr()
    try:
        with openexr.File(str(path), header_only=True) as file:
            low, high = file.header()["dataWindow"]
            width, height = (int(b) - int(a) + 1 for a, b in zip(low, high, strict=True))
            check_declared(4 * width * height * len(file.header()["channels"]), size, path)
        with openexr.File(str(path), separate_channels=True) as file:
            planes = {name: channel.pixels for name, channel in file.channels().items()}
    except InputError:
        raise
    except Exception as error:  # the library raises what its C++ throws
        raise InputError(f"{path}: expected a readable, whole OpenEXR file; {error}") from error
    chosen = next((name for name in DEPTH_CHANNELS if name in planes), None)
    if len(planes) == 1:
        chosen = next(iter(planes))
    if chosen is None:
        raise ValueError(
            f"{path}: expected one channel or one called {', '.join(DEPTH_CHANNELS)}; "
            f"got {', '.join(planes)}"
        )
    return np.array(planes[chosen])


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
