"""The opening line: what a clip was taken for, before anything is computed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_io import DepthReader
from stdnet_arch.data.recordings.pairing import Pairing
from stdnet_arch.data.recordings.recording import Recording
from stdnet_arch.inference.depth_cleaning import SensorCleaner, no_depth_message

SHOWN = 3
"""Frames whose depth is looked at."""

Depth = NDArray[np.floating]


class FirstLook(NamedTuple):
    """Some frames of a clip, read before anything is computed."""

    frames: dict[int, Depth]
    """Depth [m] by the number of the frame; the first one is the first that holds any."""
    early: int
    """Frames before it."""

    @property
    def first_m(self) -> Depth:
        """The first frame that holds depth."""
        return next(iter(self.frames.values()))


def first_measured(depth: DepthReader, cleaner: SensorCleaner) -> tuple[int, Depth]:
    """Find the first frame that holds depth, and its place.

    Raises:
        ValueError: no frame of the clip does.
    """
    empty: list[Depth] = []
    for i in range(len(depth)):
        frame = depth.read(i)
        if cleaner.measured(frame).any():
            return i, frame
        empty = [*empty[: SHOWN - 1], frame]
    raise ValueError(no_depth_message(empty) if empty else "the clip holds no frame of depth")


def look_at(depth: DepthReader, cleaner: SensorCleaner) -> FirstLook:
    """Read the first frame that holds depth and, where that is cheap, a middle and the last one.

    Raises:
        ValueError: no frame of the clip holds depth.
    """
    i, frame = first_measured(depth, cleaner)
    frames = {i: frame}
    if not only_forwards(depth):
        others = {i + (len(depth) - 1 - i) * k // (SHOWN - 1) for k in range(1, SHOWN)} - {i}
        frames |= {other: depth.read(other) for other in sorted(others)}
    return FirstLook(frames, i)


def only_forwards(depth: object) -> bool:
    """Tell whether reading any frame means to decode all before it; wrappers are looked into."""
    inner = getattr(depth, "depth", None)
    return bool(getattr(depth, "only_forwards", False)) or (
        inner is not None and only_forwards(inner)
    )


def opening_line(
    recording: Recording, look: FirstLook, cleaner: SensorCleaner, network: str
) -> str:
    """Describe a clip in one line.

    Args:
        recording: the clip.
        look: some of its frames.
        cleaner: knows which depth counts.
        network: what the network is called, and what it was chosen for.
    """
    about = recording.about
    height, width = look.first_m.shape
    H, W = next(iter(recording.colors())).shape[:2]
    return (
        f"{about.layout or 'recording'}: {len(recording.depth)} frames{_paired(about.pairing)}; "
        f"depth {width}x{height}, unit {about.unit}: {say_depth(look, cleaner)}; RGB {W}x{H} "
        f"(x{H / height:.4g}); network {network}"
    )


def say_depth(look: FirstLook, cleaner: SensorCleaner) -> str:
    """Say the median and the range of some frames, and how many pixels hold no depth."""
    frames = look.frames
    seen = [frame[cleaner.measured(frame)] for frame in frames.values()]
    values = np.concatenate(seen)
    pixels = sum(frame.size for frame in frames.values())
    holes = 100 * (1 - values.size / pixels)
    names = ", ".join(str(i) for i in frames)
    return (
        f"median {np.median(values):.4g} m, {values.min():.4g} to {values.max():.4g} m, "
        f"{holes:.2g} % without depth (frame{'s' if len(frames) > 1 else ''} {names})"
    )


def warnings_of(recording: Recording) -> list[str]:
    """Say what a user should look at before trusting the result, a sentence each."""
    pairing = recording.about.pairing
    lone = 0 if pairing is None else len(pairing.lone_depth) + len(pairing.lone_rgb)
    if pairing is None or not lone:
        return list(recording.about.notes)
    left_out = (
        f"{len(pairing.lone_depth)} depth and {len(pairing.lone_rgb)} RGB frames have no partner "
        "and are left out"
    )
    return [left_out, *recording.about.notes]


def _paired(pairing: Pairing | None) -> str:
    if pairing is None:
        return ""
    lone = f", {len(pairing.lone_depth)} depth and {len(pairing.lone_rgb)} RGB left out"
    return f" paired by {pairing.how}{lone}"
