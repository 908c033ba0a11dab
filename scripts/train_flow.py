"""Train a SPyNet on layered scenes, whose flow is exact, for flow_weights of other networks.

python scripts/train_flow.py --seconds 600 -o experiments/flow/spynet.safetensors
"""

import argparse
import sys
from pathlib import Path

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.models.flow.training import FlowRecipe, train_flow
from stdnet_arch.utils.commands import run_script
from stdnet_arch.utils.names import check_target


def main() -> None:
    """Train, and say the endpoint error on scenes that were not trained on."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help=".safetensors or .pth")
    parser.add_argument("--seconds", type=float, default=600, help="time of the processor")
    parser.add_argument("--lr", type=float, default=FlowRecipe.lr)
    parser.add_argument("--batch", type=int, default=FlowRecipe.batch)
    parser.add_argument("--size", type=int, default=FlowRecipe.size, help="a multiple of 32")
    parser.add_argument("--seed", type=int, default=FlowRecipe.seed)
    args = parser.parse_args()
    check_target(args.output, (".safetensors", ".pth"))
    recipe = FlowRecipe(args.seconds, args.lr, args.batch, args.size, args.seed)
    found = train_flow(recipe, args.output, lambda text: sys.stdout.write(f"{text}\n"))
    sys.stdout.write(
        f"endpoint error {found['epe_px']:.3f} px on scenes never seen (no motion: "
        f"{found['epe_of_no_motion_px']:.3f} px); wrote {args.output}\n"
    )


if __name__ == "__main__":
    run_script(main, "stopped; nothing was written, so the same command begins anew")
