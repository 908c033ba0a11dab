"""High-resolution depth to low-resolution depth: the place that knows every rule by its name."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.lq.bicubic import LR_MARGIN
from stdnet_arch.data.lq.depth_resize import area, bicubic, nearest
from stdnet_arch.data.lq.dtof_histogram import dtof_photon_peak
from stdnet_arch.data.lq.dtof_sensor import check_sensor, dtof_peak

__all__ = ["LQ_MODES", "RANDOM_LQ_MODES", "Photons", "dtof_peak", "lq_margin", "make_lq"]

LQ_MODES = ("dtof_peak", "area", "bicubic", "nearest")
"""The rules of :func:`make_lq` that leave nothing to chance."""
RANDOM_LQ_MODES = ("dtof_histogram",)
"""The rules that need ``photons`` and ``rng``."""


class Photons(NamedTuple):
    """Light that the sensor of ``dtof_histogram`` counts; see :func:`dtof_photon_peak`."""

    signal: float
    background: float
    rng: np.random.Generator


def make_lq(
    mode: str,
    depth_m: NDArray[np.floating],
    rgb_uint8: NDArray[np.uint8],
    scale: int,
    range_m: float = 100.0,
    bins: int = 1024,
    photons: Photons | None = None,
) -> NDArray[np.float32]:
    """Low-resolution depth of one frame, by the rule of that name.

    Args:
        mode: ``dtof_peak`` (the published sensor) or ``dtof_histogram`` (the same, counting
            photons one by one); or an easier task: ``area`` (mean of a block's measured pixels),
            ``bicubic`` (antialiased, as MATLAB's), ``nearest`` (middle pixel).
        depth_m: depth [m], ``(H, W)``; ``H`` and ``W`` divisible by ``scale``.
        rgb_uint8: colours of the same pixels, ``(H, W, 3)``; only the sensor looks at them.
        scale: HR pixels per LR pixel, along each side.
        range_m: farthest depth that is measured [m], in every mode; 0, negative, NaN, inf and
            farther depths are holes.
        bins: histogram bins of the sensor over its range.
        photons: photons that ``dtof_histogram`` counts, and its generator; others ignore it.

    Returns:
        ``(h, w)`` [m]; 0 where nothing was measured.

    Raises:
        TypeError: a wrong dtype.
        ValueError: an unknown mode, a wrong shape, scale, range or number of bins, no photons.
    """
    if mode not in LQ_MODES + RANDOM_LQ_MODES:
        known = ", ".join(LQ_MODES + RANDOM_LQ_MODES)
        raise ValueError(f"the LQ mode must be one of {known}; got {mode!r}")
    if depth_m.ndim != 2:
        raise ValueError(f"depth_m must be one frame (H, W), got {depth_m.shape}")
    if mode == "dtof_peak":
        return dtof_peak(depth_m, rgb_uint8, scale, range_m, bins)
    check_sensor(depth_m, rgb_uint8, scale, range_m, bins)
    if mode == "dtof_histogram":
        if photons is None:
            raise ValueError(
                "dtof_histogram draws photons: expected photons (with an rng); got none"
            )
        return dtof_photon_peak(depth_m, rgb_uint8, scale, *photons, range_m, bins)
    resize = {"area": area, "bicubic": bicubic, "nearest": nearest}[mode]
    return resize(depth_m, scale, range_m)


def lq_margin(mode: str) -> int:
    """LR pixels around a crop that :func:`make_lq` must see to give what it gives on a frame."""
    return LR_MARGIN if mode == "bicubic" else 0
