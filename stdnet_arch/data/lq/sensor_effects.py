"""Faults of real sensors: noise, steps, holes, misalignment; pure functions.

All but :func:`misalign` work on low-resolution depth ``lq_m (h, w)`` in metres, where 0 is "no
return" and stays so. None changes its input; chance comes from the generator that is passed in.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Depth = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32) / 255


def add_noise(lq_m: Depth, constant_m: float, share: float, rng: np.random.Generator) -> Depth:
    """Gaussian noise of two independent origins, one of them in proportion to the distance.

    The standard deviation is ``sqrt(constant_m^2 + (share * d)^2)``. A return that noise brings to
    0 m or less is lost.

    Args:
        lq_m: depth [m], ``(h, w)``.
        constant_m: standard deviation [m] of the part that is the same everywhere.
        share: standard deviation of the other part, as a share of the depth.
        rng: generator of random numbers.
    """
    sigma_m = np.hypot(constant_m, share * lq_m)
    noisy = lq_m + sigma_m * rng.standard_normal(lq_m.shape)
    return np.where((lq_m > 0) & (noisy > 0), noisy, 0).astype(np.float32)


def quantize(lq_m: Depth, step_m: float) -> Depth:
    """Depth in whole steps, rounded; a return nearer than half a step is lost.

    Args:
        lq_m: depth [m], ``(h, w)``.
        step_m: size of a step [m].
    """
    return (np.rint(lq_m / step_m) * step_m).astype(np.float32)


def drop_random(lq_m: Depth, probability: float, rng: np.random.Generator) -> Depth:
    """Holes anywhere, each pixel on its own.

    Args:
        lq_m: depth [m], ``(h, w)``.
        probability: share of the pixels that become 0.
        rng: generator of random numbers.
    """
    return _drop(lq_m, np.ones(lq_m.shape, bool), probability, rng)


def drop_edges(lq_m: Depth, probability: float, jump_m: float, rng: np.random.Generator) -> Depth:
    """Holes at the outlines of objects, where sensors mix two surfaces.

    Args:
        lq_m: depth [m], ``(h, w)``.
        probability: share of the edge pixels that become 0.
        jump_m: an edge pixel differs by more than this [m] from one of its four neighbours; a
            neighbour without return does not count.
        rng: generator of random numbers.
    """
    edge = np.zeros(lq_m.shape, bool)
    for axis in (0, 1):
        ends = np.moveaxis(lq_m, axis, 0)
        jump = (np.abs(np.diff(ends, axis=0)) > jump_m) & (ends[1:] > 0) & (ends[:-1] > 0)
        marked = np.moveaxis(edge, axis, 0)
        marked[1:] |= jump
        marked[:-1] |= jump
    return _drop(lq_m, edge, probability, rng)


def drop_dark(
    lq_m: Depth,
    rgb_uint8: NDArray[np.uint8],
    probability: float,
    luma: float,
    rng: np.random.Generator,
) -> Depth:
    """Holes on dark surfaces, which reflect too little.

    Args:
        lq_m: depth [m], ``(h, w)``.
        rgb_uint8: colours of the scene, ``(H, W, 3)``, a whole number of times larger.
        probability: share of the dark pixels that become 0.
        luma: a pixel is dark if the mean luma (BT.601, 0 to 1) of its block is below this.
        rng: generator of random numbers.
    """
    h, w = lq_m.shape
    H, W = rgb_uint8.shape[:2]
    if H % h or W % w:
        raise ValueError(f"RGB must be a whole number of times {h}x{w}, got {H}x{W}")
    brightness = (rgb_uint8 @ _LUMA).reshape(h, H // h, w, W // w).mean(axis=(1, 3))
    return _drop(lq_m, brightness < luma, probability, rng)


def misalign(
    rgb_uint8: NDArray[np.uint8],
    depth_m: NDArray[np.floating],
    shift_px: tuple[float, float],
    parallax_px: tuple[float, float],
    corner: tuple[int, int] = (0, 0),
) -> NDArray[np.uint8]:
    """Colour as registered to depth with slightly wrong extrinsics.

    A depth pixel takes its colour from where a wrong pose projects its point: for small errors,
    ``shift + parallax / depth`` away. ``shift`` is the error of the rotation (focal length [px]
    times angle), ``parallax`` that of the translation (focal length [px] times metres). As in such
    registrations, nothing asks whether the point is visible to the colour camera.

    Args:
        rgb_uint8: a whole frame, ``(H, W, 3)``; beyond it, its border is repeated.
        depth_m: depth of the frame or of a crop [m]; where there is none, parallax is 0.
        shift_px: rows and columns [px], for all pixels alike.
        parallax_px: rows and columns [px] at 1 m.
        corner: row and column of the crop in the frame.

    Returns:
        Colours (bilinear) of the pixels of ``depth_m``, ``(*depth_m.shape, 3)``.
    """
    seen = np.isfinite(depth_m) & (depth_m > 0)
    nearness = np.where(seen, 1 / np.where(seen, depth_m, 1), 0)
    rows, columns = np.indices(depth_m.shape, dtype=np.float64)
    y = rows + corner[0] + shift_px[0] + parallax_px[0] * nearness
    x = columns + corner[1] + shift_px[1] + parallax_px[1] * nearness
    # Far outside is the border too, and OpenCV's fixed-point positions end at 2^15.
    y = np.clip(y, -1, len(rgb_uint8)).astype(np.float32)
    x = np.clip(x, -1, rgb_uint8.shape[1]).astype(np.float32)
    whole = np.ascontiguousarray(rgb_uint8)
    moved = cv2.remap(whole, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _drop(
    lq_m: Depth, where: NDArray[np.bool_], probability: float, rng: np.random.Generator
) -> Depth:
    return np.where(where & (rng.random(lq_m.shape) < probability), np.float32(0), lq_m)
