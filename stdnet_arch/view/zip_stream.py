"""A folder as a zip that is made while it is sent."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from stdnet_arch.utils.folder_lock import LOCK
from stdnet_arch.utils.whole_file import PART

BLOCK = 1 << 20


def zip_folder(folder: Path) -> Iterator[bytes]:
    """Pack all files of a folder, a piece at a time, without a file in between.

    They are stored as they are: depth is packed already. Parts of files that are just being
    written, locks and links are left out.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for path in filter(_belongs, sorted(folder.rglob("*"))):
            for _ in _add(archive, path, folder):
                yield sink.take()
    yield sink.take()


def _belongs(path: Path) -> bool:
    return not path.is_symlink() and path.is_file() and not path.name.endswith((PART, LOCK))


def _add(archive: zipfile.ZipFile, path: Path, folder: Path) -> Iterator[None]:
    """Add a file, stopping after each block."""
    about = zipfile.ZipInfo.from_file(path, path.relative_to(folder), strict_timestamps=False)
    with path.open("rb") as source, archive.open(about, "w", force_zip64=True) as entry:
        yield from _copy(source, entry)
    yield


def _copy(source: IO[bytes], target: IO[bytes]) -> Iterator[None]:
    while block := source.read(BLOCK):
        target.write(block)
        yield


class _Sink:
    """Takes what a zip writes, and gives it away; it cannot be gone back in."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def take(self) -> bytes:
        """Give away what came since the last time."""
        given = b"".join(self._parts)
        self._parts.clear()
        return given
