"""Boxes that a depth camera and, beside it, a colour camera see."""

import numpy as np

SIZE, SCALE = (264, 360), 4


def things(seed, count=40):
    """Boxes: left, top, right, bottom [px of the depth's picture], distance [m], colour."""
    random = np.random.default_rng(seed)
    height, width = SIZE
    for distance in np.linspace(4, 1, count):  # the nearer cover the farther
        left, top = random.uniform(-0.1, 0.9, 2) * (width, height)
        size = random.uniform(0.08, 0.3, 2) * (width, height)
        yield left, top, left + size[0], top + size[1], distance, random.uniform(20, 255, 3)


def seen(seed, x, y):
    """Depth [m] and colour at places ``(H, W)`` of the depth's picture, a box at a time."""
    depth_m, rgb = np.full(x.shape, 6.0), np.full((*x.shape, 3), 90.0)
    for left, top, right, bottom, distance, colour in things(seed):
        inside = (left <= x) & (x < right) & (top <= y) & (y < bottom)
        depth_m[inside], rgb[inside] = distance, colour
    return depth_m, rgb


def frame(seed, zoom=1.0, shift_px=(0.0, 0.0)):
    """A depth map of ``SIZE / SCALE``, and a camera's picture of the same boxes beside it."""
    height, width = SIZE
    y, x = np.mgrid[:height, :width].astype(float)
    depth_m = seen(seed, x, y)[0][SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]
    middle = (width - 1) / 2, (height - 1) / 2
    beside = [m + (p - m - s) / zoom for p, m, s in zip((x, y), middle, shift_px, strict=True)]
    return depth_m.astype(np.float32), seen(seed, *beside)[1].astype(np.uint8)
