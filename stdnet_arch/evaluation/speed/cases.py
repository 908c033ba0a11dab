"""Cases beside STDNet's forms: streams, exported steps, filters, a step of training."""

import importlib.util
import tempfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from stdnet_arch.archs.checkpoints.loading import LoadedNetwork, build_arch, load_network
from stdnet_arch.archs.plane_blend.candidates import (
    CELL,
    distance_prior,
    neighbour_offsets,
    places,
    planes_around,
)
from stdnet_arch.archs.plane_blend.choice import KnownCandidates, choose
from stdnet_arch.archs.stdnet_arch import STDNet
from stdnet_arch.evaluation.alternating import Alternatives
from stdnet_arch.evaluation.published_forms import (
    literal_choice,
    literal_joint_bilateral,
    published_stdnet,
)
from stdnet_arch.evaluation.speed.checks import random_clip
from stdnet_arch.inference.export import example
from stdnet_arch.inference.precision import in_precision, lay_out, multiplies_in_bf16
from stdnet_arch.inference.step_export import OnnxStream, export_step
from stdnet_arch.inference.streams.openvino_stream import OpenVinoRuntime
from stdnet_arch.inference.streams.push_stream import PushStream
from stdnet_arch.inference.streams.streaming import open_stream
from stdnet_arch.ops.guided_filters import joint_bilateral_upsample
from stdnet_arch.ops.local_planes import LocalPlanes
from stdnet_arch.weights.shipped import find_weights

Size = tuple[int, int]
SMALL: dict[str, dict[str, Any]] = {
    "STDNet-T, causal": {"type": "STDNetT", "scale": 4, "causal": True, "init": "balanced"},
    "DFlowDepth": {"type": "DFlowDepth", "scale": 4},
    "PlaneBlend, carrying": {"type": "PlaneBlend", "scale": 4, "num_feat": 24,
                             "num_block": [1, 2, 2]},
}  # fmt: skip
"""Networks for real time."""
SHIPPED = ("plane_blend_x4", "plane_blend_live_x4", "stdnet_t_x4")
ONNX = ("onnx", "onnxscript", "onnxruntime")
FILTER: dict[str, Any] = {"radius": 2, "sigma_space": 0.7, "sigma_color": 0.1}
CPU = torch.device("cpu")


def cases_of(size: Size, train_size: Size) -> dict[str, Callable[[], Alternatives]]:
    """All cases by name, made when they are called.

    Args:
        size: H and W of frames on streams and in filters, multiples of 4.
        train_size: the same of windows in training.
    """
    made: dict[str, Callable[[], Alternatives]] = {"joint bilateral": partial(filter_case, size)}
    made["PlaneBlend, its choice"] = partial(choice_case, size)
    for name, network in SMALL.items():
        made[name] = partial(stream_case, name, partial(_untrained, network), size)
    for name in SHIPPED:
        shipped = partial(load_network, find_weights(name))
        made[name] = partial(stream_case, name, shipped, size)
    for preset in ("STDNetT", "STDNetS", "STDNet"):
        made[f"training {preset}"] = partial(training_case, preset, train_size)
    return made


def filter_case(size: Size) -> Alternatives:
    """Joint bilateral upsampling beside the same tap by tap at full size."""
    lq, guide = (x[0] for x in random_clip(1, size, CPU))
    forms = {
        "tap by tap": lambda: literal_joint_bilateral(lq, guide, **FILTER),
        "block by block": lambda: joint_bilateral_upsample(lq, guide, **FILTER),
    }
    return Alternatives(
        "joint bilateral", 1, forms, _differences({k: f() for k, f in forms.items()})
    )


def choice_case(size: Size) -> Alternatives:
    """PlaneBlend's softmax over planes beside the same with all maps at full size."""
    h, w = size[0] // CELL, size[1] // CELL
    random = torch.Generator().manual_seed(0)
    depth, slope_x, slope_y = torch.rand(3, 1, 1, h, w, generator=random)
    planes, offsets = LocalPlanes(1 + depth, slope_x - 0.5, slope_y - 0.5), neighbour_offsets(1)
    logits = torch.randn(1, len(offsets), CELL**2, h, w, generator=random)
    place = places(h, w, CELL, depth)
    bias, prior = torch.zeros(1, len(offsets), h, w), distance_prior(*place, offsets)

    def by_rows() -> Tensor:
        choice = KnownCandidates(planes_around(planes, offsets), bias, prior, place, None)
        return choose(logits, choice, 1).depth

    forms = {"all at once": lambda: literal_choice(logits, planes, offsets), "by rows": by_rows}
    with torch.no_grad():
        results = {name: form() for name, form in forms.items()}
    without = {name: partial(_without_gradients, form) for name, form in forms.items()}
    return Alternatives("PlaneBlend, its choice", 1, without, _differences(results))


