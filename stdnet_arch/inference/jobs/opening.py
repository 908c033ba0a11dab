"""The opening line: what a clip was taken for, before anything is computed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.depth_io import DepthReader
from stdnet_arch.data.recordings.pairing import Pairing
from stdnet_arch.data.recordings.recording import About
from stdnet_arch.inference.depth_cleaning import SensorCleaner, no_depth_message

SHOWN = 3
"""Frames whose depth is looked at."""

Depth = NDArray[np.floating]


@dataclass(frozen=True)
class FirstLook:
    """Some frames of a clip, read before anything is computed."""

    frames: dict[int, Depth]
    """Depth [m] by the number of the frame; the first one is the first that holds any."""
    count: int
    """Frames of the clip."""

    @property
    def first_m(self) -> Depth:
        """The first frame that holds depth."""
        return next(iter(self.frames.values()))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the depth."""
        height, width = self.first_m.shape
        return height, width


def find_first(depth: DepthReader, cleaner: SensorCleaner) -> tuple[int, Depth]:
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
    i, frame = find_first(depth, cleaner)
    frames = {i: frame}
    if not only_forwards(depth):
        others = {i + (len(depth) - 1 - i) * k // (SHOWN - 1) for k in range(1, SHOWN)} - {i}
        frames |= {other: depth.read(other) for other in sorted(others)}
    return FirstLook(frames, len(depth))


def only_forwards(depth: object) -> bool:
    """Tell whether reading any frame means to decode all before it; wrappers are looked into."""
    inner = getattr(depth, "depth", None)
    return bool(getattr(depth, "only_forwards", False)) or (
        inner is not None and only_forwards(inner)
    )


def opening_line(
    about: About, look: FirstLook, cleaner: SensorCleaner, rgb: tuple[int, int], network: str
) -> str:
    """Describe a clip in one line.

    Args:
        about: facts found out about it.
        look: some of its frames.
        cleaner: knows which depth counts.
        rgb: height and width of the RGB.
        network: name of the network, and what it was chosen for.
    """
    h, w = look.size
    return (
        f"{about.layout or 'recording'}: {look.count} frames{_paired(about.pairing)}; "
        f"depth {w}x{h}, unit {about.unit}: {say_depth(look, cleaner)}; RGB {rgb[1]}x{rgb[0]} "
        f"(x{rgb[0] / h:.4g}); network {network}"
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


def warnings_of(about: About) -> list[str]:
    """Say what a user should look at before trusting the result, a sentence each."""
    pairing = about.pairing
    lone = 0 if pairing is None else len(pairing.lone_depth) + len(pairing.lone_rgb)
    if pairing is None or not lone:
        return list(about.notes)
    left_out = (
        f"{len(pairing.lone_depth)} depth and {len(pairing.lone_rgb)} RGB frames have no partner "
        "and are left out"
    )
    return [left_out, *about.notes]


def _paired(pairing: Pairing | None) -> str:
    if pairing is None:
        return ""
    lone = f", {len(pairing.lone_depth)} depth and {len(pairing.lone_rgb)} RGB left out"
    return f" paired by {pairing.how}{lone}"
