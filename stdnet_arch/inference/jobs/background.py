"""Reading ahead and writing behind, in threads, with bounded queues."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar, cast

T = TypeVar("T")


def read_ahead(items: Iterable[T], size: int) -> Generator[T, None, None]:
    """Go through an iterable in a thread that stays up to ``size`` items ahead.

    An error of the iterable is raised where the item would have come. Closing the iterator ends the
    thread.
    """
    source, end = iter(items), object()
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        pending = deque(pool.submit(next, source, end) for _ in range(size))
        try:
            while (item := pending.popleft().result()) is not end:
                pending.append(pool.submit(next, source, end))
                yield cast(T, item)
        finally:
            for read in pending:
                read.cancel()


class WriteBehind:
    """Runs writes one after the other in a thread; leaving the context waits for them.

    Args:
        size: writes that may wait; further ones block.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._pending: deque[Future[None]] = deque()

    def submit(self, write: Callable[..., None], *arguments: object) -> None:
        """Queue ``write(*arguments)``; raise what an earlier one raised."""
        while len(self._pending) >= self.size:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(write, *arguments))

    def __enter__(self) -> "WriteBehind":
        """Start."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what was queued; raise what it raised, unless there is an error already."""
        self._pool.shutdown(wait=True)
        for write in self._pending:
            if kind is None:
                write.result()
