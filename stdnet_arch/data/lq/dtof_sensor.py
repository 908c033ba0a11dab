"""A direct time-of-flight ("dToF") sensor: a block of pixels is a histogram of light over depth."""

import numpy as np
from numpy.typing import NDArray

# Pixels worked on at a time: the temporary arrays of one band stay in the processor's cache.
BAND_PIXELS = 1 << 16
# Measured: comparing this many pairs of a block's pixels takes as long as one bin of a histogram.
PAIRS_PER_BIN = 3


def dtof_peak(
    depth_m: NDArray[np.floating],
    rgb_uint8: NDArray[np.uint8],
    scale: int,
    range_m: float = 100.0,
    bins: int = 1024,
) -> NDArray[np.float32]:
    """Measure as a noiseless direct time-of-flight ("dToF") sensor: each block's histogram peak.

    Every pixel of a ``scale x scale`` block puts ``mean(R, G, B) / (1e-3 + (d / range_m)^2)`` into
    bin ``round(d / range_m * (bins - 1))``; the block measures its fullest bin, the nearer of equal
    ones. The result is one of ``bins`` depths, 9.78 cm apart by default. Depths that are not in
    ``(0, range_m]`` (0, negative, NaN, inf, too far) return no light.

    Args:
        depth_m: depth [m], ``(H, W)`` or ``(t, H, W)``; ``H`` and ``W`` divisible by ``scale``.
        rgb_uint8: colours of the same pixels, ``(H, W, 3)`` or ``(t, H, W, 3)``, uint8.
        scale: side of a block in pixels.
        range_m: depth of the last bin [m].
        bins: number of histogram bins over the range.

    Returns:
        Low-resolution depth [m], ``(h, w)`` or ``(t, h, w)``; 0 where no light came back.

    Raises:
        TypeError: a wrong dtype.
        ValueError: a wrong shape, scale, range or number of bins.
    """
    check_sensor(depth_m, rgb_uint8, scale, range_m, bins)
    *t, H, W = depth_m.shape
    h, w = H // scale, W // scale
    # Blocks never cross frames: a stack is one tall image.
    depth = depth_m.reshape(-1, W)
    rgb = rgb_uint8.reshape(-1, W, 3)
    rows = scale * max(1, BAND_PIXELS // (scale * W))
    bands = [
        _peak_bins(depth[top : top + rows], rgb[top : top + rows], scale, range_m, bins)
        for top in range(0, len(depth), rows)
    ]
    peak = np.concatenate(bands).reshape(*t, h, w).astype(np.float32)
    return peak / np.float32(bins - 1) * np.float32(range_m)


def _peak_bins(
    depth_m: NDArray[np.floating], rgb: NDArray[np.uint8], scale: int, range_m: float, bins: int
) -> NDArray[np.int64]:
    """Fullest bin of each block, ``(h, w)``; 0 for a block without light.

    All histograms of the image lie behind one another in one array. A block stores only its bins
    from the nearest to the farthest that occurs: most blocks see one surface, a few bins deep.
    Blocks that are deeper than they have pairs of pixels compare those instead.
    """
    H, W = depth_m.shape
    h, w = H // scale, W // scale
    near, far, weight = pixel_returns(depth_m, rgb, range_m, bins)
    far = far.reshape(h, scale, W)
    last = far.max(axis=1).reshape(h, w, scale).max(axis=2).ravel()
    first = near.reshape(h, scale, W).min(axis=1).reshape(h, w, scale).min(axis=2).ravel()
    first = np.minimum(first, last)  # differs only where nothing returned
    width = last - first + 1
    deep = PAIRS_PER_BIN * width > scale**4
    width[deep] = 1
    first[deep] = last[deep]
    start = np.cumsum(width) - width

    # Pixels without return have no weight: any place inside their own block's histogram will do.
    # So will one for the pixels of a deep block.
    index = np.maximum(
        far + _spread((start - first).reshape(h, w), scale),
        _spread(start.reshape(h, w), scale),
    )
    histogram = np.bincount(index.ravel(), weights=weight.ravel(), minlength=width.sum())
    fullest = np.maximum.reduceat(histogram, start)
    peaks = np.flatnonzero(histogram == np.repeat(fullest, width))
    nearest = peaks[np.searchsorted(peaks, start)] - start + first
    peaks = np.where(fullest > 0, nearest, 0)
    if deep.any():
        planes = (_pixel_planes(x.reshape(H, W), scale, deep) for x in (far, weight))
        peaks[deep] = _peaks_of_pairs(*planes)
    return peaks.reshape(h, w)


def _peaks_of_pairs(bins: NDArray[np.int64], weight: NDArray[np.float32]) -> NDArray[np.int32]:
    """Fullest bin of each block, the nearer of equal ones, from ``(pixels, blocks)``; 0: no light.

    The light in a bin is the sum over the first pixel in it and the later ones. What later pixels
    find there is less, or the same. Sums of float32 in float64 are exact here, whatever the order:
    24 bits each, 10 more of albedo and 8 to 10 more of pixels.
    """
    weight, bins = weight.astype(np.float64), bins.astype(np.int32)
    fullest, nearest = np.zeros(bins.shape[1]), np.zeros(bins.shape[1], np.int32)
    for i, own in enumerate(bins):
        amount = np.einsum("pb,pb->b", weight[i:], bins[i:] == own)
        better = (amount > fullest) | ((amount == fullest) & (own < nearest))
        fullest = np.where(better, amount, fullest)
        nearest = np.where(better, own, nearest)
    return nearest


def _pixel_planes(image: np.ndarray, scale: int, blocks: NDArray[np.bool_]) -> np.ndarray:
    """Some blocks of an image ``(H, W)`` as ``(pixels of a block, blocks)``."""
    H, W = image.shape
    planes = image.reshape(H // scale, scale, W // scale, scale).transpose(1, 3, 0, 2)
    return planes.reshape(scale * scale, -1).compress(blocks, axis=1)


def pixel_returns(
    depth_m: NDArray[np.floating], rgb: NDArray[np.uint8], range_m: float, bins: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Nearest and farthest possible bin and amount of light of each pixel, ``(H, W)`` each.

    The two bins are the same where light returns. Elsewhere they are ``bins`` and 0, neutral in the
    minimum and maximum over a block, and the amount is 0.
    """
    # float32 throughout, as the published low-resolution files: other roundings change a few bins.
    with np.errstate(over="ignore"):  # too far for float32 is out of range anyway
        share = depth_m.astype(np.float32) / np.float32(range_m)
    returns = (share > 0) & (share <= 1)
    share = np.where(returns, share, np.float32(0))
    far = np.rint(share * np.float32(bins - 1)).astype(np.int64)
    near = np.where(returns, far, bins)
    albedo = (rgb[..., 0].astype(np.float32) + rgb[..., 1] + rgb[..., 2]) / np.float32(3)
    albedo = np.where(returns, albedo, np.float32(0))
    weight: NDArray[np.float32] = np.divide(albedo, np.float32(1e-3) + share * share)
    return near, far, weight


def _spread(per_block: NDArray[np.int64], scale: int) -> NDArray[np.int64]:
    """Give every column of a block the block's value: ``(h, w)`` to ``(h, 1, w * scale)``."""
    return np.repeat(per_block, scale, axis=1)[:, None]


def check_sensor(
    depth_m: NDArray[np.floating],
    rgb_uint8: NDArray[np.uint8],
    scale: int,
    range_m: float,
    bins: int,
) -> None:
    """Raise unless the arguments of ``dtof_peak`` describe a sensor looking at an image."""
    if not np.issubdtype(depth_m.dtype, np.floating):
        raise TypeError(
            f"depth_m must be floating point [m], got {depth_m.dtype}: convert it first"
        )
    if rgb_uint8.dtype != np.uint8:
        raise TypeError(f"rgb_uint8 must be uint8 in 0..255, got {rgb_uint8.dtype}")
    if depth_m.ndim not in {2, 3} or depth_m.size == 0:
        raise ValueError(
            f"depth_m must be (H, W) or (t, H, W), none of them 0, got {depth_m.shape}"
        )
    if rgb_uint8.shape != (*depth_m.shape, 3):
        raise ValueError(
            f"rgb_uint8 must have the shape of depth_m and 3 channels, {(*depth_m.shape, 3)}, "
            f"got {rgb_uint8.shape}"
        )
    H, W = depth_m.shape[-2:]
    if scale < 1 or H % scale or W % scale:
        raise ValueError(
            f"H and W must be divisible by a scale >= 1, got {H}x{W} and scale {scale}: crop to "
            f"multiples of the scale first"
        )
    if not (np.isfinite(range_m) and range_m > 0):
        raise ValueError(f"range_m must be a positive number of metres, got {range_m}")
    if bins < 2:
        raise ValueError(f"a range needs at least 2 bins, got {bins}")
