"""Depth maps: edges between surfaces, and pixels without depth."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

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


def fill_holes(depth_m: NDArray[np.floating], measured: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give every pixel the depth of the nearest measured one.

    Args:
        depth_m: ``(h, w)``.
        measured: bool, ``(h, w)``, somewhere true.
    """
    depth_m = np.asarray(depth_m, np.float32)
    if measured.all():
        return depth_m
    y, x = distance_transform_edt(~measured, return_distances=False, return_indices=True)
    return depth_m[y, x]
