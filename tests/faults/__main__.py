"""Run as many faults as the time allows; print tried / survived / lost.

python -m tests.faults --minutes 60 [--seed 1] [--area inference] [--jobs 4]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import torch

import stdnet_arch  # noqa: F401  before basicsr

# isort: split
from .benchmark import Benchmark
from .driver import Count, Driver
from .inference import Inference
from .live import Live
from .preparation import Preparation
from .programs import Programs
from .recordings import Recordings
from .stereodiff import StereoDiff
from .tools import Tools
from .training import Training
from .view import View

DRIVERS: tuple[type[Driver], ...] = (
    Preparation,
    Training,
    Inference,
    Recordings,
    Benchmark,
    StereoDiff,
    View,
    Live,
    Tools,
    Programs,
)
SHARES = {
    "inference": 8, "recordings": 8, "preparation": 5, "stereodiff": 3, "tools": 3, "training": 2,
    "benchmark": 1, "view": 3, "live": 4, "programs": 3,
}  # fmt: skip
"""Inputs of each area in a round: the quick ones more often."""
EVERY = 4
"""Rounds from kill to kill."""


def main() -> int:
    """Run; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--area", choices=[kind.name for kind in DRIVERS], help="only this one")
    parser.add_argument("--inputs", type=int, default=10**9, help="stop behind so many, too")
    parser.add_argument("--jobs", type=int, default=1, help="areas at once, a process each")
    parser.add_argument("--json", type=Path, help="write the counts here, too")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="faults-") as root:
        kinds = [kind for kind in DRIVERS if args.area in {None, kind.name}]
        if args.jobs > 1:
            inputs, kills = run_areas([kind.name for kind in kinds], args, Path(root))
        else:
            drivers = [kind(Path(root) / kind.name, args.seed) for kind in kinds]
            inputs, kills = run(drivers, time.monotonic() + 60 * args.minutes, args.inputs)
    if args.json:
        args.json.write_text(json.dumps([_plain(inputs), _plain(kills)]))
    lost = report(inputs, kills, args.seed)
    return int(lost > 0)


def run_areas(
    names: list[str], args: argparse.Namespace, folder: Path
) -> tuple[dict[str, Count], dict[str, Count]]:
    """Run each area in a process of its own, some at once; the counts of all."""

    def run_area(name: str) -> list[dict[str, Count]]:
        file = folder / f"{name}.json"
        words = ["--area", name, "--minutes", args.minutes, "--seed", args.seed, "--json", file]
        command = [sys.executable, "-m", __spec__.name, *words, "--inputs", args.inputs]
        done = subprocess.run([str(word) for word in command], check=False)
        if not file.exists():
            lost = Count()
            lost.add(name, [f"the campaign itself ended with {done.returncode}"])
            return [{name: lost}, {name: Count()}]
        read = json.loads(file.read_text())
        return [{area: Count(**count) for area, count in kind.items()} for kind in read]

    with ThreadPoolExecutor(args.jobs) as pool:
        found = list(pool.map(run_area, names))
    inputs, kills = ({k: v for area in found for k, v in area[i].items()} for i in (0, 1))
    return inputs, kills


def _plain(counts: dict[str, Count]) -> dict[str, dict]:
    return {name: asdict(count) for name, count in counts.items()}


def run(
    drivers: list[Driver], until: float, most: int
) -> tuple[dict[str, Count], dict[str, Count]]:
    """Go through all areas in rounds until the time is over."""
    inputs = {driver.name: Count() for driver in drivers}
    kills = {driver.name: Count() for driver in drivers}
    trials = {driver.name: driver.trials() for driver in drivers}
    rounds = 0
    while time.monotonic() < until and sum(count.tried for count in inputs.values()) < most:
        for driver in drivers:
            for _ in range(SHARES[driver.name]):
                trial = next(trials[driver.name])
                _add(inputs[driver.name], f"{driver.name}, {trial.name}", driver.try_one(trial))
            if rounds % EVERY == 0:
                name, problems = driver.kill()
                _add(kills[driver.name], f"{driver.name}, {name}", problems)
        rounds += 1
    return inputs, kills


def _add(count: Count, name: str, problems: list[str]) -> None:
    count.add(name, problems)
    if problems:
        sys.stdout.write(f"LOST {count.lost[-1]}\n")
        sys.stdout.flush()


def report(inputs: dict[str, Count], kills: dict[str, Count], seed: int) -> int:
    """Print the table; return how many were lost."""
    lines = [f"seed {seed}", f"{'area':<14}{'faults':<8}{'tried':>7}{'survived':>10}{'lost':>6}"]
    lost = 0
    for kind, counts in (("inputs", inputs), ("kills", kills)):
        for name, count in counts.items():
            lost += len(count.lost)
            figures = f"{count.tried:>7}{count.survived:>10}{len(count.lost):>6}"
            lines.append(f"{name:<14}{kind:<8}{figures}")
        tried = sum(count.tried for count in counts.values())
        survived = sum(count.survived for count in counts.values())
        lines.append(f"{'all':<14}{kind:<8}{tried:>7}{survived:>10}{tried - survived:>6}")
    sys.stdout.write("\n".join(lines) + "\n")
    return lost


if __name__ == "__main__":
    sys.exit(main())
