"""Lists of clips: which frames of which clip a dataset reads."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

META_INFO = Path(__file__).parents[1] / "meta_info"
_NUMBERED = re.compile(r"(.+?)(?:\s+(\d+))?\s+(\d+)")


@dataclass(frozen=True)
class ClipSpan:
    """Frames ``start <= i < stop`` of one clip."""

    clip: str
    start: int
    stop: int

    @property
    def label(self) -> str:
        """Clip and frames in words that can name a file."""
        return f"{self.clip}_{self.start:04d}-{self.stop - 1:04d}"


def read_entries(clips: str | Sequence[str]) -> list[str]:
    """The lines of a clip list, comments and blank lines dropped.

    Args:
        clips: a file of ``meta_info``, a path, or the entries themselves.
    """
    if not isinstance(clips, str):
        lines = list(clips)
        for line in lines:
            if not isinstance(line, str):
                raise TypeError(f"expected clips as text (quote them in a YAML); got {line!r}")
    else:
        path = META_INFO / clips if (META_INFO / clips).is_file() else Path(clips).expanduser()
        if not path.is_file():
            known = ", ".join(sorted(p.name for p in META_INFO.glob("*.txt")))
            raise FileNotFoundError(
                f"clips must be a list, a path or a file of {META_INFO} ({known}); got {clips!r}"
            )
        lines = path.read_text(encoding="utf-8").splitlines()
    entries = [line.split("#")[0].strip() for line in lines]
    return [entry for entry in entries if entry]


def resolve_spans(
    clips: str | Sequence[str] | None, available: Mapping[str, int]
) -> list[ClipSpan]:
    """The spans that a clip list names, checked against the clips on the disk.

    An entry is ``clip``, ``clip count`` (the clip must have exactly that many frames: it tells one
    release or difficulty level of a dataset from another) or ``clip start stop``.

    Args:
        clips: see :func:`read_entries`; None takes every clip whole.
        available: clip name to number of frames.
    """
    entries = list(available) if clips is None else read_entries(clips)
    if not entries:
        raise ValueError(f"expected at least one clip; got {clips!r}, which names none")
    return [_resolve(entry, available) for entry in entries]


def _resolve(entry: str, available: Mapping[str, int]) -> ClipSpan:
    match = None if entry in available else _NUMBERED.fullmatch(entry)
    name, *groups = match.groups() if match else (entry,)
    numbers = [int(group) for group in groups if group]
    if name not in available:
        known = ", ".join(list(available)[:20]) + (", ..." if len(available) > 20 else "")
        raise FileNotFoundError(
            f"clip list entry {entry!r}: expected 'clip', 'clip count' or 'clip start stop' with a"
            f" clip out of {known}; got {name!r}"
        )
    count = available[name]
    if not count:
        raise ValueError(
            f"clip list entry {entry!r}: expected depth frames of {name}; its folder of them is"
            " missing or empty"
        )
    if len(numbers) == 1 and numbers[0] != count:
        raise ValueError(
            f"clip list entry {entry!r}: expected {numbers[0]} frames of {name}; got {count}"
            " (another release or difficulty level of the dataset, or an incomplete download?)"
        )
    start, stop = numbers if len(numbers) == 2 else (0, count)
    if not start < stop <= count:
        raise ValueError(
            f"clip list entry {entry!r}: expected start < stop <= {count}, the frames of {name};"
            f" got {start} {stop}"
        )
    return ClipSpan(name, start, stop)
