"""Bicubic shrinking as MATLAB's ``imresize`` does it: antialiased, with mirrored borders."""

from functools import lru_cache

import numpy as np

LR_MARGIN = 2
"""LR pixels around a crop that an LR pixel in it may depend on: the kernel spans 4 of them."""


def shrink_bicubic(image: np.ndarray, scale: int) -> np.ndarray:
    """Shrink an image by a whole number, rows first, without rounding.

    Each output pixel is a mean weighted by Keys' cubic (a = -0.5), stretched by ``scale`` against
    aliasing and normalised to 1. Beyond its borders the image is mirrored, edge pixel included.

    Args:
        image: ``(H, W)`` or ``(H, W, c)``; ``H`` and ``W`` divisible by ``scale``.
        scale: integer >= 1.

    Returns:
        float32 ``(h, w)`` or ``(h, w, c)``; it may overshoot the range of the image at edges.

    Raises:
        ValueError: sides that are not multiples of ``scale``.
    """
    H, W = image.shape[:2]
    if scale < 1 or H % scale or W % scale or not image.size:
        raise ValueError(
            f"H and W must be positive multiples of a scale >= 1, got {H}x{W} and scale {scale}:"
            " crop to multiples of the scale first"
        )
    flat = image.reshape(H, -1).astype(np.float32)
    rows = (bicubic_weights(H, scale) @ flat).reshape(H // scale, W, -1)
    shrunk = bicubic_weights(W, scale) @ rows  # (w, W) @ (h, W, c)
    return shrunk.reshape(H // scale, W // scale, *image.shape[2:])


def to_8bit(image: np.ndarray) -> np.ndarray:
    """Grey levels as an 8-bit file stores them: rounded, halves away from 0, cut to 0..255."""
    return np.floor(np.clip(image, 0, 255) + 0.5).astype(np.uint8)


@lru_cache(maxsize=16)
def bicubic_weights(length: int, scale: int) -> np.ndarray:
    """The matrix ``(length / scale, length)``, float32, that shrinks a line of pixels."""
    lr = np.arange(length // scale)[:, None]
    centre = (lr + 0.5) * scale - 0.5
    # The cubic ends 2 LR pixels from its centre.
    taps = np.floor(centre - 2 * scale).astype(int) + np.arange(4 * scale + 2)
    weights = _cubic((taps - centre) / scale)
    weights /= weights.sum(axis=1, keepdims=True)
    period = taps % (2 * length)
    matrix = np.zeros((length // scale, length))
    np.add.at(matrix, (lr, np.minimum(period, 2 * length - 1 - period)), weights)
    frozen = matrix.astype(np.float32)
    frozen.flags.writeable = False  # the cache hands out one array
    return frozen


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = -0.5 (Cubic Convolution Interpolation, 1981, Eq. 15)."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))
