"""One RGB picture from a file of any kind people have, as it is stored: no tag turns it."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stdnet_arch.data.codecs.rgb_codec import decode_image, read_bytes, read_rgb
from stdnet_arch.utils.input_errors import check_regular, reading

CHECKED = (".png", ".jpg", ".jpeg")
HEIC = (".heic", ".heif")
OTHERS = (".webp", ".bmp", ".tif", ".tiff", ".ppm")
PICTURE_SUFFIXES = (*CHECKED, *OTHERS, *HEIC)
ORIENTATION_TAG = 0x0112
ORIENTATIONS = {3: 180, 6: 90, 8: 270}
"""Degrees clockwise that a viewer turns by, of the tags that do not mirror."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture: uint8 ``(H, W, 3)``, RGB, in the order that the file stores.

    Raises:
        ValueError: it is broken or no picture.
        ImportError: HEIC without pillow-heif.
    """
    suffix = path.suffix.lower()
    if suffix in CHECKED:
        return read_rgb(path)
    if suffix in HEIC:
        return _read_heic(path)
    data = read_bytes(path)
    if suffix == ".webp" and len(data) < int.from_bytes(data[4:8], "little") + 8:
        raise ValueError(
            f"{path}: expected a whole WebP; got a truncated file of {len(data)} bytes"
        )
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = decode_image(data, flags, path)
    if image is None:
        raise ValueError(f"{path}: expected a readable picture; got {len(data)} bytes that are not")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def orientation_of(path: Path) -> int:
    """Read by how many degrees clockwise a tag asks viewers to turn a picture; 0 without one."""
    try:
        check_regular(path)
        if path.suffix.lower() in HEIC:
            _register_heic()
        with Image.open(path) as picture:
            return ORIENTATIONS.get(int(picture.getexif().get(ORIENTATION_TAG, 1)), 0)
    except ImportError:
        raise
    except Exception:  # tags of broken files fail in many ways
        return 0  # reading the frame itself tells what is wrong with it


def _read_heic(path: Path) -> NDArray[np.uint8]:
    _register_heic()
    read_bytes(path)  # looks at the declared size
    try:
        with reading(path, "a readable HEIC"), Image.open(path) as picture:
            return np.array(picture.convert("RGB"))
    except OSError as error:
        raise ValueError(f"{path}: expected a readable HEIC; {error}") from error


def _register_heic() -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise ImportError(
            "HEIC files need pillow-heif: pip install 'stdnet_arch[heic]'; got no such module"
        ) from error
    pillow_heif.register_heif_opener()
