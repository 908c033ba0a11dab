"""Random access to what can only be read forwards: videos and bags."""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Depth = NDArray[np.float32]
T = TypeVar("T")


class SequentialDepth:
    """Depth frames of a stream; going back starts it again.

    Args:
        open_at: yields frames [m], ``(h, w)``, from a given one on.
        names: names of the frames.
    """

    only_forwards = True

    def __init__(
        self, open_at: Callable[[int], Generator[Depth, None, None]], names: Sequence[str]
    ) -> None:
        self._open_at, self._names = open_at, list(names)
        self._frames: Generator[Depth, None, None] | None = None
        self._at = -1
        self._last: Depth | None = None

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._names)

    def read(self, i: int) -> Depth:
        """Read frame ``i`` [m], ``(h, w)``; forwards it is decoded once."""
        if self._last is not None and i == self._at:
            return self._last
        if self._frames is None or i <= self._at:
            if self._frames is not None:
                self._frames.close()
            self._frames, self._at = self._open_at(i), i - 1
        for at in range(self._at + 1, i + 1):
            frame = next(self._frames, None)
            if frame is None:
                raise ValueError(f"expected {len(self)} frames of depth; it ends after {at}")
            self._last, self._at = frame, at
        if self._last is None:
            raise IndexError(f"expected a frame below {len(self)}; got {i}")
        return self._last

    def name(self, i: int) -> str:
        """Return what frame ``i`` is called."""
        return self._names[i]


def pick(open_at: Callable[[int], Iterator[T]], places: Sequence[int]) -> Iterator[T]:
    """Yield the items at some places of a stream, reading forwards wherever possible.

    Args:
        open_at: yields the items from a given one on.
        places: indices of the frames, in their new order.
    """
    items: Iterator[T] | None = None
    at = 0
    for place in places:
        if items is None or place < at:
            items, at = open_at(place), place
        for _ in range(place - at):
            next(items, None)
        try:
            yield next(items)
        except StopIteration:
            raise ValueError(f"expected at least {place + 1} frames; it ends earlier") from None
        at = place + 1
