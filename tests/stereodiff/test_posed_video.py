"""Frames by number within a bounded memory."""

import numpy as np
import pytest

from stdnet_arch.data.recordings.rgb_io import RGBFiles
from stdnet_arch.stereodiff.posed_video import Lately, PosedVideo


class Colors(RGBFiles):
    """Frames from an array."""

    def __init__(self, frames, count=None):
        self.arrays, self.count, self.fps = frames, count, None

    def frames(self, start=0):
        return iter(self.arrays[start:])


def black(*sizes):
    return [np.zeros((*size, 3), np.uint8) for size in sizes]


def test_lately_gives_every_item_and_keeps_few():
    opened = []
    items = Lately(lambda i: opened.append(i) or iter(range(i, 100)), keep=5)
    asked = [3, 3, 4, 9, 7, 12, 10, 2, 30]
    assert [items[i] for i in asked] == asked
    assert len(items) == 5
    assert opened == [3, 2]  # only what was forgotten is opened anew


@pytest.mark.parametrize(("there", "message"), [(1, "got 1"), (3, "got more")])
def test_a_video_of_unknown_length_must_have_as_many_frames(there, message):
    video = PosedVideo(Colors(black(*[(2, 3)] * there)), ["a", "b"], "here")
    with pytest.raises(ValueError, match=f"here: expected 2 RGB frames; {message}"):
        list(video.colors())


def test_frames_of_another_size_are_refused():
    video = PosedVideo(Colors(black((2, 3), (2, 4))), ["a", "b"], "here")
    with pytest.raises(ValueError, match="frame 1 is"):
        list(video.colors())


def test_a_video_without_frames_is_refused():
    with pytest.raises(ValueError, match="expected frames; got none"):
        PosedVideo(Colors([], 0), [], "here")
