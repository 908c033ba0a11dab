"""Cutting a clip in time: pure index arithmetic."""

from collections.abc import Iterator
from typing import NamedTuple


class Context(NamedTuple):
    """Frames that each frame of a prediction needs beside itself."""

    before: int
    after: int


class TimeWindow(NamedTuple):
    """Frames to give to a network, and which of its outputs to keep."""

    read: slice  # frames of the clip: a part with its context
    keep: slice  # the part's frames within what was read


def time_windows(
    length: int, size: int, before: int, after: int | None = None
) -> Iterator[TimeWindow]:
    """Parts of ``size`` frames that cover a clip once, each with context on both sides.

    Args:
        length: frames of the clip.
        size: frames of a part, at least 1; the last part may be shorter.
        before: frames of context before each part, as far as the clip goes.
        after: frames of context behind it; None: as many as before.

    Yields:
        The parts in order.

    Raises:
        ValueError: ``size`` is below 1.
    """
    if size < 1:
        raise ValueError(f"a part needs at least 1 frame, got {size}")
    after = before if after is None else after
    for start in range(0, length, size):
        stop = min(start + size, length)
        first = max(start - before, 0)
        read = slice(first, min(stop + after, length))
        yield TimeWindow(read, slice(start - first, stop - first))


def overlapping_windows(length: int, size: int, overlap: int) -> list[slice]:
    """Windows that share frames with their neighbours, from the first frame to the last.

    Args:
        length: frames of the clip.
        size: frames of a window.
        overlap: frames that two neighbours share.

    Returns:
        The windows in order. All have ``size`` frames but the last, which is shorter if it must be,
        yet longer than ``overlap`` (or it would hold nothing new).

    Raises:
        ValueError: not ``0 <= overlap < size``.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"windows need 0 <= overlap < size; got {overlap} and {size}")
    step = size - overlap
    last = max(length - overlap, min(length, 1))
    return [slice(start, min(start + size, length)) for start in range(0, last, step)]
