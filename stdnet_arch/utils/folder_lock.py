"""Let one program at a time write to a folder, and say who holds it."""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOCK = ".stdnet-lock"
_held: set[str] = set()


@contextmanager
def hold_folder(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Hold a folder while the block runs.

    The system lets go of the lock when the program ends, however it ends. Forked and started
    children do not hold it.

    Args:
        folder: it is made.
        name: the lock's file in it.

    Raises:
        OSError: another program holds it; the message says which.
    """
    handle = take_folder(folder, name)
    try:
        yield
    finally:
        let_go(folder, handle, name)


def take_folder(folder: Path, name: str = LOCK) -> IO[str]:
    """Hold a folder until :func:`let_go` or the end of the program; see :func:`hold_folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    key = str(path.resolve())
    if key in _held:
        raise OSError(f"{folder} is being written to by another part of this program")
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            _lock(file, folder)
        except OSError:
            file.close()
            raise
        if _is_still_there(file, path):
            break
        file.close()  # its holder took it away between our opening and locking it
    file.truncate(0)
    file.write(json.dumps(_myself()) + "\n")
    file.flush()
    _held.add(key)
    return file


def let_go(folder: Path, handle: IO[str], name: str = LOCK) -> None:
    """Let go of a folder."""
    path = folder / name
    _held.discard(str(path.resolve()))
    if _is_still_there(handle, path):
        path.unlink(missing_ok=True)
    handle.close()


def _lock(file: IO[str], folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        return
    try:
        # lockf, not flock: a forked child would share a flock and keep it after our end.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise OSError(f"{folder} is in use by {_holder(file)}; wait for it, or stop it") from None


def _is_still_there(file: IO[str], path: Path) -> bool:
    try:
        there, ours = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _myself() -> dict[str, str | int]:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": since,
        "command": " ".join(sys.argv)[:500],
    }


def _holder(file: IO[str]) -> str:
    """Return in words who wrote the lock file."""
    try:
        file.seek(0)
        who = json.loads(file.read(2000))
        return f"process {who['pid']} on {who['host']} since {who['since']} ({who['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another program"
