"""The networks that are measured, and the forms in which they run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.loading import build_arch
from stdnet_arch.archs.stdnet.stage import Stage
from stdnet_arch.archs.stdnet.temporal_difference import PropagationPass
from stdnet_arch.archs.stdnet_arch import STDNet
from stdnet_arch.evaluation.gpu.timing import DTYPES, Precision, precision_of_float32
from stdnet_arch.evaluation.published_forms import published_stdnet
from stdnet_arch.inference.cuda_graph import GraphedNetwork
from stdnet_arch.utils.channels_last import channels_last

SCALE = 4
NETWORKS: dict[str, dict[str, Any]] = {
    "STDNet": {"type": "STDNet"},
    "STDNet causal": {"type": "STDNet", "causal": True},
    "STDNet-S": {"type": "STDNetS"},
    "STDNet-T": {"type": "STDNetT"},
    "PlaneBlend": {"type": "PlaneBlend"},
    "PlaneBlend, as x4 is shipped": {"type": "PlaneBlend", "num_feat": 24, "num_block": (2, 4, 4),
                                     "temporal": False, "refine": 16},
    "PlaneBlend, live": {"type": "PlaneBlend", "num_feat": 24, "num_block": (2, 4, 4),
                         "detail": 8, "head": "linear", "temporal": False, "refine": 16},
    "DFlowDepth": {"type": "DFlowDepth"},
    "BasicVSR++": {"type": "ToolboxVSR", "arch": "BasicVSRPlusPlus"},
    "DVSR": {"type": "DVSR"},
    "STDAN": {"type": "STDAN", "modality": "depth", "interpolate": False},
}  # fmt: skip
"""At their published sizes, or as they are shipped."""
TINY: dict[str, dict[str, Any]] = {
    "STDNet": {"num_feat": 16, "head_feat": 16},
    "STDNet causal": {"num_feat": 16, "head_feat": 16},
    "BasicVSR++": {"options": {"mid_channels": 8, "num_blocks": 1}},
    "DVSR": {"num_feat": 8, "head_feat": 8, "num_block": 1},
    "DFlowDepth": {"num_feat": 8},
    "STDAN": {"num_feat": 8, "embed_feat": 24, "num_group": (1, 1), "num_block": 2},
}
"""Arguments that make them small enough for a trial."""


def is_known(name: str) -> bool:
    """Tell whether the arch of a network is there."""
    return any(arch == NETWORKS[name]["type"] for arch, _ in ARCH_REGISTRY)


def make_network(name: str, tiny: bool, device: torch.device) -> nn.Module:
    """A network with random weights, always the same, in which every layer counts."""
    options = {**NETWORKS[name], "scale": SCALE, **(TINY.get(name, {}) if tiny else {})}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = build_arch(options)
        for parameter in net.parameters():
            # Zeros would hide what goes wrong, and offsets of zero read memory in order.
            if parameter.ndim > 1 and not parameter.any():
                nn.init.normal_(parameter, std=0.02)
    return net.to(device).eval()


def make_clip(
    frames: int, size: tuple[int, int], device: torch.device, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """``lq (1, t, 1, h, w)`` and ``guide (1, t, 3, H, W)``, random in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    lq = torch.rand(1, frames, 1, height // SCALE, width // SCALE, generator=generator)
    guide = torch.rand(1, frames, 3, height, width, generator=generator)
    return lq.to(device), guide.to(device)


@dataclass(frozen=True)
class NetworkForm:
    """One way to run a network; see the fields."""

    precision: Precision = "fp32"
    kind: str = "eager"
    """``plain``: STDNet as published, frame by frame; ``eager``; ``graph``: a recorded CUDA graph;
    ``compiled``: the repeated parts of STDNet; ``compiled graph``: both; ``stream``: 8 frames at a
    time; ``stream 1``: frame by frame."""
    channels_last: bool = False
    benchmark: bool = False
    """cuDNN tries its algorithms and takes the fastest."""

    @property
    def name(self) -> str:
        """All in words."""
        words = [self.precision, self.kind]
        words += ["channels_last"] * self.channels_last + ["cudnn.benchmark"] * self.benchmark
        return ", ".join(words)

    def run(self, prepared: Callable[[], Tensor], device: torch.device) -> Tensor:
        """One run under this form's settings."""
        dtype = DTYPES[self.precision]
        allowed = self.precision == "tf32"
        autocast = torch.autocast(device.type, dtype, enabled=dtype is not None)
        with precision_of_float32(allowed, self.benchmark), torch.no_grad(), autocast:
            return prepared()

    def prepare(self, net: nn.Module, lq: Tensor, guide: Tensor) -> Callable[[], Tensor]:
        """Prepare what :meth:`run` runs; ``net`` takes this form's layout.

        Args:
            net: in evaluation mode, on the device of the clip.
            lq: ``(1, t, 1, h, w)``.
            guide: ``(1, t, 3, H, W)``.

        Returns:
            A function that returns predictions, ``(1, t, 1, H, W)``.
        """
        if self.channels_last:
            channels_last(net)
        if self.kind == "plain":
            return lambda: published_stdnet(cast(STDNet, net), lq, guide)
        if self.kind.startswith("stream"):
            return _StreamRun(cast(STDNet, net), lq, guide, 1 if self.kind == "stream 1" else 8)
        if self.kind.startswith("compiled"):
            compile_parts(net, "inductor" if lq.is_cuda else "eager")
        if self.kind.endswith("graph"):
            with precision_of_float32(self.precision == "tf32", self.benchmark):
                graph = GraphedNetwork(net, lq, guide, DTYPES[self.precision])
            return lambda: graph(lq, guide)
        return lambda: net(lq, guide)["pred"]


class _StreamRun:
    """The next frames of an endless stream, at each call."""

    def __init__(self, net: STDNet, lq: Tensor, guide: Tensor, chunk: int) -> None:
        self.stream, self.chunk = net.open_stream(), chunk
        self.lq, self.guide = lq[0], guide[0]
        self.next = 0

    def __call__(self) -> Tensor:
        """As many frames as the clip has; of the first clip, some are still on their way."""
        frames = range(0, len(self.lq), self.chunk)
        parts = [slice(first, first + self.chunk) for first in frames]
        done: list[Tensor] = []
        for part in parts:
            done += self.stream.push(
                [x[None] for x in self.lq[part]], [x[None] for x in self.guide[part]]
            )
        return torch.stack(done, dim=1) if done else self.lq.new_zeros(1, 0)


def compile_parts(net: nn.Module, backend: str) -> None:
    """Compile what STDNet repeats, each part once, instead of the whole at length.

    Args:
        net: changed in place.
        backend: backend of ``torch.compile``; ``eager`` compiles nothing and is for a trial.
    """
    torch._dynamo.config.recompile_limit = 64
    for module in net.modules():
        if isinstance(module, PropagationPass):
            module.forward = torch.compile(module.forward, dynamic=False, backend=backend)  # type: ignore[method-assign]
        elif isinstance(module, Stage):
            for name in ("encode", "reconstruct"):
                compiled = torch.compile(getattr(module, name), dynamic=False, backend=backend)
                setattr(module, name, compiled)
