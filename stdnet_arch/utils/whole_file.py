"""Files that are there whole or not at all, whatever ends the program."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PART = ".part"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place to write to; on success it becomes ``path`` in one step, else it goes.

    Args:
        path: the file to make or to replace; its folder is made.

    Yields:
        A path in the same folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Delete what a killed program left unfinished in a folder."""
    for part in folder.glob(f"*{PART}"):
        part.unlink(missing_ok=True)
