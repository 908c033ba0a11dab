"""Greatest rates of a card, and the time of the operators that networks stand on."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.evaluation.gpu.records import Record, ResultRecorder
from stdnet_arch.evaluation.gpu.timing import DTYPES, median_seconds, precision_of_float32
from stdnet_arch.ops.deform_sample import Backend, deform_backend, modulated_deform_conv

GIGA = 1e9


def measure_peak_rates(recorder: ResultRecorder, device: torch.device, tiny: bool) -> None:
    """Rates of matrix products, convolutions and copies, in every precision.

    Args:
        recorder: takes a line for each.
        device: device to run on.
        tiny: small ones: a trial.
    """
    side = 64 if tiny else 8192
    maps = (
        ((1, 64, 8, 8),) if tiny else ((8, 64, 480, 640), (48, 192, 120, 160), (24, 64, 120, 160))
    )
    for precision in ("bf16", "tf32", "fp32"):
        about: Record = {"what": "ceiling", "precision": precision}
        name = f"matrix product {side}^3"
        recorder.attempt({**about, "name": name}, partial(_matmul, precision, side, device), device)
        for shape in maps:
            about["name"] = f"3x3 convolution of {'x'.join(map(str, shape))}, channels_last"
            recorder.attempt({**about}, partial(_conv, precision, shape, device), device)
    values = 1 << (12 if tiny else 30)
    about = {"what": "ceiling", "precision": "bytes", "name": f"copy of {2 * values} bytes"}
    recorder.attempt(about, partial(_copy, values, device), device)


def measure_operators(recorder: ResultRecorder, device: torch.device, tiny: bool) -> None:
    """Deformable convolution, ours and torchvision's, forward and with backward.

    Args:
        recorder: takes a line for each.
        device: device to run on.
        tiny: small maps: a trial.
    """
    size = (2, 8, 8) if tiny else (12, 120, 160)
    ours: Backend = "triton" if device.type == "cuda" else "grid_sample"
    for precision in ("bf16", "fp32"):
        for backend in (ours, "torchvision", "grid_sample"):
            for trains in (False, True):
                about: Record = {"what": "operator", "precision": precision, "backend": backend}
                about |= {"name": f"deformable convolution of 64+64 channels, {size}"}
                about |= {"direction": "forward, backward" if trains else "forward"}
                run = partial(_deform, backend, precision, size, device, trains)
                recorder.attempt(about, run, device)


def _matmul(precision: str, side: int, device: torch.device) -> Record:
    dtype = DTYPES[precision] or torch.float32
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return _rate(precision, lambda: a @ b, 2 * side**3, device)


def _conv(precision: str, shape: tuple[int, ...], device: torch.device) -> Record:
    dtype = DTYPES[precision] or torch.float32
    n, c, h, w = shape
    x, weight = (
        torch.randn(*each, device=device, dtype=dtype).to(memory_format=torch.channels_last)
        for each in ((n, c, h, w), (c, c, 3, 3))
    )
    operations = 2 * 9 * c * x.numel()
    return _rate(precision, lambda: F.conv2d(x, weight, padding=1), operations, device)


def _rate(
    precision: str, run: Callable[[], object], operations: int, device: torch.device
) -> Record:
    with precision_of_float32(precision == "tf32", benchmark=True), torch.no_grad():
        seconds = median_seconds(run, device, most_runs=20, most_seconds=0.5)
    return {"ms": 1e3 * seconds, "tflops": operations / seconds / GIGA / 1e3}


def _copy(values: int, device: torch.device) -> Record:
    source = torch.randn(values, device=device, dtype=torch.float32).to(torch.bfloat16)
    target = torch.empty_like(source)
    seconds = median_seconds(lambda: target.copy_(source), device, most_runs=20, most_seconds=0.5)
    return {"ms": 1e3 * seconds, "gb_per_s": 4 * values / seconds / GIGA}


def _deform(
    backend: Backend,
    precision: str,
    size: tuple[int, int, int],
    device: torch.device,
    trains: bool,
) -> Record:
    dtype = DTYPES[precision] or torch.float32
    b, h, w = size
    given: list[Tensor] = [
        torch.randn(b, 128, h, w, device=device, dtype=dtype),
        2 * torch.randn(b, 18, h, w, device=device),
        torch.rand(b, 9, h, w, device=device),
        torch.randn(64, 64, 3, 3, device=device, dtype=dtype) / 24,
    ]
    leaves = [each.requires_grad_(trains) for each in given]

    def run() -> object:
        with deform_backend(backend), torch.set_grad_enabled(trains):
            out = modulated_deform_conv(*leaves)
        return torch.autograd.grad(out.sum(), leaves) if trains else out

    with precision_of_float32(allow_tf32=False):
        return {"ms": 1e3 * median_seconds(run, device, most_runs=20, most_seconds=0.5)}
