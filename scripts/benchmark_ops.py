"""How fast the operators are here, in every form, beside torchvision's.

python scripts/benchmark_ops.py                      (CPU, 1 thread and all)
python scripts/benchmark_ops.py --device cuda --dtype bfloat16 --batch 16 --json ops.json
"""

import argparse
import sys
from pathlib import Path

import torch

from stdnet_arch.evaluation.op_speed import CASES, benchmark

DTYPES = ("float32", "float16", "bfloat16", "float64")


def main() -> None:
    """Measure and print."""
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--dtype", default="float32", choices=DTYPES)
    parser.add_argument("--batch", type=int, default=1, help="samples (default: 1)")
    parser.add_argument("--threads", type=int, nargs="+", help="of the CPU (default: 1 and all)")
    parser.add_argument("--rounds", type=int, default=5, help="the best counts (default: 5)")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    args = parser.parse_args()
    cases = [case for case in CASES if args.only.lower() in case.name.lower()]
    if not cases:
        sys.exit(f"no case contains {args.only!r}: {'; '.join(case.name for case in CASES)}")
    if min(args.batch, args.rounds, *(args.threads or [1])) < 1:
        sys.exit("--batch, --rounds and --threads must be at least 1")
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("--device cuda needs a CUDA device, PyTorch finds none")
    benchmark(
        cases,
        device=torch.device(args.device),
        dtype=getattr(torch, args.dtype),
        batch=args.batch,
        threads=args.threads or sorted({1, torch.get_num_threads()}),
        rounds=args.rounds,
        json_path=args.json,
    )


if __name__ == "__main__":
    main()
