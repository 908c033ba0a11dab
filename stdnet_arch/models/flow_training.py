"""Trains a SPyNet on layered scenes, whose flow is exact, against the processor's clock."""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.archs.shared.flow import SpyNetFlow
from stdnet_arch.data.synthetic.layers import LayerScenes
from stdnet_arch.losses.masked import masked_mean
from stdnet_arch.utils.input_errors import check_positive
from stdnet_arch.utils.limits import check_declared

WARMUP_STEPS = 20
LEAST_RATE = 0.01
"""Learning rate at the end, as a share of the greatest."""
HELD_OUT = 1 << 20
"""Added to the seed of training: scenes of the endpoint error."""


MOST_SEEDS = 1 << 31
BYTES_PER_PIXEL = 2000
"""Memory of a pair: about as much as the layers keep for their gradient."""


@dataclass(frozen=True)
class FlowRecipe:
    """Describe a training."""

    seconds: float
    """Processor time that it may take, scenes included."""
    lr: float = 1e-3
    """Greatest learning rate; it warms up and falls as a cosine of the time used."""
    batch: int = 8
    """Pairs of frames of a step."""
    size: int = 96
    """Side of the frames [px], a multiple of 32 and at least 64."""
    seed: int = 0
    grad_clip: float = 1.0
    shift_px: int = 8
    """The other frame is cut out up to so many pixels beside the first: motion to learn from."""
    tied: float = 0.5
    """Share of the time in which all levels are one: each sees the same task at another size."""

    def __post_init__(self) -> None:
        """Refuse sizes that SPyNet would resize, and what no machine can train."""
        if self.size < 64 or self.size % 32:
            raise ValueError(f"size must be a multiple of 32, at least 64; got {self.size}")
        check_positive(self.seconds, "the time of a training")
        check_positive(self.lr, "the learning rate")
        if self.batch < 1 or not 0 <= self.seed < MOST_SEEDS:
            raise ValueError(f"batch must be at least 1, and seed from 0 to 2**31 - 1; got {self}")
        if not 0 <= self.shift_px <= self.size or not 0 <= self.tied < 1:
            raise ValueError(f"shift_px must be 0 to size, and tied 0 to below 1; got {self}")
        side = self.size + 2 * self.shift_px
        wanted = BYTES_PER_PIXEL * self.batch * side**2
        check_declared(wanted, wanted, f"a step of {self.batch} pairs of {side}x{side}")


class Pairs(NamedTuple):
    """Two frames and the motion from the one to the other."""

    frame: Tensor
    """RGB in [0, 1], ``(n, 3, H, W)``."""
    other: Tensor
    """The same shape."""
    flow_px: Tensor
    """(dx, dy), ``(n, 2, H, W)``."""
    valid: Tensor
    """Bool, ``(n, 1, H, W)``: the point is seen in ``other``."""


def draw_pairs(scenes: LayerScenes, batch: int, size: int) -> Pairs:
    """Draw pairs of neighbouring frames of new scenes."""
    clips = scenes.draw(batch, 2, (size, size))
    return Pairs(clips.rgb[:, 0], clips.rgb[:, 1], clips.flow_px[:, 0], clips.visible[:, 0])


def shift_pairs(pairs: Pairs, most_px: int, random: torch.Generator) -> Pairs:
    """Cut the middle out of the first frames, and of the others what lies beside it.

    Small shifts are more frequent than large ones. Flow stays exact, since they are whole pixels.

    Args:
        pairs: frames of ``(H + 2 * most_px, W + 2 * most_px)``.
        most_px: largest shift along each axis.
        random: source of the shifts.

    Returns:
        Pairs of ``(H, W)``; where a point leaves the other frame it is not valid.
    """
    n, _, height, width = pairs.frame.shape
    h, w = height - 2 * most_px, width - 2 * most_px
    drawn = torch.rand(2, n, 2, generator=random)
    shifts = (most_px * drawn[0] * (2 * drawn[1] - 1)).round().int().tolist()
    frame, flow, valid = (
        x[..., most_px : most_px + h, most_px : most_px + w]
        for x in (pairs.frame, pairs.flow_px, pairs.valid)
    )
    other = torch.stack([
        each[:, most_px + dy : most_px + dy + h, most_px + dx : most_px + dx + w]
        for each, (dx, dy) in zip(pairs.other, shifts, strict=True)
    ])  # fmt: skip
    flow = flow - torch.tensor(shifts, dtype=flow.dtype)[:, :, None, None]
    x, y = flow[:, :1] + torch.arange(w), flow[:, 1:] + torch.arange(h)[:, None]
    inside = (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)
    return Pairs(frame, other, flow, valid & inside)


