"""The dToF rule as a loop over blocks and pixels, and a scene to try it on."""

from collections import defaultdict

import numpy as np


def peak_of_pixels(depths_m, colours, range_m, bins):
    """Peak of one histogram [m], one pixel at a time."""
    light = defaultdict(float)
    for depth_m, colour in zip(depths_m, colours, strict=True):
        if 0 < depth_m <= range_m:
            share = np.float32(depth_m) / np.float32(range_m)
            albedo = np.float32(sum(int(c) for c in colour)) / np.float32(3)
            bin_ = int(np.rint(share * np.float32(bins - 1)))
            light[bin_] += float(albedo / (np.float32(1e-3) + share * share))
    fullest = max(light.values(), default=0)
    nearest = min((b for b, amount in light.items() if amount == fullest > 0), default=0)
    return nearest / (bins - 1) * range_m


def peak_by_loop(depth_m, rgb, scale, range_m=100.0, bins=1024):
    """The rule, one block at a time."""
    h, w = depth_m.shape[0] // scale, depth_m.shape[1] // scale
    lq_m = np.zeros((h, w))
    for y, x in np.ndindex(h, w):
        block = np.s_[y * scale : (y + 1) * scale, x * scale : (x + 1) * scale]
        lq_m[y, x] = peak_of_pixels(
            depth_m[block].ravel(), rgb[block].reshape(-1, 3), range_m, bins
        )
    return lq_m


def random_scene(seed, H=24, W=40):
    """Two slanted surfaces, noise, and pixels without return; uneven colours."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:H, :W]
    near = rng.random((H, W)) < 0.4
    depth_m = np.where(near, 3 + 0.02 * y, 7 - 0.03 * x) + rng.normal(0, 0.05, (H, W))
    depth_m = depth_m.astype(np.float32)
    for bad in (0.0, -1.0, np.nan, np.inf, 101.0):
        depth_m[rng.random((H, W)) < 0.05] = bad
    return depth_m, rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
