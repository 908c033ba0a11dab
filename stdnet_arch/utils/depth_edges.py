"""Edges of depth: where a pixel and its neighbour belong to two surfaces."""

import numpy as np
from numpy.typing import NDArray

EDGE = 0.05
"""Difference of the logarithms of neighbouring depths from which on an edge lies between them."""


def neighbour_steps(depth: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute absolute differences of the logarithms of neighbours.

    Args:
        depth: in any unit, ``(h, w)``; 0 or not finite: a hole.

    Returns:
        Between columns ``i`` and ``i + 1``, ``(h, w - 1)``; NaN beside a hole.
    """
    there = np.isfinite(depth) & (depth > 0)
    log = np.log(np.where(there, depth, np.nan).astype(np.float64))
    return np.abs(np.diff(log, axis=1))
