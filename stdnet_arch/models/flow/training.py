"""Trains a SPyNet on layered scenes, whose flow is exact, against the processor's clock."""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint
from stdnet_arch.archs.shared.flow import SpyNetFlow
from stdnet_arch.data.synthetic.layers import LayerScenes
from stdnet_arch.losses.masked import masked_mean
from stdnet_arch.models.flow.motion_energy import start_with_motion_energy
from stdnet_arch.models.flow.pairs import Pairs, draw_pairs, draw_small_motions, shift_pairs
from stdnet_arch.utils.input_errors import check_positive
from stdnet_arch.utils.limits import check_declared

WARMUP_STEPS = 20
LEAST_RATE = 0.01
"""Learning rate at the end, as a share of the greatest."""
HELD_OUT = 1 << 20
"""Added to the seed of training: scenes of the endpoint error."""
MOST_SEEDS = 1 << 31
SMALL_BATCH, SMALL_SIZE = 4, 24
"""Pairs of textures of a step of one level, and their side [px]."""
FLOW_SO_FAR_PX = 0.5
BYTES_PER_PIXEL = 2000
"""Memory of a pair: about as much as the layers keep for their gradient."""


@dataclass(frozen=True)
class FlowRecipe:
    """Describe a training."""

    seconds: float
    """Processor time that it may take, scenes included."""
    lr: float = 7e-4
    """Greatest learning rate; it warms up and falls as a cosine of each part's time."""
    batch: int = 8
    """Pairs of frames of a step."""
    size: int = 64
    """Side of the frames [px], a multiple of 32 and at least 64."""
    seed: int = 0
    grad_clip: float = 1.0
    shift_px: int = 8
    """The other frame is cut out up to so many pixels beside the first: motion to learn from."""
    alone: float = 0.2
    """Share of the time in which a level alone learns small motions of textures."""
    tied: float = 0.5
    """Share of the time until which all levels are one: each sees the same task at another size."""

    def __post_init__(self) -> None:
        """Refuse sizes that SPyNet would resize, and what no machine can train."""
        if self.size < 64 or self.size % 32:
            raise ValueError(f"size must be a multiple of 32, at least 64; got {self.size}")
        check_positive(self.seconds, "the time of a training")
        check_positive(self.lr, "the learning rate")
        if self.batch < 1 or not 0 <= self.seed < MOST_SEEDS:
            raise ValueError(f"batch must be at least 1, and seed from 0 to 2**31 - 1; got {self}")
        if not 0 <= self.shift_px <= self.size or not 0 <= self.alone <= self.tied < 1:
            raise ValueError(
                "shift_px must be 0 to size, and alone and tied 0 to below 1, tied not below "
                f"alone; got {self}"
            )
        side = self.size + 2 * self.shift_px
        wanted = BYTES_PER_PIXEL * self.batch * side**2
        check_declared(wanted, wanted, f"a step of {self.batch} pairs of {side}x{side}")


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

    Levels begin as one module that all share, whose first filters tell directions of motion. It
    learns small motions alone (:attr:`FlowRecipe.alone`), then all levels learn scenes, and part
    later (:attr:`FlowRecipe.tied`). Levels that start random learn nothing: their rectifiers die
    while they learn to answer zero. Scenes from the start teach nothing within 100 s either.

    Args:
        recipe: see :class:`FlowRecipe`.
        draw: makes the next pairs; default: layered scenes of the recipe's seed, shifted.
    """

    def __init__(self, recipe: FlowRecipe, draw: Callable[[], Pairs] | None = None) -> None:
        self.recipe = recipe
        torch.manual_seed(recipe.seed)
        self.net = SpyNetFlow()
        start_with_motion_energy(self.levels[0])
        for i in range(1, len(self.levels)):
            self.levels[i] = self.levels[0]
        self.is_alone, self.is_tied, self.steps = recipe.alone > 0, True, 0
        self._start_optimizer()
        scenes, random = LayerScenes("cpu", recipe.seed), torch.Generator().manual_seed(recipe.seed)
        self.random = random
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
            log: told of every 100th step.
        """
        began = time.process_time()
        while (share := self.used_s / self.recipe.seconds) < 1:
            loss = self.step(share)
            self.used_s = time.process_time() - began
            if self.steps % 100 == 0:
                of = "a level alone" if self.is_alone else "all levels"
                log(f"step {self.steps}, {self.used_s:.0f} s: {float(loss):.3f} px of {of}")

    def step(self, share: float) -> Tensor:
        """Make a step; returns the loss.

        Args:
            share: share of the time that is used, 0 to 1.
        """
        recipe = self.recipe
        if self.is_alone and share >= recipe.alone:
            self.is_alone = False
            self._start_optimizer()
        if self.is_tied and share >= recipe.tied:
            self.untie()
        self.steps += 1
        part = (
            share / recipe.alone if self.is_alone else (share - recipe.alone) / (1 - recipe.alone)
        )
        falling = max(0.5 + 0.5 * math.cos(math.pi * part), LEAST_RATE)
        warming = min(1.0, (self.steps - self.first_step) / WARMUP_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.lr * warming * falling
        loss = self._loss_of_one_level() if self.is_alone else self._loss_of_scenes()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), recipe.grad_clip)
        self.optimizer.step()
        return loss.detach()

    def _loss_of_one_level(self) -> Tensor:
        pairs = draw_small_motions(SMALL_BATCH, SMALL_SIZE, self.random)
        # Whatever flow was found so far must not matter to what is left.
        so_far = torch.randn(SMALL_BATCH, 2, 1, 1, generator=self.random) * FLOW_SO_FAR_PX
        preprocess = cast(Any, self.net.spynet).preprocess
        frames = [preprocess(x) for x in (pairs.frame, pairs.other)]
        rest = self.levels[0](torch.cat([*frames, so_far.expand_as(pairs.flow_px)], dim=1))
        return endpoint_error(rest, pairs.flow_px, pairs.valid)

    def _loss_of_scenes(self) -> Tensor:
        pairs = self.draw()
        with watching_levels(self.net.spynet) as flows:
            self.net(pairs.frame, pairs.other)
        return level_loss(flows, pairs)


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
