"""List the shipped weights: ``python -m stdnet_arch.weights``."""

import argparse
import sys
from collections.abc import Sequence

from stdnet_arch.utils.commands import run_command
from stdnet_arch.utils.tables import Cell, Table
from stdnet_arch.weights.shipped import Shipped, list_shipped

COLUMNS = ("name", "network", "scale", "sensors", "LR depth", "MB", "RMSE/bilinear", "worst scene")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the list; 0."""
    parser = argparse.ArgumentParser(
        prog="python -m stdnet_arch.weights",
        description="List the shipped weights with their scores on scenes they never saw.",
    )
    parser.add_argument("--markdown", action="store_true", help="as a markdown table")
    args = parser.parse_args(argv)
    table = weights_table(list_shipped())
    sys.stdout.write(table.markdown() if args.markdown else table.text() + "\n")
    return 0


def weights_table(every: Sequence[Shipped]) -> Table:
    """Make a row for each file, and of each rule it was scored with."""
    rows = []
    for shipped in every:
        start: tuple[Cell, ...] = (
            shipped.name,
            shipped.arch,
            f"x{shipped.scale}",
            ", ".join((*shipped.sensors, *(["live on a CPU"] if shipped.fast else []))) or "-",
        )
        size = f"{shipped.path.stat().st_size / 1e6:.2f}"
        scores = [(row["rule"], row["ratio_mean"], row["ratio_worst"]) for row in shipped.zero_shot]
        for rule, mean, worst in scores or [(", ".join(shipped.rules) or "-", None, None)]:
            told = ("-" if x is None else f"{x:.3f}" for x in (mean, worst))
            rows.append((*start, rule, size, *told))
    return Table(COLUMNS, rows)


if __name__ == "__main__":
    sys.exit(run_command(main))
