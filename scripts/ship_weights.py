"""Turn a training checkpoint into a shipped file, score it, and renew the cards.

python scripts/ship_weights.py plane_blend_x4 --input experiments/X/models/net_g_latest.pth \
    --options options/train/X.yml --lq dtof_peak area --sensors dtof clean --step-m 0.09775 \
    --command "python -m stdnet_arch.train -opt options/train/X.yml" --score datasets
python scripts/ship_weights.py --cards
"""

import argparse
import subprocess
import sys
from pathlib import Path

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch import option_file
from stdnet_arch.evaluation.zero_shot import zero_shot_rows
from stdnet_arch.utils.commands import fitting, run_script
from stdnet_arch.utils.whole_file import whole_file
from stdnet_arch.weights.publishing import (
    Facts,
    load_trained,
    replace_cards,
    scale_expected_errors,
    write_weights,
)
from stdnet_arch.weights.shipped import FOLDER, list_shipped


def main() -> int:
    """Write a file and the cards of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", nargs="?", help="of the file, without suffix")
    parser.add_argument("--cards", action="store_true", help="only renew the cards")
    parser.add_argument("--input", type=Path, nargs="+", help="checkpoint; the mean of several")
    parser.add_argument("--options", type=Path, help="YAML of the training: its network_g")
    parser.add_argument("--lq", nargs="+", help="rules of LR depth that it was trained for")
    parser.add_argument("--sensors", nargs="*", default=[], help="dtof, clean, phone, realsense")
    parser.add_argument("--step-m", type=float, default=0.0, help="coarsest step of the depth")
    parser.add_argument("--depth-range", type=float, default=1.0, help="metres known as 1")
    parser.add_argument("--command", help="that trained it")
    parser.add_argument("--commit", help="that trained it; default: HEAD")
    parser.add_argument(
        "--error-factor", type=float, help="expected errors times this, where scenes show it"
    )
    parser.add_argument("--fast", action="store_true", help="for live pictures on a CPU alone")
    parser.add_argument("--note", default="", help="data and time of the training")
    parser.add_argument("--score", type=Path, metavar="ROOT", help="score on the scenes below ROOT")
    parser.add_argument("--frames", type=int, help="of each scene; default: all")
    cards = "folder; cards in its README.md are renewed, if it has one"
    parser.add_argument("--out", type=Path, default=FOLDER, help=cards)
    args = parser.parse_args()
    if not args.cards:
        needed = ("name", "input", "options", "lq", "command")
        missing = [name for name in needed if not getattr(args, name)]
        if missing:
            parser.error(f"expected also {', '.join(missing)}")
        _ship(args)
    page = args.out / "README.md"
    if not page.exists() and not args.cards:
        return 0
    text = replace_cards(page.read_text(encoding="utf-8"), list_shipped(args.out))
    with whole_file(page) as part:
        part.write_text(text, encoding="utf-8")
    return 0


def _ship(args: argparse.Namespace) -> None:
    with fitting(f"{args.options}"):
        network_g = dict(option_file.read(args.options)["network_g"])
    net = load_trained(args.input[0], network_g, *args.input[1:])
    if args.error_factor is not None:
        scale_expected_errors(net, args.error_factor)
    head = ["git", "rev-parse", "HEAD"]
    commit = args.commit or subprocess.check_output(head, text=True).strip()
    scores = []
    if args.score:
        scale = int(network_g["scale"])
        scores = zero_shot_rows(net, args.score, scale, args.lq, args.depth_range, args.frames)
    facts = Facts(
        depth_range_m=args.depth_range,
        lq=args.lq,
        sensors=args.sensors,
        step_m=args.step_m,
        command=args.command,
        commit=commit,
        zero_shot=scores,
        note=args.note,
        fast=args.fast,
    )
    written = write_weights(args.out / f"{args.name}.safetensors", network_g, net, facts)
    sys.stdout.write(f"wrote {written.path}\n")


if __name__ == "__main__":
    sys.exit(run_script(main, "stopped; the same command begins again"))
