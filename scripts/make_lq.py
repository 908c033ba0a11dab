"""Write low-resolution depth files from GT depth and RGB.

python scripts/make_lq.py --source Folder --root datasets/my_clips --scale 4 8 \\
    --lq dtof_histogram --sensor signal_photons=300 holes=0.02 \\
    --out 'datasets/my_clips/{clip}/lq_x{scale}'
"""

import argparse
import sys

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.data.dataset_options import LQ_MODES, TestOptions, read_options
from stdnet_arch.data.lq_writer import write_lq
from stdnet_arch.utils.commands import run_script
from stdnet_arch.utils.yaml_file import parse_yaml


def main() -> None:
    """Read the arguments as the options of a test set; write the files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--source", default="Folder", help="layout of the raw files")
    parser.add_argument("--root", required=True, help="their folder")
    parser.add_argument("--source-opt", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--clips", nargs="*", help="clips, a list of them, or one file; all else")
    parser.add_argument("--scale", nargs="+", type=int, default=[4], help="one or more")
    rules = [mode for mode in LQ_MODES if mode not in {"auto", "files"}]
    parser.add_argument("--lq", default="dtof_peak", choices=rules)
    parser.add_argument("--range", type=float, default=100.0, help="of the sensor, metres")
    parser.add_argument("--bins", type=int, default=1024, help="of the sensor")
    parser.add_argument("--sensor", nargs="*", default=[], metavar="KEY=VALUE", help="sensor_opt")
    parser.add_argument("--out", required=True, help="folder, with {clip} and {scale}")
    args = parser.parse_args()
    _write(args)


def _write(args: argparse.Namespace) -> None:
    """Read the options as those of a test set; write the files."""
    source_opt, sensor_opt = (
        {key: parse_yaml(value, key) for key, _, value in (pair.partition("=") for pair in pairs)}
        for pairs in (args.source_opt, args.sensor)
    )
    clips = args.clips[0] if args.clips and args.clips[0].endswith(".txt") else args.clips
    section = {
        "name": "make_lq", "source": args.source, "source_opt": source_opt, "clips": clips,
        "dataroot": args.root, "lq": args.lq, "dtof_range_m": args.range,
        "dtof_bins": args.bins, "sensor_opt": sensor_opt, "beyond_range": "keep",
    }  # fmt: skip
    for scale in args.scale:
        for folder in write_lq(read_options(TestOptions, section | {"scale": scale}), args.out):
            sys.stdout.write(f"wrote {folder}\n")


if __name__ == "__main__":
    run_script(main, "stopped; the same command begins again")
