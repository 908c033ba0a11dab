"""Threads that read ahead and write behind change nothing but the time."""

import threading

import pytest

from stdnet_arch.inference.jobs.background import WriteBehind, read_ahead


def names():
    return {thread.name.split("_")[0] for thread in threading.enumerate()}


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize("length", [0, 1, 7])
def test_items_come_in_order(size, length):
    assert list(read_ahead(iter(range(length)), size)) == list(range(length))


def test_it_reads_no_further_ahead_than_it_may():
    seen = []
    items = read_ahead((seen.append(i) or i for i in range(100)), 3)
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert len(seen) <= 2 + 3


def test_an_error_comes_where_the_item_would_have():
    def broken():
        yield 1
        raise ValueError("frame 1 is broken")

    items = read_ahead(broken(), 4)
    assert next(items) == 1
    with pytest.raises(ValueError, match="frame 1 is broken"):
        next(items)
    assert "read-ahead" not in names()


def test_closing_ends_the_thread():
    items = read_ahead(iter(range(100)), 2)
    next(items)
    assert "read-ahead" in names()
    items.close()
    assert "read-ahead" not in names()


def test_writes_happen_in_order_and_are_finished_at_the_end():
    written = []
    with WriteBehind(2) as writer:
        for i in range(20):
            writer.submit(written.append, i)
    assert written == list(range(20))


@pytest.mark.parametrize("later", [0, 5])
def test_a_failed_write_is_raised(later):
    def fail():
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), WriteBehind(2) as writer:  # noqa: PT012
        writer.submit(fail)
        for _ in range(later):
            writer.submit(int)


def test_an_interruption_finishes_what_was_queued():
    written = []
    with pytest.raises(KeyboardInterrupt), WriteBehind(9) as writer:  # noqa: PT012
        for i in range(5):
            writer.submit(written.append, i)
        raise KeyboardInterrupt
    assert written == list(range(5))
