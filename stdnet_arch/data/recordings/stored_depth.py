"""Stored values of a recording as metres, and which of them mean "no depth"."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.depth_file import (
    FLOAT16,
    FLOAT32_RGBA,
    MM_BY_DEFAULT,
    load_stored,
    stored_to_metres,
)
from stdnet_arch.data.recordings.depth_units import say_unit

FULL_CODES = (65535.0, 65504.0, 65.535)
"""The largest uint16 and float16, and the former as mm in metres: in floats "no depth", too."""
FARTHEST_M = 1e6
"""No camera sees further: what renderers write where nothing is (Blender: 1e10)."""
EMPTY = np.float32(np.inf)
"""Value that stands for "no depth", and distinct from 0."""


@dataclass(frozen=True)
class DepthCoding:
    """Meaning of stored values, to make metres of them; see :func:`to_metres`."""

    unit: str | float | None = None
    """``m``, ``mm``, metres per stored unit, ``float16``, ``float32rgba``, or None for the format's
    usual one."""
    invalid: float | None = None
    """A stored value that means "no depth" beside 0, NaN and inf; then no other one is guessed."""
    npz_key: str | None = None
    """Array of a npz, if it holds several."""
    exr_channel: str | None = None
    """Channel of an EXR, if several may be meant."""
    disparity: tuple[float, float] | None = None
    """Focal length [px of the depth] and baseline [m]: the files hold disparity [px]."""
    layout: str = ""
    """The layout that the unit comes from, for people."""

    def __post_init__(self) -> None:
        """Refuse a camera that cannot be."""
        if self.disparity is not None and not all(0 < x < np.inf for x in self.disparity):
            raise ValueError(
                f"disparity needs a focal length [px] and a baseline [m] > 0; got {self.disparity}"
            )

    def say(self, path: Path | None, whole: bool) -> str:
        """Say what the unit is, and why.

        Args:
            path: a file of depth, or None for a stack or stream of metres.
            whole: true if it holds whole numbers.
        """
        if self.disparity is not None:
            focal_px, baseline_m = self.disparity
            factor = "" if self.unit is None else f" of {say_unit(self.unit)} px"
            return f"disparity{factor} (asked for: {focal_px:g} px x {baseline_m:g} m / disparity)"
        if self.unit is not None:
            return f"{say_unit(self.unit)} ({self.layout or 'asked for'})"
        if whole and path is not None and path.suffix.lower() in MM_BY_DEFAULT:
            return f"mm (usual for whole numbers in {path.suffix.lower()}; else --depth-unit)"
        return "m (usual for floats; else --depth-unit)"


def read_metres(path: Path, coding: DepthCoding) -> NDArray[np.float32]:
    """Read one file as metres ``(h, w)``; "no depth" is 0, NaN or inf."""
    stored = load_stored(path, coding.npz_key, coding.exr_channel)
    return to_metres(stored, path, coding)


def to_metres(stored: NDArray[np.generic], path: Path, coding: DepthCoding) -> NDArray[np.float32]:
    """Convert the stored values of one frame to metres, ``(h, w)``.

    Without ``coding.invalid``, these are "no depth" and become inf: the largest whole number of the
    file's type, 65535 and 65504 in floats, and everything beyond 1000 km.

    Args:
        stored: one plane; outer axes of length 1 go.
        path: file of the values: decides the usual unit, and is named in errors.
        coding: meaning of the values.
    """
    unit = coding.unit
    if coding.disparity is not None and unit is None:
        unit = "m"
    depth_m = stored_to_metres(stored, path, unit, coding.invalid)
    if coding.disparity is not None:
        depth_m = _depth_of(depth_m, coding.disparity)
    if coding.invalid is not None or unit == FLOAT16:
        return depth_m
    empty = np.reshape(empty_codes(stored), depth_m.shape) | (depth_m >= FARTHEST_M)
    return np.where(empty, EMPTY, depth_m) if empty.any() else depth_m


def empty_codes(stored: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Find the values that by themselves mean "no depth"."""
    if np.issubdtype(stored.dtype, np.integer):
        return np.asarray(stored == np.iinfo(cast(Any, stored.dtype)).max)
    if stored.dtype == np.float16:
        return np.asarray(stored == np.finfo(np.float16).max)
    return np.isin(stored, np.array(FULL_CODES, stored.dtype))


def holds_whole_numbers(path: Path, coding: DepthCoding) -> bool:
    """Tell whether a depth file stores whole numbers."""
    stored = load_stored(path, coding.npz_key, coding.exr_channel)
    return bool(np.issubdtype(stored.dtype, np.integer)) and coding.unit != FLOAT32_RGBA


def _depth_of(
    disparity_px: NDArray[np.float32], camera: tuple[float, float]
) -> NDArray[np.float32]:
    """Convert disparity to depth: focal length x baseline / disparity; 0 stays "no depth"."""
    seen = np.isfinite(disparity_px) & (disparity_px > 0)
    depth_m = np.zeros(disparity_px.shape, np.float32)
    depth_m[seen] = camera[0] * camera[1] / disparity_px[seen]
    return depth_m
