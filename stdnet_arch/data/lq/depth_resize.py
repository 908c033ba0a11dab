"""Low-resolution depth by resizing: easier tasks than a sensor's, and how each treats holes."""

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.lq.bicubic import bicubic_weights


def area(depth_m: np.ndarray, scale: int, range_m: float) -> NDArray[np.float32]:
    """The mean of the measured pixels of each ``scale x scale`` block.

    Args:
        depth_m: depth [m], ``(H, W)``; pixels outside ``(0, range_m]`` are holes.
        scale: side of a block in pixels.
        range_m: farthest depth that counts [m].

    Returns:
        ``(h, w)`` [m]; 0 for a block of nothing but holes.
    """
    depth, valid = _measured(depth_m, range_m)
    blocks = (depth.shape[0] // scale, scale, depth.shape[1] // scale, scale)
    total = depth.reshape(blocks).sum(axis=(1, 3))
    count = valid.reshape(blocks).sum(axis=(1, 3))
    return (total / np.maximum(count, 1)).astype(np.float32)


def nearest(depth_m: np.ndarray, scale: int, range_m: float) -> NDArray[np.float32]:
    """The pixel in the middle of each block: row and column ``scale // 2``, as ``nearest-exact``.

    Args and returns as :func:`area`; 0 where that pixel is a hole.
    """
    middle = slice(scale // 2, None, scale)
    return _measured(depth_m[middle, middle], range_m)[0].astype(np.float32)


def bicubic(depth_m: np.ndarray, scale: int, range_m: float) -> NDArray[np.float32]:
    """Shrink by :func:`stdnet_arch.data.lq.bicubic.shrink_bicubic`, antialiased, with holes.

    The kernel's weights on holes are left out and the others scaled up to 1 (normalised
    convolution). An LR pixel whose measured pixels carry less than half of the weight is a hole. So
    is one that the kernel's negative lobes would bring to 0 m or less.

    Args and returns as :func:`area`. Without holes it is MATLAB's ``imresize``.
    """
    depth, valid = _measured(depth_m, range_m)
    rows, columns = (bicubic_weights(side, scale) for side in depth.shape)
    total = rows @ depth.astype(np.float32) @ columns.T
    if valid.all():
        return np.maximum(total, np.float32(0))
    weight = rows @ valid.astype(np.float32) @ columns.T
    mean = total / np.maximum(weight, np.float32(0.5))
    return np.where((weight >= 0.5) & (mean > 0), mean, np.float32(0))


def _measured(depth_m: np.ndarray, range_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Depth in float64 with 0 in holes, and where there is none."""
    valid = (depth_m > 0) & (depth_m <= range_m)
    return np.where(valid, depth_m, 0).astype(np.float64), valid
