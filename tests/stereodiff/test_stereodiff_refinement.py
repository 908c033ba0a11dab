"""Windows of a video, blended, resumed, and never more than one of them in memory."""

import weakref

import numpy as np
import pytest
import torch

from stdnet_arch.stereodiff.refinement import (
    DisparityFrame,
    Windows,
    blend,
    refine_video,
    size_for_network,
    to_piece,
)


class Marks:
    """Adds the window's seed to the disparity, so that windows differ."""

    def refine(self, disparity, rgb, seed):
        assert disparity.shape[0] == rgb.shape[0]
        return disparity + 100 * seed


def frames(length, alive=None):
    """Frame ``i`` is all ``i``; ``alive`` hears of every one."""

    def from_frame(start):
        for i in range(start, length):
            disparity = torch.full((1, 2, 3), float(i))
            if alive is not None:
                alive(disparity)
            yield DisparityFrame(disparity, torch.zeros(3, 2, 3, dtype=torch.uint8))

    return from_frame


def run(length, size, overlap, first=0):
    video = refine_video(Marks(), frames(length), length, Windows(size, overlap), 0, first)
    return [frame[0, 0, 0].item() for frame in video]


def expected(length, size, overlap):
    """By hand: every frame belongs to the last window that begins before it, or to two."""
    values, step = [], size - overlap
    for i in range(length):
        k = min(i // step, max(-(-(length - size) // step), 0))
        inside = i - k * step
        share = min((inside + 1) / (overlap + 1), 1) if k else 1
        values.append(i + 100 * (k - 1 + share))
    return values


@pytest.mark.parametrize(
    ("length", "size", "overlap"), [(20, 7, 3), (19, 7, 0), (5, 7, 3), (7, 7, 3), (8, 7, 3)]
)
def test_windows_are_blended_linearly_where_they_overlap(length, size, overlap):
    assert run(length, size, overlap) == pytest.approx(expected(length, size, overlap))


@pytest.mark.parametrize("first", [1, 4, 6, 8, 11, 19])
@pytest.mark.parametrize("overlap", [0, 3, 5])
def test_a_resumed_run_gives_the_same_frames(first, overlap):
    assert run(20, 7, overlap, first) == run(20, 7, overlap)[first:]


def test_memory_does_not_grow_with_the_video():
    def most(length):
        there, counts = set(), [0]

        def born(disparity):
            there.add(id(disparity))
            weakref.finalize(disparity, there.discard, id(disparity))
            counts.append(len(there))

        for _ in refine_video(Marks(), frames(length, born), length, Windows(9, 3), 0):
            pass
        return max(counts)

    # One window, and the frame that is just being read.
    assert most(24) == most(240) <= 10


def test_the_first_frames_fade_in():
    before, after = torch.zeros(3, 1), torch.full((5, 1), 4.0)
    assert blend(before, after)[:, 0].tolist() == [1, 2, 3, 4, 4]
    assert torch.equal(blend(before[:0], after), after)


@pytest.mark.parametrize(
    ("size", "longest_px", "expected_size"),
    [
        ((480, 640), 1024, (512, 640)),
        ((1080, 1920), 1024, (576, 1024)),
        ((20, 30), 64, (64, 64)),
        ((2000, 2000), 130, (128, 128)),
    ],
)
def test_sides_are_multiples_of_64_within_the_longest(size, longest_px, expected_size):
    got = size_for_network(size, longest_px)
    assert (got, max(got) <= longest_px) == (expected_size, True)


def test_a_longest_side_below_64_is_refused():
    with pytest.raises(ValueError, match="at least 64, got 63"):
        size_for_network((480, 640), 63)


def test_depth_is_resized_to_the_nearest_and_colours_keep_their_mean():
    disparity = np.array([[0.0, 0.25], [0.5, 1.0]], np.float32)
    rgb = np.full((8, 8, 3), (10, 20, 30), np.uint8)
    piece = to_piece(disparity, rgb, (4, 4))
    np.testing.assert_array_equal(piece.disparity[0], np.kron(disparity, np.ones((2, 2))))
    assert piece.rgb.flatten(1).float().mean(1).tolist() == [10, 20, 30]
