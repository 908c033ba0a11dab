"""Write a synthetic clip as files, to try python -m stdnet_arch.infer on.

python scripts/write_synthetic.py -o clip --frames 2000 --size 128 192 --scale 4
"""

import argparse
from pathlib import Path

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.data.synthetic.recording import write_synthetic_recording
from stdnet_arch.utils.commands import run_script


def main() -> None:
    """Read the options, write the clip."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder of the clip")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--size", type=int, nargs=2, default=(128, 192), metavar=("H", "W"))
    parser.add_argument("--scale", type=int, default=4, help="how much smaller the depth is")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    height, width = args.size
    write_synthetic_recording(args.output, args.frames, (height, width), args.scale, args.seed)


if __name__ == "__main__":
    run_script(main, "stopped; delete the folder of the clip, then the same command begins again")
