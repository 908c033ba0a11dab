"""Time and memory of one way to run a network, in a process of its own: nothing else counts.

``python -m stdnet_arch.evaluation.run_cost`` reads a :class:`CostRun` as JSON and answers with a
:class:`RunCost`.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.loading import build_arch
from stdnet_arch.evaluation.cost import Setting
from stdnet_arch.evaluation.measuring import MB, resident_mb, time_run
from stdnet_arch.models.objective import Objective
from stdnet_arch.models.training_step import MixedPrecision, as_float32

WAYS = ("clip", "stream", "step")
LOSSES = {
    "pixel_opt": {"type": "CharbonnierLoss"},
    "difference_opt": {"type": "DifferenceLoss"},
}
"""Losses of a step, where the network gives what the second one reads."""


@dataclass(frozen=True)
class CostRun:
    """A way to run a network."""

    network: Mapping[str, Any]
    """``type`` and arguments, as ``network_g:`` in a YAML."""
    way: str = "clip"
    """``clip``: frames at once; ``stream``: one after the other, of an arch that streams by itself;
    ``step``: a training step."""
    frames: int = 5
    size: tuple[int, int] = (128, 128)
    """H and W of the result, multiples of the scale."""
    batch: int = 1
    """Clips at once; a stream takes one."""
    threads: int = 1
    device: str = "cpu"
    amp: str | None = None
    """``bf16`` or ``fp16`` autocast."""
    repeats: int = 1
    """Runs that count, after a first one on a small clip; medians are taken."""

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if self.way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, got {self.way!r}")
        Setting(self.size, self.frames, 0, self.repeats)
        if min(self.batch, self.threads) < 1 or (self.way == "stream" and self.batch > 1):
            raise ValueError(f"a run needs clips and threads, a stream one clip; got {self}")


@dataclass(frozen=True)
class RunCost:
    """Cost of a run."""

    seconds: float
    """On the clock: on a machine with other work, more than the run needs."""
    cpu_seconds: float
    """Processor time [s] of all threads, whatever else the machine does."""
    peak_mb: float
    """Beyond weights and the imported package: resident on a CPU, allocated on CUDA."""


def measure_run(run: CostRun) -> RunCost:
    """Run in a process of its own.

    Raises:
        RuntimeError: it failed; the message holds its last words.
    """
    command = [sys.executable, "-m", __name__]
    request = json.dumps(asdict(run), default=str)
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=False)
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(f"{run} could not be measured: {words[-1]}")
    return RunCost(**json.loads(done.stdout.splitlines()[-1]))


def run_here(run: CostRun) -> RunCost:
    """As :func:`measure_run`, in this process, whose earlier peak of memory counts."""
    torch.set_num_threads(run.threads)
    device = torch.device(run.device)
    net = build_arch(run.network).to(device)
    act = {"clip": _clip, "stream": _stream, "step": _step}[run.way](net, run)
    scale = int(run.network["scale"])
    act(3, (4 * scale, 4 * scale))  # what is made once, is made
    before = _memory_mb(device, peak=False)
    clock, cpu = [], []
    for _ in range(run.repeats):
        elapsed = time_run(lambda: act(run.frames, run.size), device)
        clock.append(elapsed.seconds)
        cpu.append(elapsed.cpu_seconds)
    peak = _memory_mb(device, peak=True) - before
    return RunCost(statistics.median(clock), statistics.median(cpu), peak)


def _memory_mb(device: torch.device, peak: bool) -> float:
    if device.type != "cuda":
        return resident_mb(peak)
    if peak:
        return torch.cuda.max_memory_allocated(device) / MB
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device) / MB


Act = Callable[[int, tuple[int, int]], object]


def _inputs(run: CostRun, frames: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """``lq (b, t, 1, h, w)`` and ``guide (b, t, 3, H, W)``, random."""
    (H, W), scale = size, int(run.network["scale"])
    lq = torch.rand(run.batch, frames, 1, H // scale, W // scale, device=run.device)
    return lq, torch.rand(run.batch, frames, 3, H, W, device=run.device)


def _clip(net: nn.Module, run: CostRun) -> Act:
    precision = MixedPrecision(run.amp, torch.device(run.device), on_cpu=True)
    net.eval()

    def act(frames: int, size: tuple[int, int]) -> object:
        with torch.no_grad(), precision.autocast():
            return net(*_inputs(run, frames, size))["pred"]

    return act


def _stream(net: nn.Module, run: CostRun) -> Act:
    precision = MixedPrecision(run.amp, torch.device(run.device), on_cpu=True)
    net.eval()

    def act(frames: int, size: tuple[int, int]) -> object:
        stream = cast(Any, net).open_stream()
        with torch.no_grad(), precision.autocast():
            for _ in range(frames):
                lq, guide = _inputs(run, 1, size)
                stream.push([lq[:, 0]], [guide[:, 0]])
            return stream.push([], [], last=True)

    return act


def _step(net: nn.Module, run: CostRun) -> Act:
    precision = MixedPrecision(run.amp, torch.device(run.device), on_cpu=True)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    net.train()

    def act(frames: int, size: tuple[int, int]) -> object:
        lq, guide = _inputs(run, frames, size)
        gt = torch.rand_like(guide[:, :, :1])
        optimizer.zero_grad(set_to_none=True)
        with precision.autocast():
            out = net(lq, guide)
        read = LOSSES if "phi_1" in out else {"pixel_opt": LOSSES["pixel_opt"]}
        losses = Objective.from_options(read)(as_float32(out), gt, gt > 0, 1)
        precision.scaler.scale(torch.stack(list(losses.values())).sum()).backward()
        precision.scaler.step(optimizer)
        precision.scaler.update()
        return None

    return act


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    answer = run_here(CostRun(**{**asked, "size": tuple(asked["size"])}))
    sys.stdout.write(json.dumps(asdict(answer)) + "\n")
