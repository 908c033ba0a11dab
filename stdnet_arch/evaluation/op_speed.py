"""Time of operators, in every form they exist in, beside the plain one.

A case is one computation in several forms that give the same numbers. To add one, add a
:class:`OpCase` to ``CASES``; its first form is what the others are compared with.
"""

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from stdnet_arch.archs.stdan.deformable_aggregation import DeformableAggregation
from stdnet_arch.evaluation.measuring import describe_machine, peak_mb, time_run
from stdnet_arch.evaluation.published_forms import published_aggregation
from stdnet_arch.ops.deform.choice import BACKENDS, Backend
from stdnet_arch.ops.deform_sample import (
    deform_backend,
    deform_sample_maps,
    modulated_deform_conv,
)
from stdnet_arch.utils.tables import Table
from stdnet_arch.utils.whole_file import whole_file


@dataclass(frozen=True)
class OpCase:
    """One computation in several forms.

    ``inputs(b)`` makes the tensors for ``b`` samples, on the CPU in float32; each form takes them
    in order and returns a tensor. A form that cannot run on a device raises ValueError or
    ImportError, and its row is left out with the reason.
    """

    name: str
    inputs: Callable[[int], Sequence[Tensor]]
    forms: dict[str, Callable[..., Tensor]]


@dataclass(frozen=True)
class Timing:
    """One form of one case. Times are the best of the rounds; peaks are above what the inputs
    take.
    """

    case: str
    form: str
    threads: int
    forward_ms: float
    training_ms: float
    forward_mb: float
    training_mb: float


def _conv_inputs(channels: int, maps: int, groups: int, b: int, side: int = 64) -> list[Tensor]:
    return [
        torch.randn(b, maps * channels, side, side),
        2 * torch.randn(b, 18 * groups, side, side),
        torch.rand(b, 9 * groups, side, side),
        torch.randn(64, channels, 3, 3) / 24,
    ]


def _sample_inputs(channels: int, maps: int, groups: int, b: int, side: int = 64) -> list[Tensor]:
    x, offset, mask, _ = _conv_inputs(channels, maps, groups, b, side)
    return [*x.chunk(maps, dim=1), offset, mask]


def _conv(
    x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, *, groups: int, backend: Backend
) -> Tensor:
    with deform_backend(backend):
        return modulated_deform_conv(x, offset, mask, weight, groups=groups)


def _sample(*tensors: Tensor, groups: int, backend: Backend) -> Tensor:
    *maps, offset, mask = tensors
    return torch.cat(deform_sample_maps(maps, offset, mask, groups=groups, backend=backend), dim=1)


def _by_backend(form: Callable[..., Tensor], groups: int) -> dict[str, Callable[..., Tensor]]:
    """The form on each backend, torchvision's first."""
    names = sorted(BACKENDS, key=lambda name: name != "torchvision")
    return {name: partial(form, groups=groups, backend=name) for name in names}


@functools.cache
def _aggregation(device: torch.device, dtype: torch.dtype) -> DeformableAggregation:
    """STDAN's, with offsets of a pixel or two: its zeros at the start would look nowhere."""
    torch.manual_seed(0)
    made = DeformableAggregation(64, 72)
    torch.nn.init.normal_(made.conv_offset.weight, std=0.05)
    torch.nn.init.normal_(made.conv_offset.get_parameter("bias"))
    return made.to(device, dtype)


def _literal_aggregation(feat: Tensor, *, backend: Backend | None = None) -> Tensor:
    with deform_backend(backend) if backend else contextlib.nullcontext():
        return published_aggregation(_aggregation(feat.device, feat.dtype), feat)


def _our_aggregation(feat: Tensor) -> Tensor:
    return _aggregation(feat.device, feat.dtype)(feat)


CASES = [
    OpCase(
        "STDNet: 3x3 convolution of 64+64 channels, 1 group, 64x64",
        lambda b: _conv_inputs(64, 2, 1, b),
        _by_backend(_conv, groups=1),
    ),
    OpCase(
        "STDAN, interpolation: 3x3 convolution of 64 channels, 8 groups, 64x64",
        lambda b: _conv_inputs(64, 1, 8, b),
        _by_backend(_conv, groups=8),
    ),
    OpCase(
        "STDAN, attention: 9 taps of keys and values, 72+72 channels, 8 groups, 64x64",
        lambda b: _sample_inputs(72, 2, 8, b),
        _by_backend(_sample, groups=8),
    ),
    OpCase(
        "STDAN, aggregation: 7 frames of 64 channels, 64x64",
        lambda b: [torch.randn(b, 7, 64, 64, 64)],
        {
            "literal, torchvision": partial(_literal_aggregation, backend="torchvision"),
            "literal": _literal_aggregation,
            "efficient": _our_aggregation,
        },
    ),
]


