"""Samples per second of the training loader: raw files, LMDBs, and a loader of whole frames.

python scripts/benchmark_loader.py --root datasets/DyDToF [--workers 2] [--memory]
"""

import argparse
import sys

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.evaluation.loader_speed import measure, measure_memory_of


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--root", default="datasets/DyDToF", help="DyDToF with LR files")
    parser.add_argument("--samples", type=int, default=120, help="windows per loader and round")
    parser.add_argument("--workers", type=int, default=2, help="processes of the loader")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="memory over epochs instead")
    args = parser.parse_args()
    table = (
        measure_memory_of(args.root, args.samples, args.rounds)
        if args.memory
        else measure(args.root, args.samples, args.workers, args.rounds)
    )
    sys.stdout.write(table.text() + "\n")


if __name__ == "__main__":
    main()
