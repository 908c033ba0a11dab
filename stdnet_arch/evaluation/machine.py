"""What a measurement was made on."""

import os
import platform
from pathlib import Path

import numpy as np
import torch
import torchvision

import stdnet_arch

CPU_INFO = Path("/proc/cpuinfo")


def describe_machine() -> dict[str, str | int]:
    """Processor, accelerator, threads and versions, as plain values."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "gpu": ", ".join(gpus) or "none",
        "cuda": torch.version.cuda or "none" if gpus else "none",
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
        "stdnet_arch": stdnet_arch.__version__,
    }


def _processor() -> str:
    """The model, where the system says it."""
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
