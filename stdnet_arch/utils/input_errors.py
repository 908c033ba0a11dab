"""Tell bad input from bugs: what a user gave and cannot be used is an :class:`InputError`.

Text, JSON and tables are read here, so that any failure names the file.
"""

import csv
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any


class InputError(ValueError):
    """A file or an option of the user that cannot be used; the message says which and why."""


@contextmanager
def reading(what: str | Path, expected: str = "a readable, whole file") -> Iterator[None]:
    """Turn whatever a decoder raises inside into an :class:`InputError` that names the file.

    Decoders fail on broken bytes with whatever they happen to read (``zlib.error``,
    ``struct.error``, ``SyntaxError``, ``KeyError``...). Only decoding may stand inside: an error of
    other code would look like bad input.

    Args:
        what: the file, the option or the frame that is decoded.
        expected: description of a good file.

    Raises:
        InputError: the content cannot be decoded.
        OSError, ImportError, MemoryError: left as they are.
    """
    try:
        yield
    except (InputError, OSError, ImportError, MemoryError):
        raise
    except Exception as error:
        said = str(error).strip() or type(error).__name__
        raise InputError(f"{what}: expected {expected}; {said}") from error


def check_number(value: object, what: str) -> float:
    """Return a finite number that a user gave.

    Raises:
        InputError: something else, NaN or infinite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{what} must be a finite number; got {value!r}")
    return float(value)


def check_positive(value: object, what: str) -> float:
    """Return a finite number above 0 that a user gave.

    Raises:
        InputError: something else.
    """
    if check_number(value, what) <= 0:
        raise InputError(f"{what} must be a number > 0; got {value!r}")
    return check_number(value, what)


def is_regular(path: Path) -> bool:
    """Tell whether a regular file is there; a folder or nothing is none.

    What would be read if it could is refused here, since leaving it out would drop data.

    Raises:
        InputError: a pipe, a device, a socket, a link that leads nowhere or in a loop.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise InputError(f"{path}: expected a file; got a link that leads nowhere") from None
        return False
    except OSError as error:  # a loop of links, a name that is too long
        raise InputError(f"{path}: expected a readable file; {error.strerror}") from error
    if S_ISREG(mode) or S_ISDIR(mode):
        return S_ISREG(mode)
    raise InputError(f"{path}: expected a regular file; got a pipe, device or socket")


def check_regular(path: Path) -> int:
    """Return the size of a file in bytes; refuse what is no regular file.

    Reading a pipe or a device may never end.

    Raises:
        FileNotFoundError: nothing is there.
        InputError: a folder, a pipe, a device or a socket.
    """
    try:
        said = path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"expected a file at {path}; it does not exist") from None
    except OSError as error:  # a loop of links, a name that is too long
        raise InputError(f"{path}: expected a readable file; {error.strerror}") from error
    if not S_ISREG(said.st_mode):
        raise InputError(f"{path}: expected a regular file; got a folder, pipe or device")
    return said.st_size


def read_text(path: Path) -> str:
    """Read a text file, UTF-8.

    Raises:
        FileNotFoundError: no such file.
        InputError: a pipe, a device, or bytes that are no UTF-8.
    """
    check_regular(path)
    with reading(path, "text in UTF-8"):
        return path.read_text(encoding="utf-8")


def read_json(path: Path) -> Any:  # noqa: ANN401  whatever it holds
    """Read a JSON file.

    Raises:
        FileNotFoundError: no such file.
        InputError: no JSON, or nested too deep.
    """
    text = read_text(path)
    with reading(path, "a JSON file"):
        return json.loads(text)


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file whose first line names the columns: one mapping for each further line.

    Raises:
        FileNotFoundError: no such file.
        InputError: no such table.
    """
    lines = read_text(path).splitlines()
    with reading(path, "a table in CSV"):
        return list(csv.DictReader(lines, skipinitialspace=True))
