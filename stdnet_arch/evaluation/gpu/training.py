"""Time and memory of a step of training on a card."""

from collections.abc import Iterator
from functools import partial

import torch

from stdnet_arch.archs.stdnet.stage import Stage
from stdnet_arch.evaluation.gpu.networks import make_clip, make_network
from stdnet_arch.evaluation.gpu.records import Record, ResultRecorder
from stdnet_arch.evaluation.gpu.timing import (
    DTYPES,
    median_seconds,
    peak_mb,
    precision_of_float32,
    reset_peak,
)
from stdnet_arch.losses.difference_loss import DifferenceLoss

FRAMES, SIDE = 7, 256
TRIAL_FRAMES, TRIAL_SIDE = 3, 16
CASES = (
    ("STDNet", "bf16", False),
    ("STDNet", "fp32", False),
    ("STDNet", "tf32", False),
    ("STDNet", "bf16", True),
    ("STDNet-T", "bf16", False),
    ("STDNet-S", "bf16", False),
)
"""Network, precision, and whether features are computed again in backward."""


def measure_training(recorder: ResultRecorder, device: torch.device, tiny: bool) -> None:
    """Time and memory of a step on a batch of one: forward, losses, backward, Adam.

    Args:
        recorder: takes a line for each case.
        device: device to run on.
        tiny: small networks and frames: a trial.
    """
    frames = TRIAL_FRAMES if tiny else FRAMES
    for name, precision, anew in _cases(tiny):
        about: Record = {"what": "training", "network": name, "precision": precision}
        about |= {"checkpoint": anew, "frames": frames, "side": TRIAL_SIDE if tiny else SIDE}
        recorder.attempt(about, partial(_step, name, precision, anew, device, tiny), device)


def _cases(tiny: bool) -> Iterator[tuple[str, str, bool]]:
    yield from CASES[::3] if tiny else CASES


def _step(name: str, precision: str, anew: bool, device: torch.device, tiny: bool) -> Record:
    before = reset_peak(device)
    net = make_network(name, tiny, device).train()
    for module in net.modules():
        if isinstance(module, Stage):
            module.use_checkpoint = anew
    frames, side = (TRIAL_FRAMES, TRIAL_SIDE) if tiny else (FRAMES, SIDE)
    lq, guide = make_clip(frames, (side, side), device)
    gt = torch.rand(1, frames, 1, side, side, device=device)
    valid = torch.ones_like(gt, dtype=torch.bool)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-6)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
    loss_of, dtype = DifferenceLoss(), DTYPES[precision]
    losses: list[float] = []

    def run() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            out = net(lq, guide)
        charbonnier = ((out["pred"].float() - gt).square() + 1e-12).sqrt().mean()
        loss = charbonnier + loss_of(out, gt, valid)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(float(loss.detach()))

    with precision_of_float32(precision == "tf32"):
        runs, most_seconds = (1, 0.0) if tiny else (10, 3.0)
        seconds = median_seconds(run, device, runs, most_seconds)
    return {
        "ms_per_step": 1e3 * seconds,
        "peak_mb": peak_mb(device) - before,
        "first_loss": losses[0],
        "last_loss": losses[-1],
    }
