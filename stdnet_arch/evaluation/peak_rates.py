"""Greatest rates of a device, which a network's time is compared with."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from stdnet_arch.evaluation.cost import time_runs

SIDES = {"cpu": 1024, "cuda": 8192}
"""Side of the square matrices that are multiplied."""
COPIED_VALUES = {"cpu": 1 << 24, "cuda": 1 << 28}
"""float32 values; beyond every cache."""
REPEATS = 5


@dataclass(frozen=True)
class PeakRates:
    """Measured rates of one device."""

    matmul_gflops: dict[str, float]
    """Square matrix products by precision, 1e9 operations per second, a multiply-add counts two."""
    conv_gflops: dict[str, float]
    """3x3 convolutions of the network's widest features, likewise."""
    copy_gb_per_s: float
    """Bytes read and written when memory is copied, 1e9 per second."""


def measure_peak_rates(
    device: torch.device, dtypes: dict[str, torch.dtype], num_feat: int, side: int
) -> PeakRates:
    """Measure, median of several.

    Args:
        device: device to measure.
        dtypes: precisions by name; ``tf32`` is float32 with TF32 allowed.
        num_feat: channels of the network; its widest convolutions have three times as many.
        side: side of its feature maps.
    """
    matmul, conv = {}, {}
    for name, dtype in dtypes.items():
        with _TF32(name == "tf32"):
            matmul[name] = _matmul_gflops(device, dtype)
            conv[name] = _conv_gflops(device, dtype, 3 * num_feat, side)
    source = torch.zeros(COPIED_VALUES[device.type], device=device)
    target = torch.empty_like(source)
    seconds = _seconds(lambda: target.copy_(source), device)
    return PeakRates(matmul, conv, 2 * source.numel() * source.element_size() / seconds / 1e9)


class _TF32:
    """Allow or forbid TF32 for a while."""

    def __init__(self, allowed: bool) -> None:
        self.allowed = allowed

    def __enter__(self) -> None:
        self.before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        self._set(self.allowed, self.allowed)

    def __exit__(self, *error: object) -> None:
        self._set(*self.before)

    def _set(self, matmul: bool, conv: bool) -> None:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = matmul, conv


def _matmul_gflops(device: torch.device, dtype: torch.dtype) -> float:
    side = SIDES[device.type]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / _seconds(lambda: a @ b, device) / 1e9


@torch.no_grad()
def _conv_gflops(device: torch.device, dtype: torch.dtype, channels: int, side: int) -> float:
    batch = 1 if device.type == "cpu" else 8
    x = torch.randn(batch, channels, side, side, device=device).to(dtype)
    weight = torch.randn(channels, channels, 3, 3, device=device).to(dtype)
    if device.type == "cuda" and dtype != torch.float32:
        x, weight = (each.to(memory_format=torch.channels_last) for each in (x, weight))
    operations = 2 * 9 * x.numel() * channels
    return operations / _seconds(lambda: F.conv2d(x, weight, padding=1), device) / 1e9


def _seconds(run: Callable[[], object], device: torch.device) -> float:
    return statistics.median(time_runs(run, device, 2, REPEATS))
