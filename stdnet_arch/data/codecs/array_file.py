"""Several named arrays in a file: npz, written whole, read without pickle and within bounds."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.depth_codec import read_member
from stdnet_arch.utils.input_errors import check_regular, reading
from stdnet_arch.utils.whole_file import whole_file


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of a npz file; each is compared with its checksum (CRC-32).

    Raises:
        FileNotFoundError: no such file.
        InputError: it is damaged, holds pickled objects, or more than file or memory can hold.
    """
    check_regular(path)
    with reading(path, "a readable npz file"), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        return {m.filename.removesuffix(".npy"): read_member(archive, m, path) for m in members}


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], compressed: bool = True) -> None:
    """Write a npz file, whole or not at all.

    Args:
        path: ends in ``.npz``.
        arrays: name to array.
        compressed: deflate them.
    """
    save = np.savez_compressed if compressed else np.savez
    with whole_file(path) as part, part.open("wb") as file:
        save(file, **arrays)  # type: ignore[arg-type]
