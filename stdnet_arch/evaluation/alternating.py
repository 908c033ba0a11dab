"""Ratios of speeds: forms in turn, round by round, on cores of their own, the load written down."""

import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from stdnet_arch.evaluation.measuring import Elapsed, time_run
from stdnet_arch.utils.tables import Table

STAT = Path("/proc/stat")
COLUMNS = ("case", "form", "ms/frame", "CPU ms/frame", "frames/s", "times", "CPU times",
           "from", "to", "difference")  # fmt: skip


class Alternatives(NamedTuple):
    """Ways to compute the same."""

    name: str
    frames: int
    """Frames of a run."""
    forms: Mapping[str, Callable[[], object]]
    """By name; the first is what the others are compared with."""
    difference: Mapping[str, float]
    """Largest difference of a form's result from the first form's."""


class Ratio(NamedTuple):
    """One form of a case beside the first; medians over the rounds."""

    case: str
    form: str
    ms_per_frame: float
    cpu_ms_per_frame: float
    """Processor time of all threads together."""
    times: float
    """Speed in that of the first form, by the clock."""
    cpu_times: float
    """The same by processor time, which other programs hardly disturb."""
    low: float
    """Lower quartile of ``cpu_times`` over the rounds."""
    high: float
    """Upper quartile."""
    difference: float


def measure_case(case: Alternatives, rounds: int) -> list[Ratio]:
    """Run the forms in turn, after a first round that does not count.

    Args:
        case: case to run.
        rounds: that count, at least 1.
    """
    cpu = torch.device("cpu")
    elapsed: dict[str, list[Elapsed]] = {name: [] for name in case.forms}
    for i in range(rounds + 1):
        # Forwards, then backwards: no form always follows the same one.
        for name in list(case.forms)[:: 1 if i % 2 else -1]:
            elapsed[name].append(time_run(case.forms[name], cpu))
    counted = {name: times[1:] for name, times in elapsed.items()}
    first = next(iter(counted.values()))
    return [_ratio(case, name, times, first) for name, times in counted.items()]


def _ratio(
    case: Alternatives, form: str, times: Sequence[Elapsed], first: Sequence[Elapsed]
) -> Ratio:
    clock = [a.seconds / max(b.seconds, 1e-9) for a, b in zip(first, times, strict=True)]
    cpu = [a.cpu_seconds / max(b.cpu_seconds, 1e-9) for a, b in zip(first, times, strict=True)]
    low, high = quartiles(cpu)
    return Ratio(
        case.name,
        form,
        1e3 * statistics.median(t.seconds for t in times) / case.frames,
        1e3 * statistics.median(t.cpu_seconds for t in times) / case.frames,
        statistics.median(clock),
        statistics.median(cpu),
        low,
        high,
        case.difference.get(form, math.nan),
    )


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third, between neighbouring values.

    Example:
        >>> quartiles([1, 2, 3, 4, 5])
        (2.0, 4.0)
    """
    if len(values) == 1:
        return float(values[0]), float(values[0])
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def measure_cases(cases: Sequence[Callable[[], Alternatives]], rounds: int) -> list[Ratio]:
    """Make and measure one case after the other, so that only one is in memory.

    A case that needs a library that is not here, and says so by ImportError, is left out.
    """
    ratios = []
    for make in tqdm(cases, "cases"):
        ratios += measure_case(make(), rounds)
    return ratios


def ratio_table(ratios: Sequence[Ratio]) -> Table:
    """A row for each form."""
    return Table(
        COLUMNS,
        [
            (x.case, x.form, x.ms_per_frame, x.cpu_ms_per_frame, 1e3 / x.ms_per_frame, x.times,
             x.cpu_times, x.low, x.high, f"{x.difference:.1e}")
            for x in ratios
        ],
    )  # fmt: skip


@contextmanager
def pinned(threads: int) -> Iterator[list[int]]:
    """Keep this process on the cores that were idle most, one for each of PyTorch's threads.

    Args:
        threads: number of threads of PyTorch, at least 1.

    Yields:
        The cores; empty where the system cannot pin.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    if not hasattr(os, "sched_setaffinity"):
        yield []
        torch.set_num_threads(before)
        return
    allowed = os.sched_getaffinity(0)
    idle = idle_shares()
    cores = sorted(sorted(allowed, key=lambda core: -idle.get(core, 0))[:threads])
    os.sched_setaffinity(0, cores)
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, allowed)
        torch.set_num_threads(before)


def idle_shares(seconds: float = 0.3) -> dict[int, float]:
    """Measure the idle share of each core over a moment; empty where the system does not say."""
    if not STAT.exists():
        return {}
    before = _ticks()
    time.sleep(seconds)
    after = _ticks()
    return {
        core: (after[core][0] - idle) / max(after[core][1] - total, 1)
        for core, (idle, total) in before.items()
        if core in after
    }


def _ticks() -> dict[int, tuple[int, int]]:
    """Idle and all ticks of each core since the system began."""
    found = {}
    for line in STAT.read_text().splitlines():
        name, *numbers = line.split()
        if name.startswith("cpu") and name != "cpu":
            ticks = [int(x) for x in numbers]
            found[int(name.removeprefix("cpu"))] = ticks[3] + ticks[4], sum(ticks[:8])
    return found


def load_now() -> str:
    """Runnable processes of the last minute beside the cores, in words."""
    if not hasattr(os, "getloadavg"):
        return "load unknown"
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
