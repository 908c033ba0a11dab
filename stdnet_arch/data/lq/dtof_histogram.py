"""The dToF sensor photon by photon: histograms over time, signal and background, Poisson counts."""

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.lq.dtof_sensor import check_sensor, pixel_returns

# Bins worked on at a time: a few dozen megabytes.
BAND_BINS = 1 << 20
_REFERENCE_SHARE = 0.1  # of the range: where a white block returns ``signal`` photons


def dtof_histogram(
    depth_m: NDArray[np.floating],
    rgb_uint8: NDArray[np.uint8],
    scale: int,
    range_m: float = 100.0,
    bins: int = 1024,
) -> NDArray[np.float64]:
    """The light that each block returns in each time bin, without noise.

    Bins and amounts are those of :func:`stdnet_arch.data.lq.dtof_sensor.dtof_peak`, which is the
    fullest bin of this histogram. A whole frame of 528x960 at x4 takes 260 MB.

    Args:
        depth_m: depth [m], ``(H, W)``; ``H`` and ``W`` divisible by ``scale``.
        rgb_uint8: colours of the same pixels, ``(H, W, 3)``, uint8.
        scale: side of a block in pixels.
        range_m: depth of the last bin [m].
        bins: number of time bins over the range.

    Returns:
        ``(h, w, bins)``, >= 0, in units of :func:`expected_photons`.

    Raises:
        TypeError: a wrong dtype.
        ValueError: a wrong shape, scale, range or number of bins.
    """
    check_sensor(depth_m, rgb_uint8, scale, range_m, bins)
    if depth_m.ndim != 2:
        raise ValueError(f"depth_m must be one frame (H, W), got {depth_m.shape}")
    h, w = (side // scale for side in depth_m.shape)
    _, far, weight = pixel_returns(depth_m, rgb_uint8, range_m, bins)
    block = np.arange(h * w).reshape(h, w).repeat(scale, axis=0).repeat(scale, axis=1)
    index = block * bins + far  # pixels without return have no weight
    histogram = np.bincount(index.ravel(), weights=weight.ravel(), minlength=h * w * bins)
    return histogram.reshape(h, w, bins).astype(np.float64, copy=False)


def expected_photons(
    histogram: NDArray[np.float64], scale: int, signal: float
) -> NDArray[np.float64]:
    """Light as the mean number of signal photons.

    A white block at a tenth of the range returns ``signal`` photons; darker and farther ones fewer,
    by the sensor's own law, ``albedo / (1e-3 + (d / range)^2)``.

    Args:
        histogram: result of :func:`dtof_histogram`, ``(h, w, bins)``.
        scale: side of a block in pixels.
        signal: photons, >= 0.
    """
    white = 255 * scale * scale / (1e-3 + _REFERENCE_SHARE**2)
    return histogram * (signal / white)


def count_photons(
    expected: NDArray[np.float64], background: float, rng: np.random.Generator
) -> NDArray[np.int32]:
    """One exposure: the photons counted in each bin.

    Args:
        expected: mean number of signal photons, ``(h, w, bins)``.
        background: mean number of photons per block that arrive at any time alike (sunlight, dark
            counts), over all its bins, >= 0.
        rng: generator of random numbers.

    Returns:
        Poisson counts of mean ``expected + background / bins``, ``(h, w, bins)``.
    """
    *blocks, bins = expected.shape
    counts = np.zeros(expected.size, np.int32)
    lit = np.flatnonzero(expected > 0)
    counts[lit] = rng.poisson(expected.reshape(-1)[lit])
    if background >= bins:
        counts += rng.poisson(background / bins, counts.size).astype(np.int32)
    elif background > 0:
        # The same law, one draw per photon instead of one per bin.
        arrived = rng.poisson(background, expected.size // bins)
        first_bin = np.repeat(np.arange(len(arrived)) * bins, arrived)
        np.add.at(counts, first_bin + rng.integers(0, bins, len(first_bin)), np.int32(1))
    return counts.reshape(*blocks, bins)


def peak_depth_m(histogram: np.ndarray, range_m: float = 100.0) -> NDArray[np.float32]:
    """Depth of the fullest bin, the nearer of equal ones.

    Args:
        histogram: light or photons, ``(h, w, bins)``.
        range_m: depth of the last bin [m].

    Returns:
        ``(h, w)`` [m]; 0 for an empty histogram.
    """
    peak = histogram.argmax(axis=-1).astype(np.float32)
    # Bin 0 is 0 m, "no return", as in the published files.
    return peak / np.float32(histogram.shape[-1] - 1) * np.float32(range_m)


def dtof_photon_peak(
    depth_m: NDArray[np.floating],
    rgb_uint8: NDArray[np.uint8],
    scale: int,
    signal: float,
    background: float,
    rng: np.random.Generator,
    range_m: float = 100.0,
    bins: int = 1024,
) -> NDArray[np.float32]:
    """Simulate a dToF sensor with so much light: the peak of one exposure's histogram.

    Without noise it is ``dtof_peak``. Blocks are independent, so a crop on the LR grid has the
    distribution of the whole frame, though not its draws.

    Args:
        depth_m: see :func:`dtof_histogram`.
        rgb_uint8: see :func:`dtof_histogram`.
        scale: side of a block in pixels.
        signal: photons that a white block at a tenth of the range returns.
        background: photons per block that arrive at any time alike.
        rng: generator of random numbers.
        range_m: depth of the last bin [m].
        bins: number of time bins over the range.

    Returns:
        ``(h, w)`` [m]; 0 where no photon was counted.

    Raises:
        ValueError: photons below 0, or as :func:`dtof_histogram`.
    """
    if not (signal >= 0 and background >= 0):
        raise ValueError(
            f"signal and background must be >= 0 photons, got {signal} and {background}"
        )
    rows = scale * max(1, BAND_BINS // (bins * max(1, depth_m.shape[-1] // scale)))
    bands = []
    for top in range(0, len(depth_m), rows):
        band = slice(top, top + rows)
        light = dtof_histogram(depth_m[band], rgb_uint8[band], scale, range_m, bins)
        exposure = count_photons(expected_photons(light, scale, signal), background, rng)
        bands.append(peak_depth_m(exposure, range_m))
    return np.concatenate(bands)
