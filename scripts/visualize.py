"""Draw what a test run saved (val.save_img: true): a picture strip of each clip, or x-t slices.

python scripts/visualize.py -opt options/quickstart/quickstart_test.yml [--slices]
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch import option_file
from stdnet_arch.data.rgbd_video_test_dataset import RGBDVideoTestDataset
from stdnet_arch.utils.commands import fitting, run_script
from stdnet_arch.utils.names import check_name, resolve_name
from stdnet_arch.visual.saved import draw_saved_clip, draw_saved_slices
from stdnet_arch.visual.strips import save_png


def main() -> None:
    """Read the options of the run, draw every clip of every dataset, say where."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("-opt", required=True, type=Path, help="YAML that the test ran with")
    parser.add_argument("--results", type=Path, help="its folder, by default results/<name>")
    parser.add_argument("--slices", action="store_true", help="the middle row over time instead")
    parser.add_argument(
        "--results-only", action="store_true", help="strips without RGB, LR depth and ground truth"
    )
    args = parser.parse_args()
    kind, draw = "strips", partial(draw_saved_clip, results_only=args.results_only)
    if args.slices:
        kind, draw = "slices", draw_saved_slices
    opt = option_file.read(args.opt)
    with fitting(f"{args.opt}"):
        results = args.results or resolve_name(Path("results"), opt["name"], "name")
        network = opt["network_g"]["type"]
        datasets = [
            (
                check_name(section["name"], "the name of a dataset"),
                RGBDVideoTestDataset({**section, "scale": opt["scale"], "phase": "test"}),
            )
            for section in opt["datasets"].values()
        ]
    for name, dataset in datasets:
        for i in range(len(dataset)):
            item = dataset[i]
            picture = draw(item, results / "visualization" / name, network)
            path = results / kind / name / f"{item['clip'].replace('/', '_')}.png"
            save_png(path, picture)
            sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    run_script(main, "stopped; the same command begins again")
