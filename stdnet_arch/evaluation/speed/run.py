"""Speed and exactness of STDNet here in every form, beside the greatest rates of the device."""

import json
import math
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from stdnet_arch.archs.stdnet_arch import STDNet
from stdnet_arch.evaluation.alternating import load_now, quartiles
from stdnet_arch.evaluation.flops import count_flops
from stdnet_arch.evaluation.measuring import describe_machine, peak_mb, time_run
from stdnet_arch.evaluation.peak_rates import PeakRates, measure_peak_rates
from stdnet_arch.evaluation.speed.checks import Checks, make_net, random_clip
from stdnet_arch.evaluation.speed.forms import Form, Run, forms_of
from stdnet_arch.utils.tables import Table
from stdnet_arch.utils.whole_file import whole_file

COLUMNS = ("form", "ms/frame", "times", "from", "to", "CPU ms/frame", "peak MB", "of plain",
           "x matmul time", "error", "RMSE %", "failed")  # fmt: skip
TAIL = """
times: how many times faster than the first form, by the medians; from, to: quartiles of the rounds'
ratios. CPU ms/frame: of all threads together. peak MB:
beyond weights and clip; for graphs and compiled forms, with what they keep. x matmul time: time
over what the published arithmetic takes at the measured rate of matrix products of that precision.
error: relative to float64, on random frames. RMSE %: change against the unfolded form in
float32, on a synthetic clip with the shipped weights of STDNet-T.
"""


@dataclass(frozen=True)
class SpeedSetting:
    """Setting of a measurement."""

    size: tuple[int, int] = (256, 256)
    """H and W of the result, multiples of 4."""
    frames: int = 7
    num_feat: int = 64
    rounds: int = 5
    """Runs of each form, in turn, so that a busy machine is busy for all; the median counts."""

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        if min(self.frames, self.rounds) < 1 or any(side < 8 or side % 4 for side in self.size):
            raise ValueError(
                f"speed needs at least 1 frame and round, and sides that are multiples of 4, at "
                f"least 8; got {self}"
            )


@dataclass(frozen=True)
class Speed:
    """One form; NaN where it failed or is not known."""

    form: str
    precision: str
    ms_per_frame: float = math.nan
    cpu_ms_per_frame: float = math.nan
    peak_mb: float = math.nan
    times_matmul: float = math.nan
    error: float = math.nan
    rmse_change_percent: float = math.nan
    failed: str = ""
    times_range: tuple[float, float] = (math.nan, math.nan)
    """Quartiles of how many times faster than the first form each round was."""


