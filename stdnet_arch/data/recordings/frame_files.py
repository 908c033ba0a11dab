"""The frames of a folder, in order."""

import re
from pathlib import Path

from stdnet_arch.data.sources.source import check_no_gap, frame_numbers

_NUMBERS = re.compile(r"(\d+)")


def list_frames(folder: Path, suffixes: tuple[str, ...], by_name: bool = False) -> list[Path]:
    """The frame files of a folder.

    Args:
        folder: where they lie; files with other endings do not count.
        suffixes: endings in lower case, with the dot.
        by_name: False: the last number in a name counts the frames, and none may be missing.
            True: numbers have gaps by nature (timestamps); the order of the names counts.

    Raises:
        FileNotFoundError: no such folder, or no frame in it.
        ValueError: a frame is missing or there twice.
    """
    if not by_name:
        frames = frame_numbers(folder, suffixes)
        check_no_gap(frames)
        return list(frames.values())
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder of frames at {folder}; it does not exist")
    paths = [path for path in folder.iterdir() if path.suffix.lower() in suffixes]
    if not paths:
        raise FileNotFoundError(f"expected frames ({', '.join(suffixes)}) in {folder}; got none")
    return sorted(paths, key=lambda path: _natural(path.stem))


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that puts ``a10`` behind ``a9``."""
    parts = _NUMBERS.split(name)
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)]
