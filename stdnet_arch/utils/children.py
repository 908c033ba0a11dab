"""Start a program that ends with the one that started it, however that one ends."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PARENT = "STDNET_ARCH_ENDS_WITH_PARENT"
"""Environment variable that says that the standard input closes when the parent ends."""


def run_child(command: Sequence[str], log: IO[str], folder: Path) -> int:
    """Run a program to its end; return its exit code.

    Args:
        command: the program, which calls :func:`end_with_parent`, and its arguments.
        log: takes all that it writes.
        folder: working directory.
    """
    environment = {**os.environ, PARENT: "1"}
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, env=environment
    )
    try:
        return child.wait()
    except BaseException:
        child.kill()
        child.wait()
        raise


@contextmanager
def lend_end() -> Iterator[None]:
    """Make the programs that others start for us within the block end with this one, too.

    They inherit our standard input, which is nothing but a pipe that closes when we end.
    """
    read, write = os.pipe()
    before = os.dup(0)
    os.dup2(read, 0)
    os.close(read)
    os.environ[PARENT] = "1"
    try:
        yield
    finally:
        os.environ.pop(PARENT, None)
        os.dup2(before, 0)
        os.close(before)
        os.close(write)


def end_with_parent() -> None:
    """End this program at once when its parent does, if the parent asked for it.

    The system closes the pipe to a child when its parent ends, even if that was killed.
    """
    if os.environ.pop(PARENT, None) and sys.stdin is not None:
        threading.Thread(target=_end, args=(sys.stdin.fileno(),), daemon=True).start()


def _end(pipe: int) -> None:
    while os.read(pipe, 1024):
        pass
    os._exit(1)
