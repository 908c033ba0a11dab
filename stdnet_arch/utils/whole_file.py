"""Files that are there whole or not at all, whatever ends the program or the machine."""

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stdnet_arch.utils.names import check_replaceable

PART = ".stdnet-part"
_PART = re.compile(rf"\.\d+{re.escape(PART)}$")
_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a place to write to; on success it becomes ``path`` in one step, else it goes.

    The content is on the disk before it gets its name, and so is the name when this returns: a
    power cut leaves the old file or the new one.

    Args:
        path: the file to make or to replace; its folder is made.

    Yields:
        A path in the same folder.

    Raises:
        InputError: no regular file is there that could be replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    check_replaceable(path)
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    part.unlink(missing_ok=True)  # never write through a link of that name
    try:
        yield part
        sync(part)
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        raise _told(error, path) from error
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write text (UTF-8) or bytes whole or not at all; see :func:`whole_file`."""
    with whole_file(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, content: Mapping[str, Any] | Sequence[Any], indent: int = 2) -> None:
    """Write JSON whole or not at all; see :func:`whole_file`."""
    write_whole(path, json.dumps(content, indent=indent) + "\n")


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:  # some file systems sync no folders
            raise
    finally:
        os.close(handle)


def remove_parts(folder: Path) -> None:
    """Delete what a killed program left unfinished in a folder; no other file has such a name."""
    for part in folder.glob(f"*{PART}"):
        if _PART.search(part.name):
            part.unlink(missing_ok=True)


def _told(error: OSError, path: Path) -> OSError:
    """Return the error with the file's name and what to do where the disk is full."""
    if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return error
    return OSError(error.errno, f"{error.strerror}: make room and run the command again", str(path))
