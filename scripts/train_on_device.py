"""Train networks on clips that are made on the device: one process for each option file, at once.

python scripts/train_on_device.py -opt options/device/plane_blend_x4.yml --seconds 480 -o OUT
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch import option_file
from stdnet_arch.models.device_run import run_on_device
from stdnet_arch.utils.children import end_with_parent, run_child
from stdnet_arch.utils.commands import run_script
from stdnet_arch.utils.names import check_replaceable


def main() -> int:
    """Start a process for each option file, or be one; the exit code counts those that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-opt", nargs="+", type=Path, required=True, help="options/device/*.yml")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder for each run")
    parser.add_argument("--seconds", type=float, required=True, help="time for training")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--assets", type=Path, help="photo_textures.npz, worlds_*.npz")
    parser.add_argument(
        "--start", type=Path, help="an earlier OUT; without, start_from names shipped"
    )
    args = parser.parse_args()
    if len(args.opt) == 1:
        end_with_parent()
        options = option_file.read(args.opt[0])
        run_on_device(options, args.output, args.seconds, args.device, args.assets, args.start)
        return 0
    if len({path.stem for path in args.opt}) < len(args.opt):
        parser.error("expected option files of different names: each has a log of its name")
    rest = ["--seconds", str(args.seconds), "--device", args.device, "-o", str(args.output)]
    rest += [f"--assets={args.assets}"] if args.assets else []
    rest += [f"--start={args.start}"] if args.start else []
    args.output.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(len(args.opt)) as pool:
        codes = list(pool.map(lambda path: train_one(path, args.output, rest), args.opt))
    return sum(code != 0 for code in codes)


def train_one(path: Path, out: Path, rest: list[str]) -> int:
    """Train by an option file in a process that ends with this one; return its exit code."""
    log = out / f"{path.stem}.log"
    check_replaceable(log)
    with log.open("w", encoding="utf-8") as stream:
        return run_child([sys.executable, __file__, "-opt", str(path), *rest], stream, Path.cwd())


if __name__ == "__main__":
    sys.exit(run_script(main, "stopped; what was saved last is kept"))
