"""Write a network for windows of one size: ONNX (.onnx), or torch.export (.pt2).

python scripts/export.py --weights stdnet_arch/weights/STDNet_x4_small.pth --frames 5 --size 256x320 -o small.onnx
ONNX needs: pip install 'stdnet_arch[onnx]'. An ONNX file is run beside PyTorch, and must agree.
"""  # noqa: E501  the line to copy

import argparse
import sys
from pathlib import Path

import torch

from stdnet_arch.archs.checkpoints.loading import load_network
from stdnet_arch.evaluation.cost import read_size
from stdnet_arch.inference.export import compare_onnx, export_window
from stdnet_arch.utils.commands import run_script
from stdnet_arch.utils.names import check_target

TOLERANCE = 1e-4
"""Of the depth range."""


def main() -> None:
    """Load, export, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--weights", required=True, help="checkpoint of ours, or an official one")
    parser.add_argument("--scale", type=int, help="of a checkpoint that does not say it")
    parser.add_argument("--num_feat", type=int, help="of a checkpoint that does not say it")
    parser.add_argument("--depth_range", type=float, help="metres that the network knows as 1")
    parser.add_argument("--frames", type=int, default=5, help="of a window")
    parser.add_argument("--size", required=True, help="HxW of the RGB, as 480x640")
    parser.add_argument("--threads", type=int, default=1, help="of the comparison")
    parser.add_argument("-o", "--output", required=True, type=Path, help=".onnx or .pt2")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    check_target(args.output, (".onnx", ".pt2"), [args.weights])
    size = read_size(args.size)
    loaded = load_network(args.weights, args.scale, args.num_feat, args.depth_range)
    export_window(loaded, args.output, args.frames, size)
    sys.stdout.write(f"wrote {args.output}\n")
    if args.output.suffix == ".onnx":
        agreement = compare_onnx(loaded, args.output, args.frames, size)
        sys.stdout.write(f"{agreement.in_words()}\n")
        if agreement.largest_difference > TOLERANCE:
            sys.exit(f"expected at most {TOLERANCE:g}: do not use {args.output}")


if __name__ == "__main__":
    run_script(main, "stopped; the same command begins anew")
