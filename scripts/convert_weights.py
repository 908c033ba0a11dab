"""Turn an official STDNet, STDAN, DFlow or SVSRNet checkpoint (or one of ours) into one of ours.

The result is a checkpoint of the toolbox that also says what it is.

python scripts/convert_weights.py --scale 4 --depth_range 30 --input official.pth --output x4.pth
python scripts/convert_weights.py --scale 4 --arch STDAN --input official.pth --output stdan.pth
"""

import argparse
import sys
from pathlib import Path

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from basicsr.archs import build_network

from stdnet_arch.archs.checkpoints.adapters import load_any, read_checkpoint, save_checkpoint
from stdnet_arch.utils.commands import run_script
from stdnet_arch.utils.input_errors import reading
from stdnet_arch.utils.names import check_target


def main() -> None:
    """Read, rename, check every name and shape, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--input", required=True, help="checkpoint to read")
    parser.add_argument("--output", required=True, help="checkpoint to write")
    parser.add_argument("--arch", default="STDNet", choices=("STDNet", "STDAN", "DFlow", "SVSRNet"))
    parser.add_argument("--scale", type=int, required=True, choices=(4, 8, 16))
    parser.add_argument("--num_feat", type=int, default=64)
    parser.add_argument("--head_feat", type=int, default=64, help="of STDNet")
    parser.add_argument("--depth_range", type=float, help="metres that the network knows as 1")
    parser.add_argument("--lq", help="how low-resolution frames were made; dtof_peak or bicubic")
    parser.add_argument("--half", action="store_true", help="store float16")
    args = parser.parse_args()
    network_g = {"type": args.arch, "scale": args.scale, "num_feat": args.num_feat}
    if args.arch == "STDNet":
        network_g["head_feat"] = args.head_feat
    if args.arch == "SVSRNet":
        network_g["as_released"] = True
    check_target(Path(args.output), (".pth", ".safetensors"), [args.input])
    net = build_network(network_g)
    with reading(args.input):
        load_any(net, read_checkpoint(args.input))
    lq = args.lq or ("dtof_peak" if args.arch == "STDNet" else "bicubic")
    about = {"network_g": network_g, "depth_range_m": args.depth_range, "lq": lq}
    about = {name: value for name, value in about.items() if value is not None}
    save_checkpoint(net, args.output, half=args.half, about=about)
    sys.stdout.write(f"wrote {args.output}\n")


if __name__ == "__main__":
    run_script(main, "stopped; the same command begins again")
