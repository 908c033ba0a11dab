"""Show sources side by side: pictures, and a table that tells made scenes from real ones.

python scripts/data_sheet.py -o sheet --set Layers=Layers:'{"size": [480, 640], "num_frame": 1}' \\
    --set DyDToF=DyDToF@datasets/DyDToF
"""

import argparse
import sys
from pathlib import Path

import cv2

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.data.statistics import statistics_table
from stdnet_arch.utils.commands import run_script
from stdnet_arch.utils.names import check_target
from stdnet_arch.utils.whole_file import write_whole
from stdnet_arch.visual.data_sheet import draw_sheet, measure_sets, parse_set, take_pictures


def main() -> None:
    """Write SHEET.jpg and SHEET.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--set", action="append", required=True, help='NAME=SOURCE@ROOT:{"option": value}'
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="without suffix")
    parser.add_argument("--pictures", type=int, default=32, help="measured of each set, at most")
    parser.add_argument("--show", type=int, default=8, help="shown of each set")
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"), help="middle to keep")
    args = parser.parse_args()
    if min(args.pictures, args.show, *(args.size or [1])) < 1:
        parser.error("--pictures, --show and --size must be at least 1")
    sets = [parse_set(text) for text in args.set]
    picture, page = Path(f"{args.output}.jpg"), Path(f"{args.output}.md")
    for path in (picture, page):
        check_target(path, (path.suffix,), [one.root or None for one in sets])
    size = tuple(args.size) if args.size else None
    taken = {one.name: take_pictures(one, args.pictures, size=size) for one in sets}
    table = statistics_table(measure_sets(taken))
    sheet = draw_sheet(taken, args.show)
    option = [cv2.IMWRITE_JPEG_QUALITY, 85]
    write_whole(picture, cv2.imencode(".jpg", sheet[..., ::-1], option)[1].tobytes())
    write_whole(page, table + "\n")
    sys.stdout.write(table + "\n")


if __name__ == "__main__":
    run_script(main, "stopped; the same command begins again")
