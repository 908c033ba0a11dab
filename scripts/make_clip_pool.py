"""Render windows of textured worlds into small files, for training on the device.

    python scripts/make_clip_pool.py --root datasets/worlds -o ASSETS --windows 500

Copies ``photo_textures.npz`` beside them, if it lies in the root. A stopped run continues.
"""

import argparse
import shutil
import sys
from pathlib import Path

from stdnet_arch.data.synthetic.clip_pool import write_shard
from stdnet_arch.data.synthetic.worlds.windows import render_windows
from stdnet_arch.utils.commands import run_script
from stdnet_arch.utils.names import check_output_folder
from stdnet_arch.utils.whole_file import whole_file

SHARD = 25
"""Windows in a file."""


def main() -> int:
    """Render what is missing."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--root", type=Path, required=True, help="folder of packed worlds")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--windows", type=int, default=500, help=f"a multiple of {SHARD}")
    parser.add_argument("--frames", type=int, default=3, help="1: single pictures")
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    check_output_folder(args.output, [args.root])
    photos = args.root / "photo_textures.npz"
    if photos.exists():
        with whole_file(args.output / photos.name) as part:
            shutil.copyfile(photos, part)
    for number in range(args.windows // SHARD):
        path = args.output / f"worlds_{number:03d}.npz"
        if not path.exists():
            drawn = render_windows(args.root, args.frames, args.side, args.seed + number, SHARD)
            write_shard(path, drawn)
            sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    run_script(main, "stopped; the same command continues where it stopped")
