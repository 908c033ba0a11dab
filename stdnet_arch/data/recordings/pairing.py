"""Pairs of depth and RGB frames: by name, number, time or order."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from stdnet_arch.data.recordings.frame_names import are_times, frame_numbers_of, seconds_of

MODES = ("auto", "name", "time", "order")
NEAR_S = 0.02
"""Greatest distance of depth and RGB of one frame [s], as in TUM's own tool."""
NEAR_FRAMES = 0.6
"""The same in frames of the faster stream: a lost frame's neighbour is no partner."""
_NAMED = 3
"""Frames that a note names."""


@dataclass(frozen=True)
class Pairing:
    """Pairs of depth and RGB, and what is left."""

    pairs: tuple[tuple[int, int], ...]
    """Places of depth and RGB, in the order of the depth."""
    how: str
    """Rule that paired them, for people."""
    lone_depth: tuple[int, ...] = ()
    """Places of depth frames without a partner."""
    lone_rgb: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    """Findings that a user should look at, a sentence each."""


def pair_frames(
    depth: Sequence[str], rgb: Sequence[str], mode: str = "auto", within_s: float | None = None
) -> Pairing:
    """Pair the frames of two folders by their names.

    Args:
        depth: names of the depth frames, without endings, in order.
        rgb: names of the RGB frames.
        mode: ``name`` pairs equal names or numbers, ``time`` the nearest times, ``order`` the first
            with the first. ``auto`` takes times if both have them, else equal numbers or names; the
            order only for as many frames without any equal number.
        within_s: largest distance of the times of a pair [s]; None: 20 ms, less for fast streams.

    Raises:
        ValueError: nothing can be paired; the message says what would help.
    """
    if mode not in MODES:
        raise ValueError(f"frames are paired by {', '.join(MODES)}; got {mode!r}")
    if mode == "order" or (mode == "auto" and len(depth) == len(rgb) == 1):
        return pair_by_order(len(depth), len(rgb))
    numbers = frame_numbers_of(depth), frame_numbers_of(rgb)
    if numbers[0] is not None and numbers[1] is not None:
        timed = all(are_times(side) for side in (numbers[0], numbers[1]))
        if mode == "time" or timed:
            return pair_by_time(seconds_of(numbers[0]), seconds_of(numbers[1]), within_s)
        found = _pair_equal(numbers[0], numbers[1], "equal numbers")
    elif mode == "time":
        raise ValueError(f"expected times in the names; got {depth[0]} and {rgb[0]}")
    else:
        found = _pair_equal(depth, rgb, "equal names")
    if found.pairs:
        return _with_number_notes(found, *numbers)
    if mode == "name" or len(depth) != len(rgb):
        raise ValueError(
            f"expected depth and RGB of equal names or numbers; got {len(depth)} depth frames from "
            f"{depth[0]} to {depth[-1]} and {len(rgb)} RGB frames from {rgb[0]} to {rgb[-1]}; if "
            "they belong together by order, rename them or give --pair order for as many of both"
        )
    note = (
        f"depth is called {depth[0]} to {depth[-1]}, RGB {rgb[0]} to {rgb[-1]}: no number or name "
        "is equal, so the first is taken to belong to the first"
    )
    return Pairing(tuple((i, i) for i in range(len(depth))), "order", notes=(note,))


def pair_by_order(depth: int, rgb: int) -> Pairing:
    """Pair the first with the first.

    Raises:
        ValueError: there are not as many of both.
    """
    if depth != rgb:
        raise ValueError(
            f"depth and RGB must have as many frames to be paired by order: got {depth} and {rgb}"
        )
    return Pairing(tuple((i, i) for i in range(depth)), "order")


