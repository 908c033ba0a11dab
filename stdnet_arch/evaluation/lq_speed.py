"""Frames per second of each rule of low-resolution depth, on one core."""

import time
from collections.abc import Sequence
from statistics import median

import numpy as np
import torch

from stdnet_arch.data.lq.degradation import LQ_MODES, RANDOM_LQ_MODES, Photons, make_lq
from stdnet_arch.utils.tables import Table


def measure_lq(size: tuple[int, int], scales: Sequence[int], repeats: int) -> Table:
    """Time every rule on surfaces and on noise.

    Args:
        size: H and W of the true depth, multiples of all ``scales``.
        scales: H / h, a column each.
        repeats: runs of which the median counts.

    Returns:
        A row per rule and kind of depth, in frames per second of processor time.
    """
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    rows: list[list[str | float]] = [
        [mode, name, *(1 / _seconds(mode, depth_m, rgb, scale, repeats) for scale in scales)]
        for mode in LQ_MODES + RANDOM_LQ_MODES
        for name, depth_m in _scenes(*size, rng).items()
    ]
    return Table(["rule", "depth", *(f"x{scale} [frames/s]" for scale in scales)], rows)


def _scenes(H: int, W: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Make depth [m]: slanted surfaces with edges, and noise over the whole range."""
    y, x = np.mgrid[:H, :W]
    boxes = (y // 60 + x // 90) % 3 * 2.0
    rooms = 4 + 0.004 * y + 0.002 * x + boxes
    return {"surfaces": rooms.astype(np.float32), "noise": rng.uniform(0, 100, (H, W)).astype("f4")}


def _seconds(mode: str, depth_m: np.ndarray, rgb: np.ndarray, scale: int, repeats: int) -> float:
    """Measure the median processor time of a frame."""
    times = []
    for i in range(repeats):
        photons = Photons(1000, 100, np.random.default_rng(i))
        began = time.process_time()
        make_lq(mode, depth_m, rgb, scale, photons=photons)
        times.append(time.process_time() - began)
    return median(times)
