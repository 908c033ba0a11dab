"""The one timer, device wait, reader of peak memory and description of the machine."""

import ctypes
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torchvision

import stdnet_arch
from stdnet_arch.utils.device import processor_name

PROC = Path("/proc/self")
MB = 1e6
MIB = 2**20


class Elapsed(NamedTuple):
    """Time of a run [s]."""

    seconds: float
    """By the clock."""
    cpu_seconds: float
    """Processor time of all threads of this process."""


def wait(device: torch.device) -> None:
    """Wait until a device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def time_run(run: Callable[[], object], device: torch.device) -> Elapsed:
    """Time a run, from an idle device to an idle device.

    Example:
        >>> time_run(lambda: sum(range(9)), torch.device("cpu")).seconds >= 0
        True
    """
    wait(device)
    began, cpu_began = time.perf_counter(), time.process_time()
    run()
    wait(device)
    return Elapsed(time.perf_counter() - began, time.process_time() - cpu_began)


def peak_mb(run: Callable[[], object], device: torch.device) -> float:
    """Measure the most memory that ``run`` took on top of what was there, in 2**20 bytes.

    Returns:
        On CUDA the memory of tensors; on a CPU of a Linux machine that of the process; elsewhere
        "not a number".
    """
    if device.type == "cuda":
        wait(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        wait(device)
        return (torch.cuda.max_memory_allocated(device) - before) / MIB
    if not (PROC / "clear_refs").exists():
        return float("nan")
    ctypes.CDLL(None).malloc_trim(0)  # freed memory must not pass for memory that was never needed
    (PROC / "clear_refs").write_text("5")  # the peak starts again
    before_mb = resident_mb(peak=False)
    run()
    return max(resident_mb(peak=True) - before_mb, 0) * MB / MIB


def resident_mb(peak: bool) -> float:
    """Read the memory of this process [MB], now or at its largest."""
    if (PROC / "status").exists():
        # Not ru_maxrss: it begins with the size of the process that started this one.
        name = "VmHWM:" if peak else "VmRSS:"
        lines = (PROC / "status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 / MB for line in lines if line.startswith(name))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB


def describe_machine() -> dict[str, str | int]:
    """Processor, accelerator, threads and versions, as plain values."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "processor": processor_name(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "gpu": ", ".join(gpus) or "none",
        "cuda": torch.version.cuda or "none" if gpus else "none",
        # Not the kernel's version: it names the host, and says nothing about a result.
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
        "stdnet_arch": stdnet_arch.__version__,
    }