def pair_by_time(
    depth_s: Sequence[float], rgb_s: Sequence[float], within_s: float | None = None
) -> Pairing:
    """Pair frames that are each other's nearest in time.

    Args:
        depth_s: times of the depth frames [s], any order.
        rgb_s: times of the RGB frames [s].
        within_s: largest distance of the two; None: see :func:`nearness_s`.

    Raises:
        ValueError: no two are near enough.
    """
    if not depth_s or not rgb_s or not all(map(math.isfinite, (*depth_s, *rgb_s))):
        raise ValueError(
            f"expected a time for each frame; got {len(depth_s)} of depth and {len(rgb_s)} of RGB, "
            "some of which may be no numbers"
        )
    near_s = nearness_s(depth_s, rgb_s) if within_s is None else within_s
    to_rgb, to_depth = _nearest(depth_s, rgb_s), _nearest(rgb_s, depth_s)
    mutual = [(i, j) for i, j in enumerate(to_rgb) if to_depth[j] == i]
    gaps_s = [abs(depth_s[i] - rgb_s[j]) for i, j in mutual]
    pairs = [pair for pair, gap_s in zip(mutual, gaps_s, strict=True) if gap_s <= near_s]
    if not pairs:
        raise ValueError(
            f"expected depth and RGB no further apart than {1000 * near_s:.3g} ms; the nearest two "
            f"differ by {min(gaps_s):.6g} s (--pair-within SECONDS allows more, --pair order "
            "ignores the times)"
        )
    apart_ms = 1000 * max(gap_s for gap_s in gaps_s if gap_s <= near_s)
    pairs.sort(key=lambda pair: depth_s[pair[0]])
    return _pairing(pairs, len(depth_s), len(rgb_s), f"time (at most {apart_ms:.3g} ms apart)")


def nearness_s(depth_s: Sequence[float], rgb_s: Sequence[float]) -> float:
    """Return how far apart a pair may be [s]: 20 ms, or 0.6 frames of the faster stream."""
    steps_s = []
    for times_s in (depth_s, rgb_s):
        ordered = sorted(times_s)
        if len(ordered) > 1:
            steps_s.append(median(b - a for a, b in zip(ordered, ordered[1:], strict=False)))
    return min([NEAR_S, *(NEAR_FRAMES * step_s for step_s in steps_s if step_s > 0)])


def _nearest(times_s: Sequence[float], others_s: Sequence[float]) -> list[int]:
    """Find the place of the nearest other time for each time."""
    order = sorted(range(len(others_s)), key=others_s.__getitem__)
    sorted_s = [others_s[j] for j in order]
    nearest = []
    for time_s in times_s:
        right = bisect_left(sorted_s, time_s)
        near = range(max(right - 1, 0), min(right + 1, len(order)))
        nearest.append(order[min(near, key=lambda k: abs(sorted_s[k] - time_s))])
    return nearest


def _pair_equal(depth: Sequence[object], rgb: Sequence[object], how: str) -> Pairing:
    places = {key: j for j, key in enumerate(rgb)}
    pairs = [(i, places[key]) for i, key in enumerate(depth) if key in places]
    return _pairing(pairs, len(depth), len(rgb), how)


def _pairing(pairs: Sequence[tuple[int, int]], depth: int, rgb: int, how: str) -> Pairing:
    used_depth, used_rgb = {i for i, _ in pairs}, {j for _, j in pairs}
    return Pairing(
        tuple(pairs),
        how,
        tuple(i for i in range(depth) if i not in used_depth),
        tuple(j for j in range(rgb) if j not in used_rgb),
    )


def _with_number_notes(
    found: Pairing, depth: Sequence[Decimal] | None, rgb: Sequence[Decimal] | None
) -> Pairing:
    """Add what is odd about the numbers: they begin elsewhere, or some are missing."""
    if depth is None or rgb is None:
        return found
    notes = []
    if min(depth) != min(rgb) and len(depth) == len(rgb):
        notes.append(
            f"depth is numbered {min(depth)} to {max(depth)}, RGB {min(rgb)} to {max(rgb)}; equal "
            "numbers are paired (--pair order, if one of them only begins to count elsewhere)"
        )
    numbers = sorted({int(number) for number in (*depth, *rgb)})
    gaps = [(a, b) for a, b in zip(numbers, numbers[1:], strict=False) if b > a + 1]
    if gaps:
        count = sum(b - a - 1 for a, b in gaps)
        notes.append(
            f"{count} numbers are missing on both sides ({_listed([a + 1 for a, _ in gaps])})"
        )
    return Pairing(found.pairs, found.how, found.lone_depth, found.lone_rgb, tuple(notes))


def _listed(items: Sequence[object]) -> str:
    """Name the first few."""
    shown = ", ".join(str(item) for item in items[:_NAMED])
    return f"{shown}, ..." if len(items) > _NAMED else shown