def endpoint_error(flow_px: Tensor, truth_px: Tensor, valid: Tensor) -> Tensor:
    """Mean length of the error over the valid pixels [px], a scalar.

    Args:
        flow_px: ``(n, 2, H, W)``.
        truth_px: the same shape.
        valid: bool, ``(n, 1, H, W)``.
    """
    return masked_mean(torch.linalg.vector_norm(flow_px - truth_px, dim=1, keepdim=True), valid)


@contextmanager
def watching_levels(net: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the flow of each level of a SPyNet, coarse to fine, while it runs.

    A level sees frame, warped frame and the flow so far, ``(n, 8, h, w)``, and gives a correction.

    Args:
        net: the toolbox's SPyNet.

    Yields:
        A list that each run fills: flows ``(n, 2, h, w)`` in pixels of their level.
    """
    flows: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:  # noqa: ARG001
        flows.append(output + inputs[0][:, 6:8])

    levels: Any = net.get_submodule("basic_module")
    # Levels that are one module still run one after the other.
    hooks = [level.register_forward_hook(keep) for level in dict.fromkeys(levels)]
    try:
        yield flows
    finally:
        for hook in hooks:
            hook.remove()


def level_loss(flows: list[Tensor], pairs: Pairs) -> Tensor:
    """Sum of the endpoint errors of all levels, each in pixels of its own.

    A level only mends what is left of the one before, so that half a pixel of its own matters as
    much on each.

    Args:
        flows: result of :func:`watching_levels`.
        pairs: pairs that were seen; a coarse pixel counts if all of its fine ones do.

    Returns:
        A scalar.
    """
    total = pairs.flow_px.new_zeros(())
    for flow in flows:
        step = pairs.flow_px.shape[-1] // flow.shape[-1]
        truth = F.avg_pool2d(pairs.flow_px, step) / step
        valid = F.avg_pool2d(pairs.valid.float(), step) == 1
        total = total + endpoint_error(flow, truth, valid)
    return total


class FlowTrainer:
    """A SPyNet, its optimiser and its scenes.

    Levels begin as identities of the flow so far, as one module that all share
    (:attr:`FlowRecipe.tied`), and part later.

    Args:
        recipe: see :class:`FlowRecipe`.
        draw: makes the next pairs; default: layered scenes of the recipe's seed, shifted.
    """

    def __init__(self, recipe: FlowRecipe, draw: Callable[[], Pairs] | None = None) -> None:
        self.recipe = recipe
        torch.manual_seed(recipe.seed)
        self.net = SpyNetFlow()
        first = cast(nn.Sequential, self.levels[0].get_submodule("basic_module"))
        nn.init.zeros_(first[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(first[-1].bias)  # type: ignore[arg-type]
        for i in range(1, len(self.levels)):
            self.levels[i] = self.levels[0]
        self.is_tied, self.steps = True, 0
        self._start_optimizer()
        scenes, random = LayerScenes("cpu", recipe.seed), torch.Generator().manual_seed(recipe.seed)
        shift, side = recipe.shift_px, recipe.size + 2 * recipe.shift_px
        self.draw = draw or (
            lambda: shift_pairs(draw_pairs(scenes, recipe.batch, side), shift, random)
        )
        self.used_s = 0.0

    @property
    def levels(self) -> nn.ModuleList:
        """Modules of the levels, coarse to fine."""
        return cast(nn.ModuleList, self.net.spynet.get_submodule("basic_module"))

    def _start_optimizer(self) -> None:
        self.optimizer = torch.optim.Adam(self.net.parameters(), self.recipe.lr)
        self.first_step = self.steps

    def untie(self) -> None:
        """Give each level weights of its own, equal at first."""
        for i in range(1, len(self.levels)):
            self.levels[i] = deepcopy(self.levels[0])
        self.is_tied = False
        self._start_optimizer()

    def run(self, log: Callable[[str], object]) -> None:
        """Train until the processor's time is over.

        Args:
            log: told of every 50th step.
        """
        began = time.process_time()
        while (share := self.used_s / self.recipe.seconds) < 1:
            loss = self.step(share)
            self.used_s = time.process_time() - began
            if self.steps % 50 == 0:
                log(f"step {self.steps}, {self.used_s:.0f} s: {float(loss):.3f} px over all levels")

    def step(self, share: float) -> Tensor:
        """Make a step; returns the loss.

        Args:
            share: share of the time that is used, 0 to 1.
        """
        if self.is_tied and share >= self.recipe.tied:
            self.untie()
        self.steps += 1
        falling = max(0.5 + 0.5 * math.cos(math.pi * share), LEAST_RATE)
        warming = min(1.0, (self.steps - self.first_step) / WARMUP_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.lr * warming * falling
        pairs = self.draw()
        with watching_levels(self.net.spynet) as flows:
            self.net(pairs.frame, pairs.other)
        loss = level_loss(flows, pairs)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.grad_clip)
        self.optimizer.step()
        return loss.detach()


def judge_flow(net: SpyNetFlow, scenes: LayerScenes, pairs: int, size: int) -> dict[str, float]:
    """Judge a network on scenes that it was not trained on.

    Args:
        net: the network.
        scenes: give the pairs.
        pairs: number of pairs.
        size: side of their frames [px].

    Returns:
        ``epe_px``, and ``epe_of_no_motion_px``, the same of a flow of zero: the mean motion.
    """
    seen = draw_pairs(scenes, pairs, size)
    with torch.no_grad():
        found = net(seen.frame, seen.other)
        still = endpoint_error(torch.zeros_like(found), seen.flow_px, seen.valid)
        return {
            "epe_px": float(endpoint_error(found, seen.flow_px, seen.valid)),
            "epe_of_no_motion_px": float(still),
        }


def train_flow(
    recipe: FlowRecipe, path: Path, log: Callable[[str], object], pairs: int = 64
) -> dict[str, float]:
    """Train a SPyNet, judge it, and write it for the option ``flow_weights`` of networks.

    Args:
        recipe: the training.
        path: the file, ``.safetensors`` or ``.pth``; half precision. It says how it was made and
            what its endpoint error is.
        log: told of the progress.
        pairs: number of pairs of held-out scenes for the endpoint error.

    Returns:
        What :func:`judge_flow` gives, in the precision that is written.
    """
    trainer = FlowTrainer(recipe)
    trainer.run(log)
    if trainer.is_tied:
        trainer.untie()
    with torch.no_grad():
        for parameter in trainer.net.parameters():
            parameter.copy_(parameter.half())
    held_out = LayerScenes("cpu", recipe.seed + HELD_OUT)
    found = judge_flow(trainer.net, held_out, pairs, recipe.size)
    about = {
        "network_g": {"type": "SpyNet"},
        "license": "Apache-2.0",
        "note": f"trained on layered scenes for {trainer.used_s:.0f} s of a processor, "
        f"{trainer.steps} steps",
        "recipe": json.dumps(asdict(recipe)),
        **found,
    }
    # Without the constants of its input, which half precision would change.
    levels = nn.ModuleDict({"basic_module": trainer.net.spynet.get_submodule("basic_module")})
    save_checkpoint(levels, path, half=True, about=about)
    return found
