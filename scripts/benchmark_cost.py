"""What networks and classical filters cost: parameters, arithmetic, ms/frame, peak memory.

python scripts/benchmark_cost.py options/tiny/*.yml --classical --sizes 256x256 -o results/cost
"""

import argparse
import itertools
import sys
from pathlib import Path

from tqdm import tqdm

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch import option_file
from stdnet_arch.evaluation.cost import (
    SIZES,
    Setting,
    cost_table,
    measure_all,
    read_size,
    write_costs,
)

CLASSICAL = ("Interpolated", "JointBilateral", "GuidedFilter", "FastGlobalSmoother")


def main() -> None:
    """Measure what is asked for, print the rows as they come, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("yamls", nargs="*", type=Path, help="options whose network_g is measured")
    parser.add_argument("--classical", action="store_true", help="classical filters, too")
    parser.add_argument("--scale", type=int, default=4, help="of the classical filters")
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="HxW")
    parser.add_argument("--dtypes", nargs="+", default=["float32"], help="float32, bf16, fp16")
    parser.add_argument("--device", default="auto")
    for name, default in (("--frames", 5), ("--repeats", 5)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("-o", "--output", type=Path, help="writes OUTPUT.md and OUTPUT.json")
    args = parser.parse_args()
    competitors = {n: {"type": n, "scale": args.scale} for n in CLASSICAL if args.classical}
    for path, dtype in itertools.product(args.yamls, args.dtypes):
        network = dict(option_file.read(path)["network_g"])
        how = {"depth_range_m": 10.0, "device": args.device, "dtype": dtype}
        how |= {"type": "Network", "network": network, "scale": network["scale"]}
        competitors[f"{path.stem} {dtype}"] = how
    settings = [Setting(read_size(size), args.frames, repeats=args.repeats) for size in args.sizes]
    costs = list(tqdm(measure_all(competitors, settings), total=len(competitors) * len(settings)))
    sys.stdout.write(f"{cost_table(costs).text()}\n")
    if args.output:
        write_costs(args.output, costs)


if __name__ == "__main__":
    main()
