"""Cost of competitors: parameters, arithmetic, time, memory, and the machine."""

import json
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stdnet_arch.archs.checkpoints.loading import build_arch
from stdnet_arch.evaluation.benchmark.competitor import Competitor, build_competitor, read_clip
from stdnet_arch.evaluation.flops import flops_per_frame
from stdnet_arch.evaluation.measuring import MB, describe_machine, time_run
from stdnet_arch.evaluation.peak_memory import peak_rss_mb
from stdnet_arch.evaluation.progress import follow
from stdnet_arch.evaluation.random_clips import make_clip
from stdnet_arch.utils.tables import Table
from stdnet_arch.utils.whole_file import whole_file

SIZES = ("256x256", "480x640", "528x960")
"""H x W: a training crop, TarTanAir's and DynamicReplica's frames, DyDToF's frames."""
COLUMNS = ("method", "scale", "size", "device", "dtype", "M params", "GFLOP/frame", "as run",
           "ms/frame", "peak MB", "failed")  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """Settings of a measurement of cost."""

    size: tuple[int, int]
    """H and W of the result."""
    frames: int = 5
    """Frames of the clip; a short one flatters networks with fewer neighbours at its ends."""
    warmup: int = 1
    """Runs before the first that counts."""
    repeats: int = 5
    """Runs that count; their median is taken."""
    threads: int | None = None
    """Threads of PyTorch on a CPU, said with the device; None: as it is."""

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        threads = 1 if self.threads is None else self.threads
        if min(self.frames, self.repeats, threads, *self.size) < 1 or self.warmup < 0:
            raise ValueError(
                f"cost needs sides, frames, threads and repeats of at least 1, no warmup below 0; "
                f"got {self}"
            )


@dataclass(frozen=True)
class Cost:
    """Cost of one competitor; NaN where it is not known."""

    method: str
    scale: int
    size: tuple[int, int]
    device: str
    dtype: str
    parameters: int = 0
    gflop_per_frame: float = math.nan
    """As published; a multiply-add counts two; see :mod:`stdnet_arch.evaluation.flops`."""
    gflop_as_run: float = math.nan
    """The same of the form that is run: STDNet folded."""
    ms_per_frame: float = math.nan
    peak_mb: float = math.nan
    """Weights and one clip: allocated on CUDA, resident on a CPU (in a process of its own)."""
    failed: str = ""
    """Error of the measurement, if any."""

    def row(self) -> list[str | int | float]:
        """Cells under :data:`COLUMNS`."""
        return [
            self.method, self.scale, _size_text(self.size), self.device, self.dtype,
            self.parameters / 1e6, self.gflop_per_frame, self.gflop_as_run, self.ms_per_frame,
            self.peak_mb, self.failed,
        ]  # fmt: skip


def _size_text(size: tuple[int, int]) -> str:
    height, width = size
    return f"{height}x{width}"


def read_size(text: str) -> tuple[int, int]:
    """``480x640`` as H and W.

    Raises:
        ValueError: it is no such text.
    """
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() for side in sides):
        raise ValueError(f"a size must be HEIGHTxWIDTH, such as 480x640; got {text!r}")
    return int(sides[0]), int(sides[1])


def measure_all(
    competitors: Mapping[str, Mapping[str, Any]], settings: Iterable[Setting], known: int = 0
) -> Iterator[Cost]:
    """Measure each competitor in each setting, and say how far it is.

    One that fails is reported and does not stop others.

    Args:
        competitors: name to what :func:`build_competitor` takes, of which ``scale`` is required.
        settings: settings of the measurements.
        known: number of the first measurements that were made before and are left out.
    """
    tasks = [(setting, name) for setting in settings for name in competitors]
    for setting, name in follow(tasks[known:], "cost", _name_of_task):
        yield measure_or_report(name, competitors[name], setting)


def _name_of_task(task: tuple[Setting, str]) -> str:
    setting, name = task
    threads = "" if setting.threads is None else f", threads {setting.threads}"
    return f"{name}, {_size_text(setting.size)}{threads}"


