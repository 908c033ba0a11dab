"""Files that visitors send: bounded, checked before anything is unpacked, kept apart."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from stdnet_arch.data.recordings.exports.unpacked import check_zip
from stdnet_arch.data.recordings.open_recording import ZIPS
from stdnet_arch.utils.input_errors import InputError, check_regular
from stdnet_arch.utils.names import check_name

KEPT_BYTES = 1_000_000_000
"""Bytes that uploads must leave free on the disk."""


def take_uploads(paths: Sequence[Path], folder: Path, most_bytes: int) -> Path:
    """Move uploaded files into a folder; what is refused is deleted.

    Args:
        paths: files, named as their sender named them.
        folder: a new folder of the visitor.
        most_bytes: largest size of all files, zips unpacked.

    Returns:
        The file if there is one, else the folder of all.

    Raises:
        InputError: too large, no regular file, a name twice or one that leaves the folder. Or a zip
            that is broken, too large unpacked, or leaves its folder.
    """
    try:
        if not paths:
            raise InputError("no file came with the upload")
        _check(paths, most_bytes)
        folder.mkdir(parents=True)
        for path in paths:
            shutil.move(path, folder / check_name(path.name, "the name of an upload"))
    except Exception:
        for path in paths:
            path.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder / paths[0].name if len(paths) == 1 else folder


def held_bytes(folder: Path) -> int:
    """Sum the sizes of all files in a folder, zips as they are."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _check(paths: Sequence[Path], most_bytes: int) -> None:
    """Refuse files of another kind, and more than is allowed."""
    names = [path.name for path in paths]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"each file of an upload needs a name of its own; {twice[0]} came twice")
    needed = sum(map(check_regular, paths))
    _check_size(needed, most_bytes, "the upload has")
    for path in _zips(paths):
        needed += check_zip(path, most_bytes - needed)
    free = shutil.disk_usage(paths[0].parent).free
    if free - needed < KEPT_BYTES:
        raise InputError(
            f"the upload needs {needed / 1e6:.0f} MB; this machine has {free / 1e6:.0f} MB free, "
            f"and keeps {KEPT_BYTES / 1e6:.0f} MB of them"
        )


def _check_size(size: int, most_bytes: int, what: str) -> None:
    if size > most_bytes:
        raise InputError(
            f"{what} {size / 1e6:.1f} MB; this page takes {most_bytes / 1e6:.1f} MB more (whoever "
            "runs it may raise --max-upload)"
        )


def _zips(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.suffix.lower() in ZIPS]
