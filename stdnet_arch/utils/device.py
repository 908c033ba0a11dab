"""Naming the device to compute on, and the processor that something was measured on."""

import platform
from pathlib import Path

import torch

CPU_INFO = Path("/proc/cpuinfo")


def choose_device(name: str) -> torch.device:
    """The device of a name; ``auto`` is CUDA if there is any.

    Raises:
        ValueError: not a device, or not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device must be auto, cpu, cuda or cuda:N; got {name!r}") from error
    if device.type not in {"cpu", "cuda"}:
        raise ValueError(f"device must be auto, cpu, cuda or cuda:N; got {name!r}")
    if device.type == "cpu" and device.index:
        raise ValueError(f"there is one device cpu; got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {name} was asked for, {torch.cuda.device_count()} CUDA devices are there; "
            "use device cpu"
        )
    return device


def processor_name() -> str:
    """Return the model, where the system says it."""
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
