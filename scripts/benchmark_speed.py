"""How fast STDNet is on this machine, in every form: checked, measured, compared with its limits.

python scripts/benchmark_speed.py -o results/speed                      (CUDA if there is any)
python scripts/benchmark_speed.py --device cuda --size 480x640 --frames 24 -o results/speed_cuda
"""

import argparse
import sys
from pathlib import Path

import torch

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.evaluation.cost import read_size
from stdnet_arch.evaluation.speed import SpeedSetting, run_benchmark
from stdnet_arch.evaluation.speed_forms import forms_of
from stdnet_arch.utils.device import choose_device


def main() -> None:
    """Measure, print and write the table."""
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--size", type=read_size, default=(256, 256), help="HxW (256x256)")
    parser.add_argument("--frames", type=int, default=7, help="of the clip (7)")
    parser.add_argument("--num_feat", type=int, default=64, help="channels (64)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each form (5)")
    parser.add_argument("--threads", type=int, help="of the CPU (default: PyTorch's)")
    parser.add_argument("--only", nargs="+", help="forms by name, beside the plain one")
    parser.add_argument("-o", "--output", type=Path, help="writes OUTPUT.md and OUTPUT.json")
    args = parser.parse_args()
    device = choose_device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    forms = forms_of(device)
    if args.only:
        unknown = set(args.only) - {each.name for each in forms}
        if unknown:
            names = "; ".join(each.name for each in forms)
            sys.exit(f"no form is called {', '.join(sorted(unknown))}; there are: {names}")
        forms = tuple(each for each in forms if each.plain or each.name in args.only)
    setting = SpeedSetting(args.size, args.frames, args.num_feat, args.rounds)
    run_benchmark(setting, device, args.output, forms)


if __name__ == "__main__":
    main()
