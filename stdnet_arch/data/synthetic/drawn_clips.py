"""Clips that are drawn from a seed: names, limits and memory, as each synthetic source has them."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

SMALLEST_SIDE = 8


class LeastRecent(Generic[T]):
    """Keeps the ``limit`` most recently used values; makes the others again."""

    def __init__(self, limit: int) -> None:
        """Start empty."""
        self.limit = limit
        self._values: OrderedDict[tuple[int, ...], T] = OrderedDict()

    def get(self, key: tuple[int, ...], make: Callable[[], T]) -> T:
        """The value of ``key``; ``make()`` if it is not kept."""
        if key not in self._values:
            self._values[key] = make()
            if len(self._values) > self.limit:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        return self._values[key]

    def __len__(self) -> int:
        """Count the values that are kept."""
        return len(self._values)


class DrawnClips:
    """Base of sources whose clips come from a seed; a subclass draws clip ``k`` and its frames.

    Args:
        num_clips: number of clips.
        num_frame: frames of each clip.
        size: ``[H, W]`` of the frames.
        seed: seed of everything random, >= 0.
        digits: digits of a clip's name, such as ``0000``.

    Raises:
        ValueError: a number or a side is too small.
    """

    def __init__(
        self, num_clips: int, num_frame: int, size: Sequence[int], seed: int, digits: int = 4
    ) -> None:
        if num_clips < 1 or num_frame < 1:
            raise ValueError(
                f"num_clips and num_frame must be at least 1, got {num_clips} and {num_frame}"
            )
        if len(size) != 2 or min(size) < SMALLEST_SIDE:
            raise ValueError(
                f"size must be [H, W] with sides of at least {SMALLEST_SIDE}, got {list(size)}"
            )
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        self.num_frame, self.seed = num_frame, seed
        self.size = int(size[0]), int(size[1])
        self._numbers = {f"{k:0{digits}d}": k for k in range(num_clips)}

    def clips(self) -> dict[str, int]:
        """Map each clip's name to its number of frames."""
        return dict.fromkeys(self._numbers, self.num_frame)

    def frame_size(self, clip: str) -> tuple[int, int]:
        """Height and width of the frames of a clip; nothing is drawn for it."""
        self.number_of(clip, 0)
        return self.size

    def lq_m(self, clip: str, i: int, scale: int) -> None:  # noqa: ARG002  the form of sources
        """Return None: the sensor rule makes LR depth."""
        return

    def number_of(self, clip: str, i: int) -> int:
        """Return the number of a clip, if frame ``i`` is one of its frames.

        Raises:
            FileNotFoundError: there is no such clip.
            IndexError: there is no such frame.
        """
        if clip not in self._numbers:
            names = list(self._numbers)
            raise FileNotFoundError(f"expected a clip from {names[0]} to {names[-1]}; got {clip!r}")
        if not 0 <= i < self.num_frame:
            raise IndexError(f"expected a frame of {clip!r} below {self.num_frame}; got {i}")
        return self._numbers[clip]
