"""Which frames belong together."""

import numpy as np
import pytest

from stdnet_arch.data.recordings.pairing import nearness_s, pair_by_time, pair_frames


def names_of(pairing, depth, rgb):
    return [(depth[i], rgb[j]) for i, j in pairing.pairs]


@pytest.mark.parametrize("mode", ["auto", "name"])
def test_equal_numbers_belong_together_and_the_others_are_counted(mode):
    depth, rgb = ["t58", "t59", "t61"], ["t58", "t60", "t61"]
    pairing = pair_frames(depth, rgb, mode)
    assert names_of(pairing, depth, rgb) == [("t58", "t58"), ("t61", "t61")]
    assert (pairing.lone_depth, pairing.lone_rgb) == ((1,), (1,))


def test_numbers_that_begin_elsewhere_are_said():
    pairing = pair_frames(["d0", "d1", "d2"], ["c1", "c2", "c3"])
    assert pairing.pairs == ((1, 0), (2, 1))
    assert "depth is numbered 0 to 2, RGB 1 to 3" in pairing.notes[0]
    assert pair_frames(["d0", "d1", "d2"], ["c1", "c2", "c3"], "order").pairs[0] == (0, 0)


def test_numbers_that_miss_on_both_sides_are_counted():
    assert pair_frames(["1", "2", "1000000"], ["1", "2", "1000000"]).notes == (
        "999997 numbers are missing on both sides (3)",
    )


def test_names_without_any_equal_number_are_paired_by_order_and_said():
    pairing = pair_frames(["0", "1"], ["7", "8"])
    assert (pairing.pairs, pairing.how) == (((0, 0), (1, 1)), "order")
    assert "no number or name is equal" in pairing.notes[0]
    with pytest.raises(ValueError, match="expected depth and RGB of equal names or numbers"):
        pair_frames(["0", "1"], ["7", "8"], "name")
    with pytest.raises(ValueError, match="3 depth frames from 0 to 2 and 2 RGB frames from 7"):
        pair_frames(["0", "1", "2"], ["7", "8"])


def test_names_without_numbers_are_paired_by_the_names():
    assert pair_frames(["left", "right"], ["right", "middle"]).pairs == ((1, 0),)


def test_times_are_paired_with_the_nearest_after_a_lost_frame():
    depth = ["10.000", "10.033", "10.066", "10.100"]
    rgb = ["10.008", "10.075", "10.108"]
    pairing = pair_frames(depth, rgb)
    assert pairing.pairs == ((0, 0), (2, 1), (3, 2))
    assert pairing.how == "time (at most 9 ms apart)"


def test_pairs_by_time_are_what_a_search_through_all_finds():
    random = np.random.default_rng(3)
    depth_s, rgb_s = random.uniform(0, 1, 40), random.uniform(0, 1, 90)
    gaps = np.abs(depth_s[:, None] - rgb_s)
    mutual = {
        (i, j)
        for i, j in enumerate(gaps.argmin(axis=1))
        if gaps[:, j].argmin() == i and gaps[i, j] <= 0.004
    }
    assert set(pair_by_time(depth_s.tolist(), rgb_s.tolist(), 0.004).pairs) == mutual
    assert 0 < len(mutual) < 40


def test_a_fast_stream_has_less_patience():
    slow, fast = [i / 30 for i in range(9)], [i / 60 for i in range(18)]
    assert nearness_s(slow, slow) == pytest.approx(0.02)
    assert nearness_s(slow, fast) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["1.5", "2.5"], ["9.5", "10.5"]), r"the nearest two differ by 7 s \(--pair-within"),
        ((["a", "b"], ["a", "b"], "time"), "expected times in the names; got a and a"),
        ((["1"], ["1", "2"], "order"), "as many frames to be paired by order: got 1 and 2"),
        ((["1"], ["1"], "magic"), "paired by auto, name, time, order; got 'magic'"),
    ],
)
def test_what_cannot_be_paired_is_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        pair_frames(*arguments)


def test_one_frame_on_each_side_needs_no_rate():
    assert pair_by_time([5.0], [5.004]).pairs == ((0, 0),)
