"""Zip files of recordings, unpacked to a temporary folder."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stdnet_arch.utils.input_errors import InputError, check_regular
from stdnet_arch.utils.names import check_name

MARGIN = 0.9
"""Share of the free disk space that may be taken."""
MOST_FILES = 1_000_000
"""Entries of a zip; each costs a file, however small it is."""
_JUNK = ("__MACOSX", ".DS_Store")


class Unpacked:
    """The files of a zip; they are deleted with this object.

    Args:
        path: the zip.

    Raises:
        ValueError: it is broken, encrypted, leaves its folder, or is larger than the disk allows.
    """

    def __init__(self, path: Path) -> None:
        check_regular(path)
        self._folder = tempfile.TemporaryDirectory(prefix="recording-")
        root = Path(self._folder.name)
        with _opened(path) as archive:
            items = _items(archive, path)
            _check_room(path, sum(item.file_size for item in items), root)
            for item in items:
                archive.extract(item, root)
        self.root = _only_folder(root)


def check_zip(path: Path, most_bytes: int) -> int:
    """Refuse a zip before anything of it is unpacked; return its size unpacked [bytes].

    Only what it declares is looked at: no file is unpacked beyond its declared size.

    Args:
        path: the zip.
        most_bytes: largest size unpacked.

    Raises:
        ValueError: it is broken, leaves its folder, or is larger.
    """
    check_regular(path)
    with _opened(path) as archive:
        size = sum(item.file_size for item in _items(archive, path))
    if size > most_bytes:
        raise InputError(
            f"{path.name}: holds {size / 1e6:.1f} MB unpacked; at most {most_bytes / 1e6:.1f} MB "
            "are allowed"
        )
    return size


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise ValueError(f"{path}: expected a readable zip file; {error}") from error


def _items(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """List what is unpacked; refuse names that leave the folder, which zip would bend silently."""
    items = [item for item in archive.infolist() if not _is_junk(item.filename)]
    if len(items) > MOST_FILES:
        raise InputError(f"{path}: a zip may hold {MOST_FILES} files; this one holds {len(items)}")
    for item in items:
        check_name(item.filename, f"{path}: the name of a file in a zip")
    return items


def _is_junk(name: str) -> bool:
    parts = Path(name).parts
    return any(part in _JUNK or part.startswith("._") for part in parts)


def _check_room(path: Path, needed: int, root: Path) -> None:
    free = shutil.disk_usage(root).free
    if needed > MARGIN * free:
        raise ValueError(
            f"{path}: needs {needed / 1e6:.0f} MB unpacked, {root.parent} has {free / 1e6:.0f} MB "
            "free; unpack it elsewhere and give the folder"
        )


def _only_folder(root: Path) -> Path:
    """Go down as long as there is nothing but one folder."""
    while True:
        inside = list(root.iterdir())
        if len(inside) != 1 or not inside[0].is_dir():
            return root
        root = inside[0]
