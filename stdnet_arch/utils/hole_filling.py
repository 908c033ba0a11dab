"""Filling of pixels without depth from their nearest measured pixel."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt


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
