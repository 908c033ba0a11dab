"""The frames of a folder or a pattern, in order."""

from collections.abc import Sequence
from pathlib import Path

from stdnet_arch.data.recordings.frame_names import natural_key
from stdnet_arch.data.sources.source import check_no_gap, frame_numbers
from stdnet_arch.utils.input_errors import is_regular


def list_frames(place: Path, suffixes: tuple[str, ...], by_name: bool = False) -> list[Path]:
    """List the frame files of a folder; hidden ones (``.x``, ``._x``) do not count.

    Args:
        place: a folder, where files with other endings do not count, or a pattern of files.
        suffixes: endings in lower case, with the dot.
        by_name: False: the last number in a name counts the frames, and none may be missing.
            True: the order of the names counts, numbers by value, and numbers may be missing.

    Raises:
        FileNotFoundError: no such folder, or no frame in it.
        ValueError: a frame is missing or there twice.
    """
    if not by_name and not is_pattern(place):
        frames = frame_numbers(place, suffixes)
        check_no_gap(frames)
        return list(frames.values())
    if is_pattern(place):
        paths = _expand(place, suffixes)
    elif not place.is_dir():
        raise FileNotFoundError(f"expected a folder of frames at {place}; it does not exist")
    else:
        paths = [path for path in place.iterdir() if _counts(path, suffixes)]
    if not paths:
        raise FileNotFoundError(f"expected frames ({', '.join(suffixes)}) in {place}; got none")
    paths.sort(key=lambda path: natural_key(path.stem))
    _check_once(paths)
    return paths


def is_pattern(place: Path) -> bool:
    """Tell whether a path is a pattern (``X/*.depth.png``) rather than a place."""
    return any(sign in str(place) for sign in "*?[") and not place.exists()


def _expand(pattern: Path, suffixes: Sequence[str]) -> list[Path]:
    root, parts = (
        (Path(pattern.anchor), pattern.parts[1:])
        if pattern.is_absolute()
        else (Path(), pattern.parts)
    )
    return [path for path in root.glob("/".join(parts)) if _counts(path, suffixes)]


def _counts(path: Path, suffixes: Sequence[str]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and is_regular(path)


def _check_once(paths: Sequence[Path]) -> None:
    """Refuse two files of one name: which of them is the frame?"""
    seen: dict[str, Path] = {}
    for path in paths:
        before = seen.setdefault(path.stem, path)
        if before is not path:
            raise ValueError(
                f"expected one file per frame; got {before} and {path} (a pattern such as "
                f"{path.parent}/*{path.suffix} chooses)"
            )
