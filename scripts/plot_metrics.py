"""Draw how the errors of a training run went down.

python scripts/plot_metrics.py experiments/NAME/metrics/DATASET.csv -o curve.png
"""

import argparse
import sys
from pathlib import Path

from stdnet_arch.evaluation.curves import draw_curves, read_means
from stdnet_arch.utils.commands import run_script
from stdnet_arch.utils.input_errors import reading
from stdnet_arch.utils.names import check_target
from stdnet_arch.visual.strips import save_png


def main() -> None:
    """Read the table, draw, write."""
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("table", type=Path, help="CSV that the validation wrote")
    parser.add_argument("-o", "--output", required=True, type=Path, help="PNG to write")
    args = parser.parse_args()
    check_target(args.output, (".png",), [args.table])
    with reading(args.table):
        curves = read_means(args.table)
    save_png(args.output, draw_curves(curves, args.table.parent.parent.name))
    sys.stdout.write(f"wrote {args.output}\n")


if __name__ == "__main__":
    run_script(main, "stopped; the same command begins again")