def run_benchmark(
    setting: SpeedSetting,
    device: torch.device,
    output: Path | None = None,
    forms: Sequence[Form] | None = None,
) -> list[Speed]:
    """Check and measure every form, print the table, write ``output.md`` and ``output.json``.

    Args:
        setting: sizes and repeats of the measurement.
        device: device to measure on.
        output: path without suffix, or None.
        forms: default :func:`forms_of` the device; the first one is the reference.
    """
    forms = forms_of(device) if forms is None else forms
    names = {precision_of(form, device) for form in forms} | {"float32"}
    dtypes = {name: _DTYPES[name] for name in sorted(names)}
    ceilings = measure_peak_rates(device, dtypes, setting.num_feat, setting.size[0] // 4)
    speeds = measure_forms(forms, setting, device, ceilings)
    text = f"{_head(setting, device, ceilings)}\n{speed_table(speeds).markdown()}{TAIL}"
    sys.stdout.write(text)
    if output is not None:
        report = {
            "machine": describe_machine(),
            "setting": asdict(setting),
            "device": device.type,
            "ceilings": asdict(ceilings),
            "forms": [{k: None if v != v else v for k, v in _numbers(x).items()} for x in speeds],
        }
        with whole_file(output.with_name(output.name + ".json")) as part:
            part.write_text(json.dumps(report, indent=1, allow_nan=False))
        with whole_file(output.with_name(output.name + ".md")) as part:
            part.write_text(text)
    return speeds


def _numbers(speed: Speed) -> dict[str, Any]:
    """A speed as plain values, of which each stands by itself."""
    values = asdict(speed)
    values["times_low"], values["times_high"] = values.pop("times_range")
    return values


_DTYPES = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def precision_of(form: Form, device: torch.device) -> str:
    """The name of what a form multiplies in: with CUDA's defaults, float32 becomes TF32."""
    if form.dtype is not None:
        return str(form.dtype).removeprefix("torch.")
    return "tf32" if device.type == "cuda" and torch.backends.cudnn.allow_tf32 else "float32"


def measure_forms(
    forms: Sequence[Form], setting: SpeedSetting, device: torch.device, ceilings: PeakRates
) -> list[Speed]:
    """Check every form, then time those that work, round by round in turn."""
    net = make_net(setting.num_feat).to(device)
    checks = Checks(device, setting.num_feat)
    lq, guide = random_clip(setting.frames, setting.size, device)
    measured = [_Measured(form, net, lq, guide, checks) for form in tqdm(forms, "forms checked")]
    working = [each for each in measured if not each.failed]
    for _ in tqdm(range(setting.rounds), "rounds"):
        for each in working:
            each.time_once(device)
    operations = count_flops(make_net(setting.num_feat), setting.frames, setting.size)
    speeds = [
        each.speed(setting.frames, operations, ceilings.matmul_gflops, device) for each in measured
    ]
    first = measured[0].seconds
    return [
        replace(speed, times_range=each.times_range(first)) if each.seconds and first else speed
        for speed, each in zip(speeds, measured, strict=True)
    ]


class _Measured:
    """One form: checked and warmed up, then timed."""

    def __init__(self, form: Form, net: STDNet, lq: Tensor, guide: Tensor, checks: Checks) -> None:
        self.form, self.failed = form, ""
        self.seconds: list[float] = []
        self.cpu_seconds: list[float] = []
        self.peak = self.error = self.rmse_change = math.nan
        try:
            self.error = checks.error(form)
            self.rmse_change = checks.rmse_change_percent(form)
            self.run, self.peak = _start(form, net, lq, guide)
        except Exception as error:  # noqa: BLE001  whatever one form does, the others are measured
            self.failed = f"{type(error).__name__}: {error}".splitlines()[0]
            return
        if self.error > checks.tolerance(form):
            self.failed = f"error {self.error:.1e} is more than {checks.tolerance(form):.0e}"

    def time_once(self, device: torch.device) -> None:
        """One run, the device waited for."""
        elapsed = time_run(self.run, device)
        self.seconds.append(elapsed.seconds)
        self.cpu_seconds.append(elapsed.cpu_seconds)

    def times_range(self, first: Sequence[float]) -> tuple[float, float]:
        """Quartiles of how many times faster the rounds were than those of the first form."""
        return quartiles([a / b for a, b in zip(first, self.seconds, strict=True)])

    def speed(
        self, frames: int, operations: int, matmul_gflops: dict[str, float], device: torch.device
    ) -> Speed:
        """Results of a measurement."""
        precision = precision_of(self.form, device)
        if self.failed:
            return Speed(self.form.name, precision, error=self.error, failed=self.failed)
        seconds = statistics.median(self.seconds)
        ideal = operations / (1e9 * matmul_gflops[precision])
        return Speed(
            self.form.name,
            precision,
            1e3 * seconds / frames,
            1e3 * statistics.median(self.cpu_seconds) / frames,
            self.peak,
            seconds / ideal,
            self.error,
            self.rmse_change,
        )


def _start(form: Form, net: STDNet, lq: Tensor, guide: Tensor) -> tuple[Run, float]:
    """A form that has run twice, and its peak memory."""
    found: list[Run] = []

    def prepare() -> None:
        found.append(form.prepare(net, lq, guide))
        found[-1]()

    if form.graphed or form.compiled:
        # What they keep for later runs was taken in the first one.
        taken_mb = peak_mb(prepare, lq.device)
        return found[-1], taken_mb
    prepare()
    return found[-1], peak_mb(found[-1], lq.device)


def speed_table(speeds: Iterable[Speed]) -> Table:
    """Rows beside the first form."""
    speeds = list(speeds)
    first = speeds[0]
    rows = [
        (
            each.form,
            each.ms_per_frame,
            first.ms_per_frame / each.ms_per_frame,
            *each.times_range,
            each.cpu_ms_per_frame,
            each.peak_mb,
            each.peak_mb / first.peak_mb if first.peak_mb else math.nan,
            each.times_matmul,
            f"{each.error:.1e}",
            f"{each.rmse_change_percent:+.4f}",
            each.failed or "-",
        )
        for each in speeds
    ]
    return Table(COLUMNS, rows)


def _head(setting: SpeedSetting, device: torch.device, ceilings: PeakRates) -> str:
    """Setting and machine of the table."""
    machine = ", ".join(f"{name} {value}" for name, value in describe_machine().items())
    matmul = ", ".join(f"{n} {rate:.0f}" for n, rate in ceilings.matmul_gflops.items())
    conv = ", ".join(f"{n} {rate:.0f}" for n, rate in ceilings.conv_gflops.items())
    height, width = setting.size
    return (
        f"STDNet, {setting.num_feat} channels, {setting.frames} frames of {height}x{width} on "
        f"{device.type}, median of {setting.rounds} runs in turn, {load_now()}.\n\n"
        f"Measured on: {machine}.\n\n"
        f"GFLOP/s of matrix products: {matmul}; of 3x3 convolutions: {conv}; "
        f"copies: {ceilings.copy_gb_per_s:.1f} GB/s.\n"
    )
