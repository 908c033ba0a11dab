"""Growth of time and memory with length of a clip, resolution, scale, batch, threads, GPUs."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stdnet_arch.evaluation.measuring import describe_machine
from stdnet_arch.evaluation.run_cost import CostRun, RunCost, measure_run
from stdnet_arch.utils.tables import Cell, Table
from stdnet_arch.utils.whole_file import whole_file

COLUMNS = ("axis", "value", "s", "CPU s", "peak MB", "failed")
FITS = ("axis", "from", "to", "time grows as", "memory grows as")
MIN_FIT = 2
"""Points that a line needs."""


@dataclass(frozen=True)
class Axis:
    """One thing that grows, all else as in the run that :func:`plan_axes` is given."""

    name: str
    unit: str
    values: tuple[int, ...]
    change: Callable[[CostRun, int], list[CostRun]]
    """Runs of a point, all at once."""
    on_clock: bool = False
    """Its time is that on the clock; else that of the CPU, which other work does not disturb."""


@dataclass(frozen=True)
class Point:
    """One measurement."""

    axis: str
    value: int
    cost: RunCost
    failed: str = ""


@dataclass(frozen=True)
class Growth:
    """Exponents of ``time ~ value ** p`` over an axis, by least squares of logarithms."""

    axis: str
    values: tuple[int, int]
    time: float
    memory: float


def plan_axes(base: CostRun, gpus: int = 0) -> list[Axis]:
    """The axes of the table, from small to large.

    Args:
        base: the run that is varied; its ``size`` is the middle one.
        gpus: number of GPUs; each runs a clip of its own, so that flat is perfect.
    """
    side = base.size[0]
    threads = tuple(n for n in (1, 2, 4, 8, 16, 32) if n <= max(torch.get_num_threads(), 1))
    on_gpu = base.device != "cpu"
    axes = [
        Axis("clip length, whole", "frames", (4, 8, 16, 32), _with_frames("clip"), on_gpu),
        Axis("clip length, stream", "frames", (8, 16, 32, 64), _with_frames("stream"), on_gpu),
        Axis("resolution", "side [px]", (side // 2, side, 2 * side), _with_side, on_gpu),
        Axis("scale", "x", (4, 8, 16), _with_scale, on_gpu),
        Axis("batch", "clips", (1, 2, 4), lambda run, n: [replace(run, batch=n)], on_gpu),
    ]
    if not on_gpu and len(threads) >= MIN_FIT:
        axes.append(
            Axis("CPU threads", "threads", threads, lambda run, n: [replace(run, threads=n)], True)
        )
    if on_gpu and gpus >= MIN_FIT:
        axes.append(Axis("GPUs", "devices", tuple(range(1, gpus + 1)), _on_each, True))
    return axes


def _with_frames(way: str) -> Callable[[CostRun, int], list[CostRun]]:
    return lambda run, frames: [replace(run, way=way, frames=frames)]


def _with_side(run: CostRun, side: int) -> list[CostRun]:
    return [replace(run, size=(side, side))]


def _with_scale(run: CostRun, scale: int) -> list[CostRun]:
    return [replace(run, network={**run.network, "scale": scale})]


def _on_each(run: CostRun, count: int) -> list[CostRun]:
    return [replace(run, device=f"cuda:{i}") for i in range(count)]


def measure_together(runs: Sequence[CostRun]) -> RunCost:
    """Start runs at once, each in a process of its own; the slowest and the largest count.

    Raises:
        RuntimeError: one of them failed.
    """
    with ThreadPoolExecutor(len(runs)) as pool:
        costs = list(pool.map(measure_run, runs))
    seconds, peaks = [c.seconds for c in costs], [c.peak_mb for c in costs]
    return RunCost(max(seconds), sum(c.cpu_seconds for c in costs), max(peaks))


def measure_axes(
    base: CostRun,
    axes: Iterable[Axis],
    measure: Callable[[Sequence[CostRun]], RunCost] = measure_together,
) -> Iterator[Point]:
    """Measure every value of every axis; one that fails is reported and does not stop others.

    Args:
        base: the run that is varied.
        axes: see :func:`plan_axes`.
        measure: the cost of runs at once.
    """
    for axis in axes:
        for value in axis.values:
            try:
                yield Point(axis.name, value, measure(axis.change(base, value)))
            except (RuntimeError, ValueError) as error:
                words = str(error).splitlines()[0]
                yield Point(axis.name, value, RunCost(math.nan, math.nan, math.nan), words)


def seconds_of(axis: Axis, point: Point) -> float:
    """The time that counts on this axis."""
    return point.cost.seconds if axis.on_clock else point.cost.cpu_seconds


def fit_exponent(values: Sequence[float], measured: Sequence[float]) -> float:
    """``p`` of ``measured ~ values ** p``; NaN unless two points are positive numbers.

    Args:
        values: places of the points.
        measured: values measured there; NaN where nothing was.
    """
    pairs = [(v, m) for v, m in zip(values, measured, strict=True) if v > 0 and m > 0]
    if len({v for v, _ in pairs}) < MIN_FIT:
        return math.nan
    x, y = np.log(np.asarray(pairs, dtype=np.float64)).T
    return float(np.polyfit(x, y, 1)[0])


def fit_axes(axes: Iterable[Axis], points: Sequence[Point]) -> list[Growth]:
    """The exponents of each axis, over all its values."""
    growths = []
    for axis in axes:
        mine = [point for point in points if point.axis == axis.name]
        values = [point.value for point in mine]
        time = fit_exponent(values, [seconds_of(axis, point) for point in mine])
        memory = fit_exponent(values, [point.cost.peak_mb for point in mine])
        growths.append(Growth(axis.name, (min(axis.values), max(axis.values)), time, memory))
    return growths


def point_table(points: Iterable[Point]) -> Table:
    """Rows in order."""
    rows: list[list[Cell]] = [
        [p.axis, p.value, p.cost.seconds, p.cost.cpu_seconds, p.cost.peak_mb, p.failed]
        for p in points
    ]
    return Table(COLUMNS, rows)


def growth_table(growths: Iterable[Growth]) -> Table:
    """Rows in order; an exponent of 1 is proportional, one of 0 flat."""
    return Table(FITS, [[g.axis, *g.values, g.time, g.memory] for g in growths])


def panels_of(
    axes: Iterable[Axis], points: Sequence[Point]
) -> dict[str, dict[str, list[tuple[float, float, float]]]]:
    """Arrange points for a figure: unit to axis to (value, seconds, MB), without failed ones."""
    panels: dict[str, dict[str, list[tuple[float, float, float]]]] = {}
    for axis in axes:
        panels.setdefault(axis.unit, {})[axis.name] = [
            (float(p.value), seconds_of(axis, p), p.cost.peak_mb)
            for p in points
            if p.axis == axis.name and not p.failed
        ]
    return panels


def write_scaling(
    path: Path, base: CostRun, points: Sequence[Point], growths: Sequence[Growth]
) -> Mapping[str, Any]:
    """Write ``path.json`` and ``path.md``, each whole.

    Args:
        path: without suffix.
        base: the run that was varied.
        points: measured points; NaN becomes ``null``.
        growths: fitted exponents.

    Returns:
        What stands in the JSON.
    """
    said = {
        "machine": describe_machine(),
        "base": asdict(base),
        "points": [_without_nan(asdict(point)) for point in points],
        "growth": [_without_nan(asdict(growth)) for growth in growths],
    }
    with whole_file(path.with_name(path.name + ".json")) as part:
        part.write_text(json.dumps(said, indent=1, allow_nan=False))
    with whole_file(path.with_name(path.name + ".md")) as part:
        part.write_text(f"{growth_table(growths).markdown()}\n{point_table(points).markdown()}")
    return said


def _without_nan(item: Any) -> Any:  # noqa: ANN401  nested plain values
    if isinstance(item, dict):
        return {name: _without_nan(value) for name, value in item.items()}
    return None if isinstance(item, float) and math.isnan(item) else item
