"""Depth of one camera as another camera sees it, on a coarse grid."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.lens import Lens
from stdnet_arch.data.recordings.recording import Intrinsics


class Extrinsics(NamedTuple):
    """From one camera to another: ``rotation @ point + translation_m``."""

    rotation: NDArray[np.floating]
    """``(3, 3)``."""
    translation_m: NDArray[np.floating]
    """``(3,)``."""


def register_depth(
    depth_m: NDArray[np.floating],
    camera: Intrinsics,
    target: Intrinsics,
    pose: Extrinsics,
    size: tuple[int, int],
    block: int,
) -> NDArray[np.float32]:
    """Move depth to the view of another camera.

    Each measured pixel becomes a point, goes to the target and falls into a block of its pixels. A
    block takes the lower median of what fell into it; 0 if nothing did. Lens distortion is not
    taken into account.

    Args:
        depth_m: ``(h, w)``; 0 is no depth.
        camera: camera of the depth.
        target: the other camera.
        pose: from the depth's camera to the other one.
        size: blocks in height and width of the result.
        block: pixels of the target along a side of a block.

    Returns:
        Depth [m] from the target, ``size``.
    """
    rays = Lens(camera).rays(*depth_m.shape)
    return register_rays(rays, Lens(target), pose, size, block, depth_m)


def register_rays(  # noqa: PLR0913, PLR0917  as register_depth
    rays: NDArray[np.float64],
    target: Lens,
    pose: Extrinsics,
    size: tuple[int, int],
    block: int,
    depth_m: NDArray[np.floating],
) -> NDArray[np.float32]:
    """As :func:`register_depth`, for cameras with lens distortion.

    Args:
        rays: rays of the depth's pixels, ``(h, w, 2)``; see :meth:`Lens.rays`.
        target: the other camera.
        pose: from the depth's camera to the other one.
        size: blocks in height and width of the result.
        block: pixels of the target along a side of a block.
        depth_m: ``(h, w)``; 0 is no depth.
    """
    seen = np.isfinite(depth_m) & (depth_m > 0)
    z = np.asarray(depth_m[seen], np.float64)
    points = np.concatenate((rays[seen] * z[:, None], z[:, None]), axis=1)
    moved = points @ np.asarray(pose.rotation).T + pose.translation_m
    moved = moved[moved[:, 2] > 0]
    column, row = target.project(moved).T
    # Pixel (0, 0) is a center, so that a block begins half a pixel before its first one.
    i, j = (np.floor((place + 0.5) / block).astype(np.intp) for place in (row, column))
    inside = (i >= 0) & (i < size[0]) & (j >= 0) & (j < size[1])
    return _lower_medians(i[inside] * size[1] + j[inside], moved[inside, 2], size)


def _lower_medians(
    cell: NDArray[np.intp], depth_m: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float32]:
    """The lower median of the depths of each cell; 0 for a cell without any."""
    result = np.zeros(size[0] * size[1], np.float32)
    order = np.lexsort((depth_m, cell))
    cells, first, count = np.unique(cell[order], return_index=True, return_counts=True)
    result[cells] = depth_m[order][first + (count - 1) // 2]
    return result.reshape(size)
