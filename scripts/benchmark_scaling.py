"""How time and memory grow with clip length, resolution, scale, batch, threads, GPUs.

python scripts/benchmark_scaling.py options/tiny/tiny_STDNetS.yml -o results/scaling
"""

import argparse
import sys
from pathlib import Path

import torch
from tqdm import tqdm

import stdnet_arch  # noqa: F401  before basicsr

# isort: split
from stdnet_arch import option_file
from stdnet_arch.evaluation import scaling
from stdnet_arch.evaluation.cost import read_size
from stdnet_arch.evaluation.run_cost import Run
from stdnet_arch.evaluation.scaling_plot import draw_scaling
from stdnet_arch.visual.strips import save_png


def main() -> None:
    """Measure each point in a process of its own, fit, print, write."""
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("yaml", type=Path, help="options whose network_g is measured")
    parser.add_argument("--size", default="128x128", help="HxW; half and twice of it, too")
    parser.add_argument("--frames", type=int, default=5, help="where length is not what grows")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--axes", nargs="+", help="only axes whose names begin so")
    parser.add_argument("-o", "--output", type=Path, help="writes OUTPUT.md, .json and .png")
    args = parser.parse_args()
    network = dict(option_file.read(args.yaml)["network_g"])
    base = Run(network, "clip", args.frames, read_size(args.size), device=args.device)
    axes = scaling.plan_axes(base, torch.cuda.device_count())
    axes = [a for a in axes if not args.axes or a.name.startswith(tuple(args.axes))]
    points: list[scaling.Point] = []
    for point in tqdm(
        scaling.measure_axes(base, axes), total=sum(len(axis.values) for axis in axes)
    ):
        points.append(point)
        if args.output:  # now: a run that is stopped leaves what it has
            scaling.write_scaling(args.output, base, points, scaling.fit_axes(axes, points))
    growths = scaling.growth_table(scaling.fit_axes(axes, points))
    sys.stdout.write(f"{scaling.point_table(points).text()}\n\n{growths.text()}\n")
    if args.output and any(not point.failed for point in points):
        drawn = draw_scaling(scaling.panels_of(axes, points), f"{network['type']}, {args.size}")
        save_png(args.output.with_suffix(".png"), drawn)


if __name__ == "__main__":
    main()
