"""Files ``.r3d`` of the iPhone app Record3D, unpacked; need the extra ``record3d``.

The zip holds ``metadata`` (JSON) and, per frame, ``rgbd/0.jpg``, ``rgbd/0.depth`` (metres as
float32 or float16, LZFSE) and, of a LiDAR, ``rgbd/0.conf`` (uint8, LZFSE).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.utils.input_errors import check_regular

SUFFIX = ".r3d"
SIZES = ((192, 256), (480, 640), (240, 320))
"""Width and height, for files that do not say them; the app holds the phone upright."""


class Record3DDepth:
    """The depth of an unpacked ``.r3d``.

    Args:
        files: ``*.depth``, in order.
        size: height and width; None to tell them from the number of values.
    """

    def __init__(self, files: Sequence[Path], size: tuple[int, int] | None) -> None:
        self.files, self.size = list(files), size

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.files)

    def read(self, i: int) -> NDArray[np.float32]:
        """Read frame ``i`` [m], ``(h, w)``."""
        data = decompress(self.files[i])
        height, width = self.size or _size_of(len(data), self.files[i])
        kind = {2 * height * width: np.float16, 4 * height * width: np.float32}.get(len(data))
        if kind is None:
            raise ValueError(
                f"{self.files[i]}: expected {height}x{width} floats of 2 or 4 bytes; got "
                f"{len(data)} bytes"
            )
        return np.frombuffer(data, kind).reshape(height, width).astype(np.float32)

    def name(self, i: int) -> str:
        """Return the file's name without its ending."""
        return self.files[i].stem


def read_confidence(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Read the confidence of a frame, 0 to 2, ``(h, w)``."""
    data = decompress(path)
    if len(data) != size[0] * size[1]:
        raise ValueError(f"{path}: expected {size[0]}x{size[1]} bytes; got {len(data)}")
    return np.frombuffer(data, np.uint8).reshape(size)


def depth_size(metadata: dict[str, Any]) -> tuple[int, int] | None:
    """Read height and width of the depth; None if the metadata do not say them."""
    height, width = metadata.get("dh"), metadata.get("dw")
    return (int(height), int(width)) if height and width else None


def decompress(path: Path) -> bytes:
    """Decompress an LZFSE file.

    Raises:
        ValueError: it is broken.
        ImportError: lzfse is not installed.
    """
    try:
        import lzfse
    except ImportError as error:
        raise ImportError(
            ".r3d files need lzfse: pip install 'stdnet_arch[record3d]'; got no such module"
        ) from error
    check_regular(path)
    try:
        return bytes(lzfse.decompress(path.read_bytes()))
    except lzfse.error as error:
        raise ValueError(f"{path}: expected LZFSE data; {error}") from error


def _size_of(size_bytes: int, path: Path) -> tuple[int, int]:
    for width, height in SIZES:
        if size_bytes in {2 * width * height, 4 * width * height}:
            return height, width
    raise ValueError(f"{path}: expected depth of one of {SIZES}; got {size_bytes} bytes")
