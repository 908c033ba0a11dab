"""Write a network for windows of one size, or one step of a stream: ONNX (.onnx), or torch.export (.pt2).

python scripts/export.py --weights stdnet_t_x4 --frames 5 --size 256x320 -o stdnet_t.onnx
python scripts/export.py --weights plane_blend_x4 --step --size 480x640 -o step.onnx
A step takes a frame and what is kept, and gives its prediction and what is kept then: docs/performance.md.
ONNX needs: pip install 'stdnet_arch[onnx]'. An ONNX file is run beside PyTorch, and must agree.
"""  # noqa: E501  the line to copy

import argparse
import sys
from pathlib import Path

import torch

from stdnet_arch.archs.checkpoints.loading import LoadedNetwork, load_network
from stdnet_arch.evaluation.cost import read_size
from stdnet_arch.inference.export import Agreement, compare_onnx, export_window
from stdnet_arch.inference.step_export import compare_step, export_step
from stdnet_arch.utils.commands import positive_int, run_script
from stdnet_arch.utils.depth_step import depth_step
from stdnet_arch.utils.input_errors import check_positive
from stdnet_arch.utils.names import check_target
from stdnet_arch.weights.shipped import find_weights

TOLERANCE = 1e-4
"""Greatest difference that passes, as a share of the depth range."""


def main() -> None:
    """Load, export, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--weights", required=True, help="checkpoint, or a shipped name")
    parser.add_argument("--scale", type=int, help="of a checkpoint that does not say it")
    parser.add_argument("--num_feat", type=int, help="of a checkpoint that does not say it")
    parser.add_argument("--depth_range", type=float, help="metres that the network knows as 1")
    parser.add_argument("--frames", type=int, default=5, help="of a window")
    parser.add_argument("--step", action="store_true", help="one step of a stream, not a window")
    parser.add_argument("--depth_step", type=float, help="quantisation step of depth [m]")
    parser.add_argument("--size", required=True, help="HxW of the RGB, as 480x640")
    parser.add_argument("--threads", type=positive_int, default=1, help="of the comparison")
    parser.add_argument("-o", "--output", required=True, type=Path, help=".onnx or .pt2")
    args = parser.parse_args()
    for value, name in ((args.depth_step, "--depth_step"), (args.depth_range, "--depth_range")):
        if value is not None:
            check_positive(value, name)
    torch.set_num_threads(args.threads)
    weights = find_weights(args.weights)
    check_target(args.output, (".onnx", ".pt2"), [weights])
    size = read_size(args.size)
    loaded = load_network(weights, args.scale, args.num_feat, args.depth_range)
    step = None if args.depth_step is None else args.depth_step / loaded.depth_range_m
    with depth_step(loaded.net, step):
        agreement = _export(args, loaded, size)
    if agreement is not None:
        sys.stdout.write(f"{agreement.in_words()}\n")
        if agreement.largest_difference > TOLERANCE:
            sys.exit(f"expected at most {TOLERANCE:g}: do not use {args.output}")


def _export(
    args: argparse.Namespace, loaded: LoadedNetwork, size: tuple[int, int]
) -> Agreement | None:
    """Write the file; for ONNX, run it beside PyTorch."""
    if args.step:
        export_step(loaded, args.output, size)
    else:
        export_window(loaded, args.output, args.frames, size)
    sys.stdout.write(f"wrote {args.output}\n")
    if args.output.suffix != ".onnx":
        return None
    if args.step:
        return compare_step(loaded, args.output, size)
    return compare_onnx(loaded, args.output, args.frames, size)


if __name__ == "__main__":
    run_script(main, "stopped; the same command begins again")
