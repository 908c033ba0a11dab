"""Train networks on clips that are made on the device: one process for each option file, at once.

python scripts/train_on_device.py -opt options/device/plane_blend_x4.yml --seconds 480 -o OUT
"""

import argparse
import subprocess
import sys
from pathlib import Path

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch import option_file
from stdnet_arch.models.device_run import run_on_device
from stdnet_arch.utils.commands import run_script


def main() -> int:
    """Start a process for each option file, or be one; the exit code counts those that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-opt", nargs="+", type=Path, required=True, help="options/device/*.yml")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder for each run")
    parser.add_argument("--seconds", type=float, required=True, help="time for training")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--assets", type=Path, help="photo_textures.npz, worlds_*.npz")
    parser.add_argument("--start", type=Path, help="an earlier OUT to start from")
    args = parser.parse_args()
    if len(args.opt) == 1:
        options = option_file.read(args.opt[0])
        run_on_device(options, args.output, args.seconds, args.device, args.assets, args.start)
        return 0
    rest = ["--seconds", str(args.seconds), "--device", args.device, "-o", str(args.output)]
    rest += [f"--assets={args.assets}"] if args.assets else []
    rest += [f"--start={args.start}"] if args.start else []
    args.output.mkdir(parents=True, exist_ok=True)
    jobs = []
    for path in args.opt:
        with (args.output / f"{path.stem}.log").open("w") as log:
            command = [sys.executable, __file__, "-opt", str(path), *rest]
            jobs.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
    return sum(job.wait() != 0 for job in jobs)


if __name__ == "__main__":
    run_script(main, "stopped; what was saved last is kept")
