"""List the shipped weights: ``python -m stdnet_arch.weights``."""

import argparse
import sys
from collections.abc import Sequence

from stdnet_arch.archs.shared.flow import SHIPPED as FLOW_FOLDER
from stdnet_arch.utils.commands import run_command
from stdnet_arch.utils.tables import Cell, Table
from stdnet_arch.weights.shipped import Shipped, list_shipped

COLUMNS = ("name", "network", "scale", "sensors", "LR depth", "MB", "RMSE/bilinear", "worst scene")
FLOW_COLUMNS = ("flow_weights", "network", "MB", "endpoint error px", "of no motion px")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the list, and that of the flow networks; 0."""
    parser = argparse.ArgumentParser(
        prog="python -m stdnet_arch.weights",
        description="List the shipped weights with their scores on scenes they never saw.",
    )
    parser.add_argument("--markdown", action="store_true", help="as a markdown table")
    args = parser.parse_args(argv)
    tables = [weights_table(list_shipped()), flow_table(list_shipped(FLOW_FOLDER))]
    said = [table.markdown() if args.markdown else table.text() + "\n" for table in tables]
    sys.stdout.write("\n".join(said))
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
        scores = [(row["rule"], row["ratio_mean"], row["ratio_worst"]) for row in shipped.zero_shot]
        for rule, mean, worst in scores or [(", ".join(shipped.rules) or "-", None, None)]:
            told = ("-" if x is None else f"{x:.3f}" for x in (mean, worst))
            rows.append((*start, rule, shipped.megabytes, *told))
    return Table(COLUMNS, rows)


def flow_table(every: Sequence[Shipped]) -> Table:
    """Make a row for each flow network, which other networks start from."""
    rows = [
        (
            shipped.name,
            shipped.arch,
            shipped.megabytes,
            *(f"{float(shipped.about[key]):.3f}" for key in ("epe_px", "epe_of_no_motion_px")),
        )
        for shipped in every
    ]
    return Table(FLOW_COLUMNS, rows)


if __name__ == "__main__":
    sys.exit(run_command(main))
