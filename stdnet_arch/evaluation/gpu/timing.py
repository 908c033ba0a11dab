"""Times and memory of what runs on a card, or on a CPU for a trial."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

Precision = str
DTYPES: dict[Precision, torch.dtype | None] = {
    "fp32": None,
    "tf32": None,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
"""Type that autocast computes in; None: as the weights are."""
SLOW_S = 1.0
"""A form that takes so long [s] is warm after one run, and known after two."""


@contextmanager
def precision_of_float32(allow_tf32: bool, benchmark: bool = False) -> Iterator[None]:
    """Allow or forbid TF32, and the search for the fastest algorithms of cuDNN, for a while."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32 = matmul.allow_tf32 = allow_tf32
    cudnn.benchmark = benchmark
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark = before


def median_seconds(
    run: Callable[[], object], device: torch.device, most_runs: int = 10, most_seconds: float = 2.0
) -> float:
    """The median of several runs after one or two others; each one is waited for.

    Args:
        run: function to time.
        device: device to run on; CUDA is timed by its own events.
        most_runs: at most so many, at least three, or two of a slow one.
        most_seconds: no further run is begun after so long.
    """
    seconds_once(run, device)
    slow = seconds_once(run, device) > SLOW_S
    least = min(2 if slow else 3, most_runs)
    times: list[float] = []
    began = time.monotonic()
    while len(times) < least or (
        len(times) < most_runs and time.monotonic() - began < most_seconds
    ):
        times.append(seconds_once(run, device))
    return statistics.median(times)


def seconds_once(run: Callable[[], object], device: torch.device) -> float:
    """One run, from an idle device to an idle device."""
    if device.type != "cuda":
        began = time.perf_counter()
        run()
        return time.perf_counter() - began
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize(device)
    begin.record()
    run()
    end.record()
    torch.cuda.synchronize(device)
    return begin.elapsed_time(end) / 1e3


def reset_peak(device: torch.device) -> float:
    """Begin to watch memory; what is in use now [MB], or 0 on a CPU."""
    if device.type != "cuda":
        return 0.0
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device) / 1e6


def peak_mb(device: torch.device) -> float:
    """The most memory [MB] in use since :func:`reset_peak`; NaN on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else float("nan")
