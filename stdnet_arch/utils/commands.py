"""The one boundary of every command: input that cannot be used ends in one line, never a traceback.

An error that our code raised on purpose, an :class:`InputError`, and what the system reports of
files and memory are about the input. Anything else is a bug of ours, and is told as one.
"""

import dis
import sys
import traceback
import types
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.interrupts import INTERRUPTED, end_now, ending_soon, is_first

FAILED, BUG = 1, 70
"""Exit codes: input that cannot be used; a bug (``EX_SOFTWARE``)."""
LONGEST = 2000
STOPPED = "stopped; the same command continues where it stopped"
PACKAGE = Path(__file__).resolve().parents[1]
SYSTEM = (OSError, MemoryError, ImportError, BrokenProcessPool)
LIBRARIES = ("lmdb", "av")
"""Libraries that tell of full disks and broken files by errors of their own."""
OF_SYSTEM = (
    "out of memory",
    "can't allocate memory",
    "embedded null byte",
    "surrogates not allowed",
)
"""Words of errors of other kinds if memory is short, or if a name holds what no name may."""
TOOLBOX = "basicsr"
OF_OPTIONS = (KeyError, AssertionError, NotImplementedError, TypeError, ValueError)
FROM_WORKER = "Caught "
"""So begins an error that a DataLoader's worker sent as text, with its traceback."""


def add_debug(parser: ArgumentParser) -> None:
    """Add ``--debug``: errors with their traceback."""
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def positive_int(text: str) -> int:
    """Read a whole number above 0, as a ``type`` of an option.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.strip().isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be a whole number above 0; got {text!r}")
    return int(text)


def run_command(
    run: Callable[[], int | None],
    say: Callable[[str], None] | None = None,
    stopped: str | Callable[[], str] = STOPPED,
    debug: bool = False,
) -> int:
    """Run a command; return its exit code.

    Args:
        run: the command; returns its own exit code, None for 0.
        say: shows a line to the user; None writes it to stderr.
        stopped: the line for Ctrl-C: what was kept, and how to continue.
        debug: show the traceback, too.

    Returns:
        What ``run`` returned; 1 for input that cannot be used, 70 for a bug, 130 for Ctrl-C.
    """
    tell = say or _write

    def tell_stopped() -> None:
        if is_first():
            tell(stopped if isinstance(stopped, str) else stopped())

    try:
        with ending_soon(tell_stopped):
            return run() or 0
    except KeyboardInterrupt:
        tell_stopped()
        end_now()
        return INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        tell(tell_error(error))
        return FAILED if is_about_input(error) else BUG


def run_script(main: Callable[[], int | None], stopped: str = STOPPED) -> int:
    """Run the ``main`` of a script, which reads ``sys.argv``; ``--debug`` is taken from there.

    Args:
        main: the script; returns its exit code, None for 0.
        stopped: the line for Ctrl-C.

    Returns:
        0.

    Raises:
        SystemExit: with the exit code, if it is not 0.
    """
    debug = "--debug" in sys.argv
    sys.argv[:] = [word for word in sys.argv if word != "--debug"]
    if code := run_command(main, stopped=stopped, debug=debug):
        sys.exit(code)
    return 0


def tell_error(error: Exception) -> str:
    """Return the line that tells an error."""
    said = " ".join(_own_words(error).split())[:LONGEST]
    if is_about_input(error):
        kind = "there is no option " if isinstance(error, KeyError) and " " not in said else ""
        return f"error: {kind}{said or type(error).__name__}"
    return (
        f"bug in stdnet_arch, not in your input: {type(error).__name__}: {said} (run again with "
        "--debug and report the traceback; what is written so far is whole)"
    )


def is_about_input(error: BaseException) -> bool:
    """Tell whether an error is about what the user gave, or a bug."""
    said = str(error)
    if type(error).__module__.partition(".")[0] in LIBRARIES:
        return True
    if isinstance(error, (InputError, *SYSTEM)) or any(words in said for words in OF_SYSTEM):
        return True
    if said.startswith(FROM_WORKER):
        return _was_raised_in_worker(said)
    return _was_raised_by_us(error)


@contextmanager
def fitting(what: str) -> Iterator[None]:
    """Turn what is raised inside into an error about options, where it is not about input already.

    Args:
        what: the options that something is built from.

    Raises:
        InputError: they cannot be used.
    """
    try:
        yield
    except Exception as error:
        if is_about_input(error):
            raise
        raise InputError(f"{what} cannot be used: {type(error).__name__}: {error}") from error


def _was_raised_by_us(error: BaseException) -> bool:
    """Tell whether a ``raise`` statement of this package made the error, and not a failing call."""
    step = error.__traceback__
    if step is None:
        return isinstance(error, ValueError | TypeError)  # made, and told, without being raised
    while step.tb_next is not None:
        step = step.tb_next
    code = step.tb_frame.f_code
    file = Path(code.co_filename).resolve()
    if TOOLBOX in file.parts:
        # Options that are missing or of another kind fail in the toolbox, which checks none.
        return isinstance(error, OF_OPTIONS)
    return PACKAGE in file.parents and _is_raise(code, step.tb_lasti)


def _own_words(error: Exception) -> str:
    """Return the message, without the traceback that a DataLoader puts into it."""
    said = str(error).strip()
    return said.splitlines()[-1] if said.startswith(FROM_WORKER) else said


def _was_raised_in_worker(said: str) -> bool:
    """Tell from a traceback's text whether a ``raise`` statement of this package made the error."""
    lines = said.splitlines()
    places = [i for i, line in enumerate(lines) if line.lstrip().startswith('File "')]
    if not places or places[-1] + 1 >= len(lines):
        return False
    own = PACKAGE in Path(lines[places[-1]].split('"')[1]).parents
    return own and lines[places[-1] + 1].lstrip().startswith("raise ")


def _is_raise(code: types.CodeType, offset: int) -> bool:
    return dis.opname[code.co_code[offset]] == "RAISE_VARARGS"


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