def measure(
    case: OpCase, *, device: torch.device, dtype: torch.dtype, batch: int, threads: int, rounds: int
) -> tuple[list[Timing], dict[str, str]]:
    """Time all forms of a case, round by round in turn, so that a busy machine is busy for all.

    Args:
        case: operator and sizes to time.
        device: device to measure on.
        dtype: dtype of all tensors.
        batch: samples.
        threads: number of threads of PyTorch on the CPU.
        rounds: number of runs; the best counts. One more warms up.

    Returns:
        A timing per form that can run here, and the reasons of those that cannot.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    leaves = [each.to(device, dtype).requires_grad_() for each in case.inputs(batch)]
    runs: dict[str, _Run] = {}
    refused: dict[str, str] = {}
    try:
        for name, form in case.forms.items():
            try:
                runs[name] = _Run(form, leaves)
            except (ValueError, ImportError) as error:
                refused[name] = str(error)
        for _ in range(rounds):
            for run in runs.values():
                run.once()
    finally:
        torch.set_num_threads(before)
    return [run.timing(case.name, name, threads) for name, run in runs.items()], refused


class _Run:
    """One form on its inputs: what it took so far."""

    def __init__(self, form: Callable[..., Tensor], leaves: list[Tensor]) -> None:
        self.form, self.leaves = form, leaves
        self.upstream = torch.randn_like(self._forward())  # warms up, too
        self.forward_mb = peak_mb(self._forward, leaves[0].device)
        self.training_mb = peak_mb(self._training, leaves[0].device)
        self.forward_s = self.training_s = float("inf")

    def _forward(self) -> Tensor:
        with torch.no_grad():
            return self.form(*self.leaves)

    def _training(self) -> tuple[Tensor, ...]:
        return torch.autograd.grad(self.form(*self.leaves), self.leaves, self.upstream)

    def once(self) -> None:
        """Time only forward, and forward with backward."""
        device = self.leaves[0].device
        self.forward_s = min(self.forward_s, time_run(self._forward, device).seconds)
        self.training_s = min(self.training_s, time_run(self._training, device).seconds)

    def timing(self, case: str, form: str, threads: int) -> Timing:
        """The best so far."""
        times = 1e3 * self.forward_s, 1e3 * self.training_s
        return Timing(case, form, threads, *times, self.forward_mb, self.training_mb)


def as_table(timings: Sequence[Timing]) -> Table:
    """Rows beside the first form of their case and thread count.

    Args:
        timings: as from :func:`measure`, of one or several cases.

    Returns:
        A table with times in ms, how many times faster than the first form, and peaks in MB.
    """
    first: dict[tuple[str, int], Timing] = {}
    rows = []
    for each in timings:
        base = first.setdefault((each.case, each.threads), each)
        rows.append(
            (
                each.threads,
                each.form,
                each.forward_ms,
                base.forward_ms / each.forward_ms,
                each.training_ms,
                base.training_ms / each.training_ms,
                each.forward_mb,
                each.training_mb,
            )
        )
    columns = "threads", "form", "forward ms", "times", "fwd+bwd ms", "times", "MB", "fwd+bwd MB"
    return Table(columns, rows)


def benchmark(
    cases: Sequence[OpCase],
    *,
    device: torch.device,
    dtype: torch.dtype,
    batch: int,
    threads: Sequence[int],
    rounds: int,
    json_path: Path | None = None,
) -> None:
    """Measure cases, write a table each to standard output, and all numbers to a JSON file.

    Args:
        cases: operators and sizes to measure.
        device: device to measure on.
        dtype: dtype of all tensors.
        batch: samples.
        threads: thread counts to measure with.
        rounds: see :func:`measure`.
        json_path: file for the numbers, or None.
    """
    machine = describe_machine()
    settings = f"batch {batch}, {dtype}, best of {rounds}"
    sys.stdout.write(f"{', '.join(f'{key} {value}' for key, value in machine.items())}\n")
    timings: list[Timing] = []
    for case in cases:
        found: list[Timing] = []
        refused: dict[str, str] = {}
        for count in threads:
            some, refused = measure(
                case, device=device, dtype=dtype, batch=batch, threads=count, rounds=rounds
            )
            found += some
        sys.stdout.write(f"\n{case.name} ({settings})\n{as_table(found).text(1)}\n")
        for form, reason in refused.items():
            sys.stdout.write(f"not run: {form}: {reason}\n")
        timings += found
    if json_path is not None:
        report = {
            "machine": machine,
            "settings": settings,
            "timings": [asdict(each) for each in timings],
        }
        with whole_file(json_path) as part:
            part.write_text(json.dumps(report, indent=1))
