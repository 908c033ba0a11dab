"""Ctrl-C: one line and the end within a second, whatever the program is doing.

Only the standard library is imported, so that this is in place before anything that takes time.
"""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path
from types import FrameType

INTERRUPTED = 130  # as shells say it
GRACE_S = 0.6
"""Time to end in order; then the program ends at once. Files are written whole, so none is lost."""
PACKAGE = Path(__file__).resolve().parents[1]


def end_quietly_while_loading() -> None:
    """End one of our commands on Ctrl-C with a line, until :func:`ending_soon` takes over.

    Importing takes seconds. A program of somebody else that imports this package is left as it is.
    """
    if _is_ours_to_end():
        signal.signal(signal.SIGINT, _end_while_loading)


def is_our_command() -> bool:
    """Tell whether this program is one of ours, and not one that imports the package."""
    words = sys.orig_argv
    module = words[words.index("-m") + 1 :][:1] if "-m" in words else []
    if module:
        return module[0].partition(".")[0] == PACKAGE.name
    script = Path(sys.argv[0] or ".").resolve()
    return script.parent == PACKAGE.parent / "scripts"


def is_first() -> bool:
    """Tell whether this is the first of the processes of a run, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def _end_while_loading(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if is_first():
        os.write(2, b"stopped before anything was begun\n")
    os._exit(INTERRUPTED)


def end_now(code: int = INTERRUPTED) -> None:
    """End one of our commands behind its last line; a program of somebody else goes on.

    Python's own end takes seconds where threads of a library are waited for, as in several
    processes that train. None of its own threads can watch the time any more.

    Args:
        code: the exit code.
    """
    if not _is_ours_to_end():
        return
    atexit._run_exitfuncs()  # temporary files and children go, while the time is still watched
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _is_ours_to_end() -> bool:
    return is_our_command() and threading.current_thread() is threading.main_thread()


@contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C while workers are started: they inherit it, and their parent ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def ending_soon(say: Callable[[], None]) -> Iterator[None]:
    """Make sure that one of our commands ends soon after Ctrl-C; others are left as they are.

    The block sees ``KeyboardInterrupt`` as usual. If the program is still there ``GRACE_S`` later
    (a long operation, threads that are waited for), it ends at once with 130, its children too.

    Args:
        say: tells the user; called if the block has not ended by itself.
    """
    if not _is_ours_to_end():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    read, write = os.pipe()
    os.set_blocking(write, False)
    wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    ended = threading.Event()
    threading.Thread(target=_watch, args=(read, ended, say), daemon=True).start()
    try:
        yield
    except KeyboardInterrupt:
        ended.set()  # the block's owner tells; the thread goes on to watch the end
        raise
    else:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGINT, before)
        os.close(write)


def _watch(read: int, ended: threading.Event, say: Callable[[], None]) -> None:
    """Wait for the signal's byte, which comes even while the main thread computes."""
    while byte := os.read(read, 1):
        if byte[0] != signal.SIGINT:
            continue
        time.sleep(GRACE_S)
        if not ended.is_set():
            say()
        for child in active_children():
            child.kill()
        os._exit(INTERRUPTED)
    os.close(read)
