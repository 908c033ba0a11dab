"""Notice that the inputs of a result have changed since it was made."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

State = dict[str, int | str]
"""``files``, ``bytes``, ``names_and_sizes`` and ``times`` (digests) of all inputs."""


def describe_inputs(paths: Iterable[Path | None]) -> State:
    """Count the files of some inputs, and sum up their names, sizes and times.

    Nothing is read but the folders. A file counts as changed if its size or time of change did.

    Args:
        paths: files and folders, gone through to the end; None, hidden files and what is not there
            are left out.
    """
    sizes, times = (hashlib.blake2b(digest_size=16) for _ in range(2))
    files = total = 0
    for root in paths:
        for name, said in _files(root) if root is not None else ():
            files, total = files + 1, total + said.st_size
            sizes.update(f"{name}\0{said.st_size}\n".encode(errors="surrogateescape"))
            times.update(f"{said.st_mtime_ns}\n".encode())
    return {
        "files": files,
        "bytes": total,
        "names_and_sizes": sizes.hexdigest(),
        "times": times.hexdigest(),
    }


def tell_change(then: object, now: Mapping[str, Any]) -> str:
    """Return in words how inputs have changed; empty if they have not.

    Args:
        then: the earlier note. Anything that is no such note counts as unchanged (older versions
            noted nothing). So does an input that is no longer there.
        now: see :func:`describe_inputs`.
    """
    if not isinstance(then, Mapping) or then.keys() != now.keys() or then == now:
        return ""
    if now["files"] == 0:
        return ""
    if (then["files"], then["bytes"]) != (now["files"], now["bytes"]):
        return (
            f"the input was {then['files']} files of {then['bytes']} bytes, is {now['files']} of "
            f"{now['bytes']}"
        )
    return "files of the input were replaced since"


def _files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Return names under ``root`` with what the system says of each, in order."""
    if root.is_file():
        yield "", root.stat()
        return
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(folder) / name
            try:
                yield str(path.relative_to(root)), path.stat()
            except OSError:  # a link that leads nowhere
                yield str(path.relative_to(root)), path.lstat()
