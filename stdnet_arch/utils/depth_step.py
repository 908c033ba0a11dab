"""The quantisation step of low-resolution depth: what a network may be told of its sensor."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTOF_STEP_M = 100.0 / 1023
"""Width of a bin of the published dToF sensor [m]."""
FINEST_M = 2e-4
"""Finer steps than this count as continuous [m]."""
COARSEST_M = 0.25
"""Coarser steps than this are not believed [m]."""
LEAST_VALUES = 4
"""Different depths that a frame needs before its step can be told."""
LEAST_REPEATS = 4
"""Pixels per different depth from which on depth counts as repeating."""
FINE_SHARE = 3e-3
"""Share of the median depth below which a step is nothing that a network must know."""
LATTICE_TOLERANCE = 0.1
"""Distance from the lattice, in steps, up to which a depth lies on it."""


def takes_step(net: object) -> bool:
    """Say whether a network reads its attribute ``step``, a number in units of ``lq``."""
    return isinstance(getattr(net, "step", None), float)


@contextmanager
def depth_step(net: Any, step: float | None) -> Iterator[None]:  # noqa: ANN401  any network
    """Set ``net.step`` for a while, if the network reads it.

    Args:
        net: a network of this package.
        step: quantisation step of ``lq``, in units of ``lq``; None: unknown, the network's own.
    """
    if step is None or not takes_step(net):
        yield
        return
    before, net.step = net.step, float(step)
    try:
        yield
    finally:
        net.step = before


def estimate_step_m(measured_m: NDArray[np.floating]) -> float | None:
    """Find the quantisation step in the depths of a frame.

    Depths on a lattice through 0 (dToF bins, whole millimetres) give its spacing. Often only some
    of its values are in use (a Kinect's disparities in millimetres), or depths repeat without a
    lattice. Then the step is the gap between the values in use around the median pixel.

    Args:
        measured_m: measured depths [m], any shape, no holes.

    Returns:
        Step [m]; 0 for continuous depth; None if too few values differ, or the step would be
        coarser than :data:`COARSEST_M`.
    """
    depths = np.sort(np.asarray(measured_m, np.float64).ravel())
    if not depths.size:
        return None
    is_new = np.diff(depths, prepend=-np.inf) > FINEST_M / 10
    values, counts = depths[is_new], np.diff(np.flatnonzero([*is_new, True]))
    if len(values) < LEAST_VALUES:
        return None
    gaps = np.diff(values)
    lattice = _lattice_step(values, float(np.quantile(gaps, 0.05)))
    repeats = len(depths) >= LEAST_REPEATS * len(values)
    if not repeats:
        return lattice
    # Each pixel counts: rare values between and beyond surfaces have wide gaps.
    order = np.argsort(gaps)
    share = np.cumsum((counts[:-1] + counts[1:])[order])
    usual = float(gaps[order][np.searchsorted(share, share[-1] / 2)])
    step = lattice if usual < 1.5 * lattice else usual
    return step if step <= COARSEST_M else None


def step_to_tell_m(measured_m: NDArray[np.floating]) -> float | None:
    """Return what a network is told of a frame's step, found by :func:`estimate_step_m`.

    Files hold depth in whole millimetres or less. Networks know steps from coarse sensors, and take
    depth of any step for theirs. So a step below :data:`FINE_SHARE` of the median depth is none.

    Args:
        measured_m: measured depths [m], any shape, no holes.
    """
    step_m = estimate_step_m(measured_m)
    if step_m is None or step_m >= FINE_SHARE * float(np.median(measured_m)):
        return step_m
    return 0.0


def _lattice_step(values: NDArray[np.float64], gap: float) -> float:
    """Spacing of the lattice through 0 that nearly all values lie on; 0 if there is none."""
    for parts in range(1, 5):
        step = gap / parts
        if step < 0.9 * FINEST_M:
            return 0.0
        if step > COARSEST_M:
            continue
        for _ in range(3):  # a gap alone would be too inexact for values many steps away
            index = np.round(values / step)
            used = index > 0
            step = float(values[used] @ index[used] / (index[used] @ index[used]))
        off = np.abs(values / step - np.round(values / step))
        if np.mean(off < LATTICE_TOLERANCE) >= 0.97:
            return step
    return 0.0
