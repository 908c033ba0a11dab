"""The quickstart's main job: train on, test on other rooms, draw, sum up.

python scripts/demo.py        (scripts/quickstart.py calls this inside its environment)
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

TRAIN = "options/quickstart/quickstart_train.yml"
TEST = "options/quickstart/quickstart_test.yml"
STEPS = (
    ("training goes on from the shipped checkpoint", ["-m", "stdnet_arch.train", "-opt", TRAIN]),
    ("testing the new checkpoint on other rooms", ["-m", "stdnet_arch.test", "-opt", TEST]),
    ("drawing", ["scripts/visualize.py", "-opt", TEST]),
)
WROTE = (
    ("checkpoint", "experiments/quickstart_train/models/net_g_latest.pth"),
    ("training log", "experiments/quickstart_train"),
    ("depth [m] and previews", "results/quickstart_test/visualization"),
    ("picture strips", "results/quickstart_test/strips"),
    ("table", "results/quickstart_test/metrics"),
)


def main() -> None:
    """Run the steps one after another; the first failure ends the demo with its exit code."""
    form = argparse.RawTextHelpFormatter
    argparse.ArgumentParser(description=__doc__, formatter_class=form).parse_args()
    root = Path(__file__).resolve().parent.parent
    began_s = time.monotonic()
    for i, (what, arguments) in enumerate(STEPS, start=1):
        sys.stdout.write(f"\n[{i}/{len(STEPS)}] {what}\n")
        sys.stdout.flush()
        code = subprocess.run([sys.executable, *arguments], cwd=root, check=False).returncode
        if code:
            sys.exit(code)
    table = next((root / "results/quickstart_test/metrics").glob("*.md")).read_text()
    sys.stdout.write(
        f"\nRooms the network was never trained on ({time.monotonic() - began_s:.0f} s):\n\n"
    )
    sys.stdout.write(table + "\n")
    sys.stdout.writelines(f"{what + ':':<24}{root / path}\n" for what, path in WROTE)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # the step that was stopped has said so
        sys.exit(130)