def measure_or_report(name: str, options: Mapping[str, Any], setting: Setting) -> Cost:
    """:func:`measure`, or a row that says what went wrong."""
    try:
        return measure(name, options, setting)
    except Exception as error:  # noqa: BLE001  whatever one network does, the others are measured
        device, dtype = str(options.get("device", "cpu")), str(options.get("dtype", "float32"))
        words = f"{type(error).__name__}: {error}".splitlines()[0]
        scale = int(options.get("scale") or 0)
        return Cost(name, scale, setting.size, device, dtype, failed=words)


def measure(name: str, options: Mapping[str, Any], setting: Setting) -> Cost:
    """Measure one competitor.

    Args:
        name: its name in the table.
        options: arguments of :func:`build_competitor`.
        setting: settings of the measurement.

    Raises:
        Exception: whatever the competitor raises.
    """
    competitor = build_competitor(options)
    competitor.load()
    device = getattr(competitor, "device", torch.device("cpu"))
    net = getattr(competitor, "net", None)
    run = _prepare(competitor, device, setting)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with on_threads(setting.threads):
        seconds = time_runs(run, device, setting.warmup, setting.repeats)
    if device.type == "cuda":
        peak_mb = torch.cuda.max_memory_allocated(device) / MB
    else:
        peak_mb = peak_rss_mb(options, setting.frames, setting.size)
    return Cost(
        method=name,
        scale=competitor.scale,
        size=setting.size,
        device=str(device) + (f", threads: {setting.threads}" if setting.threads else ""),
        dtype=getattr(competitor, "dtype", "float32"),
        parameters=0 if net is None else count_parameters(net),
        gflop_per_frame=_gflop_per_frame(competitor, setting.size, published=True),
        gflop_as_run=_gflop_per_frame(competitor, setting.size, published=False),
        ms_per_frame=1e3 * statistics.median(seconds) / setting.frames,
        peak_mb=peak_mb,
    )


def _gflop_per_frame(competitor: Competitor, size: tuple[int, int], published: bool) -> float:
    network = getattr(competitor, "network", None)
    if network is None:
        return math.nan
    return _count(json.dumps(network, sort_keys=True, default=str), size, published) / 1e9


@cache
def _count(network: str, size: tuple[int, int], published: bool) -> float:
    """Once for all precisions and devices; ``network`` is JSON."""
    return flops_per_frame(build_arch(json.loads(network)), size, published)


def _prepare(
    competitor: Competitor, device: torch.device, setting: Setting
) -> Callable[[], object]:
    """One run on a clip that is where it is needed already."""
    clip = make_clip(setting.frames, setting.size, competitor.scale)
    predict = getattr(competitor, "predict", None)
    if predict is None:
        return lambda: competitor.infer(*clip)
    depth, rgb = (x.to(device) for x in read_clip(*clip, competitor.scale))
    return lambda: predict(depth, rgb)


def time_runs(
    run: Callable[[], object], device: torch.device, warmup: int, repeats: int
) -> list[float]:
    """Seconds of each of ``repeats`` runs after ``warmup`` others; the device is waited for."""
    seconds = [time_run(run, device).seconds for _ in range(warmup + repeats)]
    return seconds[warmup:]


@contextmanager
def on_threads(count: int | None) -> Iterator[None]:
    """Let PyTorch compute with so many threads inside; None: as it does."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def count_parameters(net: nn.Module) -> int:
    """Count the parameters of all layers; shared ones count once."""
    return sum(parameter.numel() for parameter in net.parameters())


def cost_table(costs: Sequence[Cost]) -> Table:
    """Rows in order."""
    return Table(COLUMNS, [cost.row() for cost in costs])


def write_costs(path: Path, costs: Sequence[Cost]) -> None:
    """Write ``path.json`` (full precision, the machine with it) and ``path.md``, each whole.

    Args:
        path: without suffix.
        costs: measured costs; NaN becomes ``null``.
    """
    machine = describe_machine()
    rows = [{k: None if v != v else v for k, v in asdict(cost).items()} for cost in costs]
    with whole_file(path.with_name(path.name + ".json")) as part:
        part.write_text(json.dumps({"machine": machine, "costs": rows}, indent=1, allow_nan=False))
    said = ", ".join(f"{name} {value}" for name, value in machine.items())
    with whole_file(path.with_name(path.name + ".md")) as part:
        part.write_text(f"{cost_table(costs).markdown()}\nMeasured on: {said}.\n")
