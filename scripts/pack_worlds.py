"""Pack worlds of AWS RoboMaker for the source Worlds, from your own clones of their repositories.

git clone -b ros1 https://github.com/aws-robotics/aws-robomaker-small-house-world
python scripts/pack_worlds.py --root aws-robomaker-small-house-world --out datasets/worlds
"""

import argparse
from pathlib import Path

import numpy as np

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.data.codecs.array_file import write_arrays
from stdnet_arch.data.synthetic.worlds.pack import PHOTOS, join_images, read_photos, write_world
from stdnet_arch.data.synthetic.worlds.robomaker import read_clone, read_photo_crops
from stdnet_arch.utils.commands import run_script
from stdnet_arch.utils.names import check_output_folder


def main() -> None:
    """Read the options, write one pack per clone and add the clones' textures to the photos."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--root", required=True, type=Path, nargs="+", help="folders of clones")
    parser.add_argument("--out", type=Path, default=Path("datasets/worlds"), help="folder of packs")
    args = parser.parse_args()
    check_output_folder(args.out, args.root)
    path = args.out / f"{PHOTOS}.npz"
    photos = read_photos(path) if path.is_file() else {}
    for clone in args.root:
        name, world = read_clone(clone.resolve())
        write_world(args.out / f"{name}.npz", world)
        photos |= read_photo_crops(clone.resolve())
    jpegs, sizes = join_images(list(photos.values()))
    names = np.array(list(photos), dtype=str)
    write_arrays(path, {"jpegs": jpegs, "sizes": sizes, "names": names}, compressed=False)


if __name__ == "__main__":
    run_script(main, "stopped; the same command begins again")
