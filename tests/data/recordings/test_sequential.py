"""Random access to streams that only go forwards."""

import numpy as np
import pytest

from stdnet_arch.data.recordings.sequential import SequentialDepth, pick


class Stream:
    """Frames 0, 1, 2, ... that remember from where they were decoded."""

    def __init__(self, count):
        self.count, self.opened = count, []

    def open_at(self, start):
        self.opened.append(start)
        for i in range(start, self.count):
            yield np.full((1, 2), i, np.float32)


def test_going_on_decodes_once_and_going_back_starts_again():
    stream = Stream(6)
    depth = SequentialDepth(stream.open_at, list("abcdef"))
    assert [depth.read(i)[0, 0] for i in (0, 1, 1, 4, 2, 3)] == [0, 1, 1, 4, 2, 3]
    assert stream.opened == [0, 2]
    assert (len(depth), depth.name(2)) == (6, "c")


def test_places_are_picked_forwards_where_possible():
    stream = Stream(9)
    assert [frame[0, 0] for frame in pick(stream.open_at, [1, 2, 5, 4, 8])] == [1, 2, 5, 4, 8]
    assert stream.opened == [1, 4]


def test_a_stream_that_ends_early_is_told():
    depth = SequentialDepth(Stream(2).open_at, list("abcd"))
    with pytest.raises(ValueError, match="expected 4 frames of depth; it ends after 2"):
        [depth.read(i) for i in range(4)]
    with pytest.raises(ValueError, match="expected at least 4 frames; it ends earlier"):
        list(pick(Stream(2).open_at, [0, 3]))
