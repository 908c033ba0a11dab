"""Zip files of recordings, unpacked to a temporary folder."""

import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path

from stdnet_arch.utils.input_errors import check_regular

MARGIN = 0.9
"""Share of the free disk space that may be taken."""
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
        try:
            with zipfile.ZipFile(path) as archive:
                items = [item for item in archive.infolist() if not _is_junk(item.filename)]
                _check_room(path, sum(item.file_size for item in items), root)
                for item in items:
                    archive.extract(item, root)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
            raise ValueError(f"{path}: expected a readable zip file; {error}") from error
        self.root = _only_folder(root)


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
