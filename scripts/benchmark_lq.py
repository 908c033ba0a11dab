"""How many frames per second each rule of low-resolution depth makes, on one core.

OMP_NUM_THREADS=1 python scripts/benchmark_lq.py --size 528 960
"""

import argparse
import sys
import time
from statistics import median

import numpy as np
import torch

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.data.lq.degradation import LQ_MODES, RANDOM_LQ_MODES, Photons, make_lq
from stdnet_arch.utils.tables import Table


def scenes(H: int, W: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Depth [m]: slanted surfaces with edges, as rooms are, and noise over the whole range."""
    y, x = np.mgrid[:H, :W]
    boxes = (y // 60 + x // 90) % 3 * 2.0
    rooms = 4 + 0.004 * y + 0.002 * x + boxes
    return {"surfaces": rooms.astype(np.float32), "noise": rng.uniform(0, 100, (H, W)).astype("f4")}


def seconds(mode: str, depth_m: np.ndarray, rgb: np.ndarray, scale: int, repeats: int) -> float:
    """Median processor time of a frame."""
    times = []
    for i in range(repeats):
        photons = Photons(1000, 100, np.random.default_rng(i))
        start = time.process_time()
        make_lq(mode, depth_m, rgb, scale, photons=photons)
        times.append(time.process_time() - start)
    return median(times)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", nargs=2, type=int, default=[528, 960], metavar=("H", "W"))
    parser.add_argument("--scale", nargs="+", type=int, default=[4, 8, 16])
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*args.size, 3), dtype=np.uint8)
    rows = [
        [mode, name, *(1 / seconds(mode, d, rgb, s, args.repeats) for s in args.scale)]
        for mode in LQ_MODES + RANDOM_LQ_MODES
        for name, d in scenes(*args.size, rng).items()
    ]
    table = Table(["rule", "depth", *(f"x{s} [frames/s]" for s in args.scale)], rows)
    sys.stdout.write(table.text(1) + "\n")


if __name__ == "__main__":
    main()
