"""Trains a network against the clock on clips that are made on the device."""

import json
import math
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from basicsr.losses import build_loss
from torch import Tensor, nn

from stdnet_arch.data.device_clips import TrainingClips
from stdnet_arch.models.training_step import update_average
from stdnet_arch.utils.input_errors import InputError, check_number, check_positive
from stdnet_arch.utils.torch_file import check_finite, write_torch

AUTOCAST = ("none", "bfloat16", "float16")


@dataclass
class Recipe:
    """Describe a run against the clock."""

    seconds: float
    """Time the training may take."""
    lr: float = 2e-3
    """Greatest learning rate; it warms up, then falls as a cosine of the time used."""
    warmup: int = 40
    """Steps of warm-up."""
    weight_decay: float = 1e-4
    grad_clip: float = 1.0
    ema: float = 0.998
    """Decay of the moving average, once it has seen enough steps."""
    autocast: str = "none"
    """``none``, ``bfloat16`` or ``float16``."""
    save_every_s: float = 60.0
    loss: dict[str, Any] = field(default_factory=dict)
    """Arguments of :class:`PlaneBlendLoss`, or of the loss that ``type`` names."""
    part: str = ""
    """Part of the network that is trained alone, by what its ``alone`` gives; "": all."""
    frozen: Sequence[str] = ()
    """Parts of the network that stay as they are."""

    def __post_init__(self) -> None:
        """Refuse what would fail, or train nothing, at the first step."""
        for name in ("seconds", "lr", "warmup", "grad_clip", "save_every_s"):
            check_positive(getattr(self, name), f"recipe.{name}")
        if check_number(self.weight_decay, "recipe.weight_decay") < 0:
            raise InputError(f"recipe.weight_decay must be at least 0; got {self.weight_decay}")
        if not 0 <= check_number(self.ema, "recipe.ema") < 1:
            raise InputError(f"recipe.ema must be in [0, 1); got {self.ema}")
        if isinstance(self.frozen, str):
            raise InputError(f"recipe.frozen must be a list of parts; got {self.frozen!r}")
        if self.autocast not in AUTOCAST:
            raise InputError(f"recipe.autocast must be of {AUTOCAST}; got {self.autocast!r}")


def find_part(net: nn.Module, name: str, option: str) -> nn.Module:
    """Find a part of a network by its name.

    Raises:
        InputError: it has no such part.
    """
    parts = dict(net.named_modules())
    if name not in parts:
        known = ", ".join(key for key, _ in net.named_children())
        raise InputError(f"{option}: the network has no part {name!r}; it has {known}")
    return parts[name]


class DeviceTrainer:
    """One network, its optimiser and its moving average.

    Args:
        net: on its device; ``net(lq, guide, step) -> dict``.
        draw: makes the next batch.
        recipe: see :class:`Recipe`.
        out: folder for ``curve.jsonl`` and ``net.pth``.
    """

    def __init__(
        self, net: nn.Module, draw: Callable[[], TrainingClips], recipe: Recipe, out: Path
    ) -> None:
        self.net, self.draw, self.recipe, self.out = net, draw, recipe, out
        self.answer: Callable[..., dict[str, Tensor]] = net
        if recipe.part:
            part = find_part(net, recipe.part, "recipe.part")
            if not hasattr(part, "alone"):
                raise InputError(f"recipe.part: {recipe.part} cannot be trained alone")
            net.requires_grad_(False)
            part.requires_grad_(True)
            self.answer = cast(Callable[..., dict[str, Tensor]], part.alone)
        for name in recipe.frozen:
            find_part(net, name, "recipe.frozen").requires_grad_(False)
        self.average = deepcopy(net).requires_grad_(False)
        self.criterion = build_loss({"type": "PlaneBlendLoss", "total_iter": 1, **recipe.loss})
        parameters = [p for p in net.parameters() if p.requires_grad]
        on_cuda = parameters[0].is_cuda
        self.optimizer = torch.optim.AdamW(
            parameters, recipe.lr, (0.9, 0.99), weight_decay=recipe.weight_decay, fused=on_cuda
        )
        self.parameters = parameters
        self.steps = 0
        self.used_s = 0.0
        self.skipped = torch.zeros((), device=parameters[0].device)
        self.nothing = torch.zeros((), device=parameters[0].device)
        out.mkdir(parents=True, exist_ok=True)

    def run(self) -> None:
        """Train until the time is over; save now and then, and at the end."""
        start = last_saved = time.monotonic()
        while True:
            self.used_s = time.monotonic() - start
            share = self.used_s / self.recipe.seconds
            if share >= 1:
                break
            loss = self.step(share)
            if self.steps % 50 == 0:
                self._log(share, float(loss))
            if time.monotonic() - last_saved > self.recipe.save_every_s:
                self.save()
                last_saved = time.monotonic()
        self.save()

    def step(self, share: float) -> Tensor:
        """Make one step; a step whose gradient is not finite leaves the weights as they were.

        Args:
            share: share of the training that is done, 0 to 1.

        Returns:
            The loss, on the device.
        """
        self.steps += 1
        rate = min(1.0, self.steps / self.recipe.warmup) * (0.5 + 0.5 * math.cos(math.pi * share))
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.lr * max(rate, 0.005)
        self.criterion.set_progress(share)
        batch = self.draw()
        device = batch.guide.device.type
        kind = getattr(torch, self.recipe.autocast, torch.float32)
        with torch.autocast(device, kind, enabled=self.recipe.autocast != "none"):
            out = self.answer(batch.lq_m, batch.guide, batch.step_m)
        truth = {"flow_to_before_px": batch.flow_px, "flow_valid": batch.flow_valid}
        loss = self.criterion(out, batch.depth_m, batch.depth_m > 0, **truth)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, self.recipe.grad_clip)
        self._zero_unless_finite(norm)
        self.optimizer.step()
        decay = min(self.recipe.ema, self.steps / (self.steps + 20))
        update_average(self.average, self.net, decay)
        return loss.detach()

    def _zero_unless_finite(self, norm: Tensor) -> None:
        """Make a broken gradient a zero one without waiting for the device; count it."""
        fine = torch.isfinite(norm)
        self.skipped += ~fine
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad = torch.where(fine, parameter.grad, self.nothing)

    def _log(self, share: float, loss: float) -> None:
        line = {"step": self.steps, "share": round(share, 4), "loss": round(loss, 5)}
        line |= {"seconds": round(self.used_s, 1), "skipped": int(self.skipped)}
        with (self.out / "curve.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def save(self) -> None:
        """Write the moving average in half precision, and how it was made."""
        weights = {k: v.half().cpu() for k, v in self.average.state_dict().items()}
        check_finite(weights, self.out / "net.pth, which is not written")
        about = {"steps": self.steps, "seconds": self.used_s, "recipe": asdict(self.recipe)}
        write_torch(self.out / "net.pth", {"params": weights, "training": about})
