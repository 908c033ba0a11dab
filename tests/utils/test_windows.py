"""Windows cover a clip once, with the context that exists."""

import pytest

from stdnet_arch.utils.windows import overlapping_windows, time_windows


@pytest.mark.parametrize("halo", [0, 1, 8])
@pytest.mark.parametrize(("length", "size"), [(1, 1), (7, 3), (9, 3), (5, 40)])
def test_every_frame_is_kept_once_with_its_context(length, size, halo):
    kept = []
    for window in time_windows(length, size, halo):
        read = list(range(length))[window.read]
        part = read[window.keep]
        context = range(max(part[0] - halo, 0), min(part[-1] + halo + 1, length))
        assert read == list(context)
        kept += part
    assert kept == list(range(length))


def test_context_may_differ_before_and_behind():
    windows = list(time_windows(9, 3, 2, 0))
    assert [(w.read, w.keep) for w in windows] == [
        (slice(0, 3), slice(0, 3)),
        (slice(1, 6), slice(2, 5)),
        (slice(4, 9), slice(2, 5)),
    ]


def test_parts_without_frames_are_refused():
    with pytest.raises(ValueError, match="at least 1 frame, got 0"):
        list(time_windows(5, 0, 2))


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, []),
        (1, [(0, 1)]),
        (7, [(0, 7)]),
        (8, [(0, 7), (4, 8)]),
        (12, [(0, 7), (4, 11), (8, 12)]),
    ],
)
def test_windows_overlap_and_the_last_one_holds_something_new(length, expected):
    windows = overlapping_windows(length, size=7, overlap=3)
    assert [(window.start, window.stop) for window in windows] == expected


@pytest.mark.parametrize("overlap", [-1, 7])
def test_windows_that_do_not_advance_are_refused(overlap):
    with pytest.raises(ValueError, match=f"got {overlap} and 7"):
        overlapping_windows(20, 7, overlap)
