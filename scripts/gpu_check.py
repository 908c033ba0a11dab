"""Check and measure everything on a card: tests, speeds, ceilings, training, in a few minutes.

python scripts/gpu_check.py -o results/gpu                    (CUDA if there is any)
python scripts/gpu_check.py -o results/gpu --only parity
python scripts/gpu_check.py -o results/trial --device cpu --tiny    (a trial without a card)
"""

import argparse
import sys
from pathlib import Path

from stdnet_arch.evaluation.gpu.check import GROUPS, LIMITS_S, Check, run_check
from stdnet_arch.utils.commands import run_script


def main() -> int:
    """Run all steps; 1 if one failed."""
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--tiny", action="store_true", help="small networks, few tests: a trial")
    parser.add_argument(
        "--only", default=",".join(GROUPS), help=f"some of {', '.join((*GROUPS, *LIMITS_S))}"
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="for all steps (8)")
    args = parser.parse_args()
    check = Check(
        args.out.resolve(), args.device, args.tiny, tuple(args.only.split(",")), args.minutes
    )
    return 0 if run_check(check) else 1


if __name__ == "__main__":
    sys.exit(run_script(main, "stopped; the same command begins again"))
