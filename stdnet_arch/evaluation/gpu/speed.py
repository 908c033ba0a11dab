"""Speed of networks on a card, the most important first, for as long as there is time."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.evaluation.gpu.networks import (
    NETWORKS,
    SCALE,
    NetworkForm,
    is_known,
    make_clip,
    make_network,
)
from stdnet_arch.evaluation.gpu.records import Record, ResultRecorder
from stdnet_arch.evaluation.gpu.timing import median_seconds, peak_mb, reset_peak
from stdnet_arch.evaluation.random_clips import padded_size

VGA, WIDE = (480, 640), (528, 960)
FRAMES = {"STDAN": 7}
"""Frames of a clip, where not ``USUAL_FRAMES``: STDAN's frames all look at one another."""
USUAL_FRAMES, LONG_FRAMES = 24, 96
TRIAL_SIZES = {VGA: (16, 24), WIDE: (24, 32)}
TRIAL_FRAMES = 2
FAST = NetworkForm("bf16", "graph", channels_last=True)
EXACT_FRAMES, EXACT_SIZE = 5, (96, 128)
"""On which precisions are compared."""


class SpeedJob(NamedTuple):
    """One network, at one size, in one form."""

    network: str
    size: tuple[int, int]
    form: NetworkForm
    frames: int = 0
    """0: the usual number of the network."""


STDNET_FORMS = (
    NetworkForm("bf16", "eager", channels_last=True),
    FAST,
    NetworkForm("fp32", "plain"),
    NetworkForm("bf16", "stream", channels_last=True),
    NetworkForm("bf16", "stream 1", channels_last=True),
    NetworkForm("fp16", "graph", channels_last=True),
    NetworkForm("fp32", "eager"),
    NetworkForm("tf32", "eager"),
    NetworkForm("tf32", "eager", channels_last=True),
    NetworkForm("bf16", "eager"),
    NetworkForm("fp32", "graph", channels_last=True),
    NetworkForm("bf16", "eager", channels_last=True, benchmark=True),
)
OTHERS = ("PlaneBlend, live", "PlaneBlend, as x4 is shipped", "PlaneBlend", "STDNet-T", "STDNet-S",
          "STDNet causal", "DFlowDepth", "BasicVSR++", "DVSR", "STDAN")  # fmt: skip


def main_jobs() -> Iterator[SpeedJob]:
    """STDNet in all forms but compiled ones."""
    first, others = STDNET_FORMS[:3], STDNET_FORMS[3:]
    yield from (SpeedJob("STDNet", VGA, form) for form in first)
    yield SpeedJob("STDNet", WIDE, FAST)
    yield from (SpeedJob("STDNet", VGA, form) for form in others)
    yield SpeedJob("STDNet", VGA, NetworkForm("bf16", "graph", channels_last=True, benchmark=True))
    yield SpeedJob("STDNet", VGA, FAST, LONG_FRAMES)


def other_jobs() -> Iterator[SpeedJob]:
    """The other networks: first what cannot fail, then what may break a process."""
    half, single = NetworkForm("bf16", channels_last=True), NetworkForm("fp32")
    for form in (half, single):
        yield from (SpeedJob(name, VGA, form) for name in OTHERS)
    yield from (SpeedJob(name, WIDE, half) for name in OTHERS)
    yield SpeedJob("STDNet causal", VGA, NetworkForm("bf16", "stream 1", channels_last=True))
    # A graph of what cannot be recorded may leave the process unable to continue.
    for size in (VGA, WIDE):
        yield from (SpeedJob(name, size, FAST) for name in OTHERS)


def compiled_jobs() -> Iterator[SpeedJob]:
    """List the jobs that wait for the compiler."""
    yield SpeedJob("STDNet", VGA, NetworkForm("bf16", "compiled", channels_last=True))
    yield SpeedJob("STDNet", VGA, NetworkForm("bf16", "compiled graph", channels_last=True))


JOBS: dict[str, Callable[[], Iterator[SpeedJob]]] = {
    "main": main_jobs,
    "others": other_jobs,
    "compiled": compiled_jobs,
}


def measure_speeds(
    jobs: Iterator[SpeedJob], recorder: ResultRecorder, device: torch.device, tiny: bool
) -> None:
    """Measure all jobs, as long as there is time; each one is a line of the record.

    Args:
        jobs: measurements, in order.
        recorder: takes the lines.
        device: device to run on.
        tiny: small networks and frames, two of them: a trial.
    """
    bench = Bench(device, tiny)
    for job in jobs:
        size = TRIAL_SIZES[job.size] if tiny else job.size
        frames = TRIAL_FRAMES if tiny else job.frames or FRAMES.get(job.network, USUAL_FRAMES)
        about: Record = {"what": "speed", "network": job.network, "form": job.form.name}
        about |= {"size": f"{size[0]}x{size[1]}", "frames": frames}
        if not is_known(job.network):
            kind = NETWORKS[job.network]["type"]
            recorder.write(**about, skipped=f"there is no arch {kind}")
        elif device.type != "cuda" and "graph" in job.form.kind:
            recorder.write(**about, skipped="CUDA graphs need a card")
        else:
            recorder.attempt(about, lambda: bench.measure(job, size, frames), device)  # noqa: B023


class Bench:
    """Networks are made once, and what they predict in float32 is kept for comparison.

    Args:
        device: device to run on.
        tiny: small networks.
    """

    def __init__(self, device: torch.device, tiny: bool) -> None:
        self.device, self.tiny = device, tiny
        self.name, self.net = "", nn.Module()
        self.exact: Tensor | None = None

    def measure(self, job: SpeedJob, size: tuple[int, int], frames: int) -> Record:
        """Time, memory and error of one job."""
        net = deepcopy(self._network(job.network))
        error = self._error(net, job.form)
        before = reset_peak(self.device)
        lq, guide = make_clip(frames, self._padded(size, net), self.device)
        prepared = job.form.prepare(net, lq, guide)

        def run() -> Tensor:
            return job.form.run(prepared, self.device)

        limits = (1, 0.0) if self.tiny else (8, 1.2)
        seconds = median_seconds(run, self.device, *limits)
        finite = bool(run().isfinite().all())
        return {
            "ms_per_frame": 1e3 * seconds / frames,
            "frames_per_second": frames / seconds,
            "peak_mb": peak_mb(self.device) - before,
            "error": error,
            "finite": finite,
        }

    def _network(self, name: str) -> nn.Module:
        if name != self.name:
            self.net = make_network(name, self.tiny, self.device)
            self.name, self.exact = name, None
        return self.net

    @staticmethod
    def _padded(size: tuple[int, int], net: nn.Module) -> tuple[int, int]:
        """The next size that a network takes, as when it predicts."""
        return padded_size(size, SCALE * contract_of(net).multiple_of)

    def _error(self, net: nn.Module, form: NetworkForm) -> float:
        """Relative to float32 without TF32, on a short clip of small frames."""
        if form.kind not in {"eager", "plain"}:
            return float("nan")  # as the eager form of that precision; tests hold graphs to it
        size = self._padded(TRIAL_SIZES[VGA] if self.tiny else EXACT_SIZE, net)
        clip = make_clip(TRIAL_FRAMES if self.tiny else EXACT_FRAMES, size, self.device, seed=1)
        if self.exact is None:
            exact = NetworkForm()
            self.exact = exact.run(exact.prepare(net, *clip), self.device).double()
        pred = form.run(form.prepare(net, *clip), self.device).double()
        return float((pred - self.exact).norm() / self.exact.norm())