def stream_case(name: str, load: Callable[[], LoadedNetwork], size: Size) -> Alternatives:
    """A network frame by frame: as it is built, as the predictor lays it out, and in bf16.

    The last where the processor multiplies in it. Beside them OpenVINO, and its exported step in
    onnxruntime, where these are installed.

    Args:
        name: name of the case.
        load: gives the network.
        size: H and W of the result.
    """
    loaded = load()
    frames = [x[0] for x in example(loaded, 6, size, seed=1)]
    forms = {"PyTorch": _pushing(open_stream(loaded.net), frames)}
    laid_out = lay_out(deepcopy(loaded.net), CPU, "float32")
    forms["PyTorch, as the predictor"] = _pushing(open_stream(laid_out), frames)
    if multiplies_in_bf16():
        forms["the same, bf16"] = partial(_in_bf16, _pushing(open_stream(laid_out), frames))
    if importlib.util.find_spec("openvino"):
        forms["OpenVINO"] = _pushing(OpenVinoRuntime(loaded.net).open(), frames)
    if all(importlib.util.find_spec(library) for library in ONNX):
        forms["onnxruntime, a step"] = _onnx_stream(loaded, frames, size)
    # The third frame, so that what is kept counts.
    results = [{name: form() for name, form in forms.items()} for _ in range(3)][-1]
    return Alternatives(name, 1, forms, _differences(results))


def training_case(preset: str, size: Size, frames: int = 7) -> Alternatives:
    """Forward and backward of a window beside the published computation's.

    Args:
        preset: preset of STDNet.
        size: H and W of the window.
        frames: number of frames of it.
    """
    net = build_arch({"type": preset, "scale": 4, "init": "balanced"}).train()
    lq, guide = random_clip(frames, size, CPU)

    def train(run: Callable[[], Tensor]) -> Tensor:
        net.zero_grad(set_to_none=True)
        run().square().mean().backward()
        return torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])

    forms = {
        "plain": partial(train, lambda: published_stdnet(cast(STDNet, net), lq, guide)),
        "ours": partial(train, lambda: net(lq, guide)["pred"]),
    }
    return Alternatives(
        f"training {preset}", frames, forms, _differences({k: f() for k, f in forms.items()})
    )


def _untrained(network: Mapping[str, Any]) -> LoadedNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LoadedNetwork(build_arch(network).eval(), network["scale"], 1.0, {})


def _pushing(opened: PushStream, frames: list[Tensor]) -> Callable[[], Tensor]:
    """Push the next of some frames, around and around; it returns the prediction."""
    turn = cycle(zip(*frames, strict=True))
    return lambda: opened.push(*next(turn))[0]


def _onnx_stream(loaded: LoadedNetwork, frames: list[Tensor], size: Size) -> Callable[[], Tensor]:
    """As :func:`_pushing`, in onnxruntime."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step.onnx"
        export_step(loaded, path, size)
        opened = OnnxStream(path, torch.get_num_threads())
    turn = cycle([tuple(x[None].numpy() for x in pair) for pair in zip(*frames, strict=True)])
    return lambda: torch.from_numpy(opened.push(*next(turn))[0][0])


def _in_bf16(run: Callable[[], Tensor]) -> Tensor:
    with in_precision("bf16", CPU):
        return run()


def _without_gradients(run: Callable[[], Tensor]) -> Tensor:
    with torch.no_grad():
        return run()


def _differences(results: Mapping[str, Tensor]) -> dict[str, float]:
    """Largest difference from the first, as a share of its largest value where that is above 1."""
    first = next(iter(results.values()))
    largest = max(float(first.abs().max()), 1.0)
    return {name: float((x - first).abs().max()) / largest for name, x in results.items()}
