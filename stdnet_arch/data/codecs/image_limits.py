"""Look at the size that a picture's header declares, before anything is decoded."""

import io
import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.limits import check_declared

LARGEST_PIXEL = 8
"""Bytes of a decoded pixel that are reckoned with: four channels of 16 bits."""
BYTES = {"1": 1, "L": 1, "P": 3, "RGB": 3, "RGBA": 4, "I;16": 2, "I;16B": 2, "I": 4, "F": 4}
"""Bytes of a pixel by Pillow's mode."""


def check_image(data: bytes, what: str | Path) -> None:
    """Refuse a picture that declares more pixels than its file or the machine can hold.

    Args:
        data: the whole file; what Pillow does not know passes.
        what: the file, for errors.

    Raises:
        InputError: too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                width, height, mode = *image.size, image.mode
    except UnidentifiedImageError:
        return
    except Image.DecompressionBombError as error:
        raise InputError(f"{what}: {error}") from error
    except Exception:  # a header that Pillow cannot read; the decoder says what is wrong
        return
    check_declared(width * height * BYTES.get(mode, LARGEST_PIXEL), len(data), what)
