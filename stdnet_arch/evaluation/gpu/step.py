"""One step of the check, in a process of its own.

``python -m stdnet_arch.evaluation.gpu.step NAME --records FILE --device cuda --seconds 60``
"""

import argparse
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

import stdnet_arch  # noqa: F401  before basicsr: makes it importable

# isort: split
from stdnet_arch.evaluation.gpu.kernels import measure_kernels
from stdnet_arch.evaluation.gpu.peak_rates import measure_operators, measure_peak_rates
from stdnet_arch.evaluation.gpu.records import ResultRecorder
from stdnet_arch.evaluation.gpu.speed import JOBS, measure_speeds
from stdnet_arch.evaluation.gpu.training import measure_training
from stdnet_arch.evaluation.measuring import describe_machine
from stdnet_arch.utils.device import choose_device

Measure = Callable[[ResultRecorder, torch.device, bool], None]


def describe(recorder: ResultRecorder, device: torch.device, tiny: bool) -> None:
    """Write what all the rest belongs to."""
    about = {**describe_machine(), "tiny": tiny, "release": platform.release()}
    about["compiler"] = shutil.which("gcc") or shutil.which("cc") or "none"
    about["cudnn"] = str(torch.backends.cudnn.version())
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        about["memory_gb"] = round(card.total_memory / 1e9)
        about["multiprocessors"] = card.multi_processor_count
        about["driver"] = _driver()
    recorder.write(what="machine", **about)


def _driver() -> str:
    """Ask the driver's own program, where there is one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return "unknown"
    command = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.strip() or "unknown"


def speeds_of(name: str, recorder: ResultRecorder, device: torch.device, tiny: bool) -> None:
    """Measure one list of jobs."""
    measure_speeds(JOBS[name](), recorder, device, tiny)


STEPS: dict[str, Sequence[Measure]] = {
    "main": (describe, measure_kernels, partial(speeds_of, "main")),
    "training": (measure_training,),
    "operators": (measure_operators,),
    "others": (partial(speeds_of, "others"),),
    "compiled": (partial(speeds_of, "compiled"),),
    "ceilings": (measure_peak_rates,),
}
"""Measurements of each step, in order."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=list(STEPS))
    parser.add_argument("--records", type=Path, help="the file to append results to")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing later")
    parser.add_argument("--tiny", action="store_true", help="a trial")
    args = parser.parse_args(arguments)
    device = choose_device(args.device)
    recorder = ResultRecorder(args.records, args.seconds)
    for measure in STEPS[args.step]:
        measure(recorder, device, args.tiny)


if __name__ == "__main__":
    main(sys.argv[1:])
