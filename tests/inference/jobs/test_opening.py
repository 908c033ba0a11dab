"""What is said about a clip before anything is computed."""

import numpy as np
import pytest

from stdnet_arch.data.recordings.pairing import Pairing
from stdnet_arch.data.recordings.recording import About
from stdnet_arch.inference.depth_cleaning import SensorCleaner
from stdnet_arch.inference.jobs.opening import (
    FirstLook,
    find_first,
    look_at,
    only_forwards,
    opening_line,
    warnings_of,
)


class Frames:
    """Depth frames of an array that remember what was read."""

    def __init__(self, depth_m, only_forwards=False):
        self.depth_m, self.only_forwards, self.asked = depth_m, only_forwards, []

    def __len__(self):
        return len(self.depth_m)

    def read(self, i):
        self.asked.append(i)
        return self.depth_m[i]

    def name(self, i):
        return f"{i}"


def clip(frames=7, empty=2):
    depth_m = np.linspace(1, 3, frames * 6, dtype=np.float32).reshape(frames, 2, 3)
    depth_m[:empty] = 0
    return depth_m


@pytest.mark.parametrize(("only", "frames"), [(False, [2, 4, 6]), (True, [2])])
def test_the_find_first_a_middle_and_the_last_frame_are_looked_at(only, frames):
    look = look_at(Frames(clip(), only), SensorCleaner(10))
    assert [*look.frames] == frames
    assert (look.count, look.size) == (7, (2, 3))


def test_a_clip_without_depth_is_told_before_anything_else():
    with pytest.raises(ValueError, match="no frame of the clip holds depth.*to -0.5 m .negative"):
        find_first(Frames(np.full((4, 2, 3), -0.5, np.float32)), SensorCleaner(10))


def test_wrappers_of_a_stream_read_forwards_only():
    class Wrapper:
        depth = Frames(clip(), only_forwards=True)

    assert only_forwards(Wrapper())
    assert not only_forwards(Frames(clip()))


def test_the_line_says_unit_range_pairing_sizes_ratio_and_network():
    frame = np.array([[0, 1.0, 2.0, 5.0]], np.float32)
    about = About(
        "TUM layout", "1/5000 m (TUM layout)", pairing=Pairing(((0, 0),), "rgb.txt", (1,))
    )
    line = opening_line(about, FirstLook({3: frame}, 9), SensorCleaner(10), (4, 16), "STDNet x4")
    assert line == (
        "TUM layout: 9 frames paired by rgb.txt, 1 depth and 0 RGB left out; depth 4x1, unit "
        "1/5000 m (TUM layout): median 2 m, 1 to 5 m, 25 % without depth (frame 3); RGB 16x4 (x4); "
        "network STDNet x4"
    )


def test_frames_without_a_partner_and_notes_are_warnings():
    about = About(pairing=Pairing(((0, 0),), "time", (1, 2), (5,)), notes=("turned",))
    assert warnings_of(about) == [
        "2 depth and 1 RGB frames have no partner and are left out",
        "turned",
    ]
