"""RGB video with what is known of its cameras, in any order of frames within a bounded memory."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_io import DepthReader
from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.data.recordings.rgb_io import RGBReader

Pose = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class PosedVideo:
    """Video with cameras, as a matcher reads it."""

    rgb: RGBReader
    names: Sequence[str]
    """Names of the frames."""
    where: str
    """Name of the video in errors."""
    intrinsics: Callable[[int], Intrinsics | None] = lambda _: None
    """The camera of a frame, in pixels of the RGB."""
    pose: Callable[[int], Pose | None] = lambda _: None
    """Camera to world of a frame, ``(4, 4)``, metres; x right, y down, z forward."""
    depth: DepthReader | None = None
    """Depth of the same frames, of a sensor or of another program."""

    def __post_init__(self) -> None:
        """Compare the numbers of frames, as far as they are known."""
        frames = len(self.names)
        if frames == 0:
            raise ValueError(f"{self.where}: expected frames; got none")
        if self.rgb.count not in {None, frames}:
            raise ValueError(f"{self.where}: expected {frames} RGB frames; got {self.rgb.count}")
        if self.depth is not None and len(self.depth) != frames:
            raise ValueError(f"{self.where}: expected {frames} depths; got {len(self.depth)}")

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.names)

    def colors(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """RGB ``(H, W, 3)`` of every frame from ``start`` on.

        Raises:
            ValueError: there are fewer or more than ``len(self)``, or sizes differ.
        """
        i, size = start, None
        for i, rgb in enumerate(self.rgb.frames(start), start):
            if i >= len(self):
                raise ValueError(f"{self.where}: expected {len(self)} RGB frames; got more")
            size = size or rgb.shape
            if rgb.shape != size:
                raise ValueError(f"{self.where}: frame {i} is {rgb.shape}, those before are {size}")
            yield rgb
        if i != len(self) - 1 and start < len(self):
            raise ValueError(f"{self.where}: expected {len(self)} RGB frames; got {i + 1}")


class Lately(Generic[T]):
    """The items of a sequence by number, the latest ``keep`` of them in memory.

    Args:
        open_at: the items from a number on, in order.
        keep: number of frames that stay; asking further back opens again.
    """

    def __init__(self, open_at: Callable[[int], Iterator[T]], keep: int) -> None:
        self._open_at, self._keep = open_at, keep
        self._items: OrderedDict[int, T] = OrderedDict()
        self._coming: Iterator[T] = iter(())
        self._next = -1

    def __getitem__(self, i: int) -> T:
        """Item ``i``."""
        if i not in self._items and not (0 <= self._next <= i):
            self._items.clear()
            self._coming, self._next = self._open_at(i), i
        while i not in self._items:
            self._items[self._next] = next(self._coming)
            self._next += 1
            if len(self._items) > self._keep:
                self._items.popitem(last=False)
        return self._items[i]

    def __len__(self) -> int:
        """Count the frames in memory."""
        return len(self._items)
