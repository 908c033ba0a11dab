"""A checkpoint -> a network that is ready to use, and what its depths are divided by."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basicsr.utils.registry import ARCH_REGISTRY
from torch import nn

from stdnet_arch.archs.checkpoints.adapters import ABOUT, load_any, read_about, read_checkpoint

STARTING_POINTS = ("flow_weights",)
"""Arguments of archs that name a file a training starts from; a checkpoint holds what became of
it, and the file is not on every machine that uses the checkpoint."""


@dataclass(frozen=True)
class LoadedNetwork:
    """A network and how to use it."""

    net: nn.Module
    """In evaluation mode, on the CPU."""
    scale: int
    """H / h."""
    depth_range_m: float
    """Depth [m] that the network knows as 1."""
    about: Mapping[str, Any]
    """As in the checkpoint, completed by the arguments."""


def load_network(
    path: str | Path,
    scale: int | None = None,
    num_feat: int | None = None,
    depth_range_m: float | None = None,
) -> LoadedNetwork:
    """Build the network that a checkpoint belongs to and load it, strictly.

    A checkpoint of ours says what it is (see ``save_checkpoint``). For one that does not, an
    official one for instance, the arguments are required and the arch is STDNet.

    Args:
        path: the checkpoint.
        scale: H / h; if the checkpoint says so too, they must agree.
        num_feat: channels of the feature maps; if the checkpoint says so too, they must agree.
        depth_range_m: what depths are divided by [m]; wins over the checkpoint.

    Raises:
        FileNotFoundError: no such file.
        TypeError, ValueError: the checkpoint cannot be read, does not fit the arguments, or says
            too little; the message names what is missing.
    """
    about = dict(read_about(path))
    known = dict(about.get("network_g", {}))
    given = {"scale": scale, "num_feat": num_feat}
    network_g = _complete(path, known, given)
    range_m = float(depth_range_m or about.get("depth_range_m") or math.nan)
    required = ("scale",) if known else tuple(given)
    missing = [name for name in required if name not in network_g]
    missing += ["depth_range_m"] if math.isnan(range_m) else []
    if missing:
        raise ValueError(
            f"{path} does not say all it is (under {ABOUT!r}, beside its parameters); give "
            f"{', '.join(missing)}"
        )
    if not range_m > 0:
        raise ValueError(f"depth_range_m must be > 0 metres; got {range_m}")
    held = {name: None for name in STARTING_POINTS if name in network_g}
    net = build_arch({**network_g, **held}, path)
    try:
        load_any(net, read_checkpoint(path))
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path} does not fit {network_g}: {error}") from error
    about |= {"network_g": network_g, "depth_range_m": range_m}
    return LoadedNetwork(net.eval(), int(network_g["scale"]), range_m, about)


def _complete(
    path: str | Path, network_g: dict[str, Any], given: Mapping[str, int | None]
) -> dict[str, Any]:
    """The arch's options with those given; they must not contradict."""
    for name, value in given.items():
        if value is not None and network_g.get(name, value) != value:
            raise ValueError(
                f"{path} holds a network of {name} {network_g[name]}; {name} {value} was asked for"
            )
    return {"type": "STDNet", **{k: v for k, v in given.items() if v is not None}, **network_g}


def build_arch(network_g: Mapping[str, Any], source: str | Path = "network_g") -> nn.Module:
    """Build a registered arch.

    Args:
        network_g: its ``type`` and arguments.
        source: what says so, for error messages.

    Raises:
        ValueError: unknown ``type``, or arguments that do not fit.
    """
    options = dict(network_g)
    kind = options.pop("type", None)
    if kind not in ARCH_REGISTRY:
        raise ValueError(f"{source} holds a network of type {kind!r}, which is not registered")
    try:
        return ARCH_REGISTRY.get(kind)(**options)
    except TypeError as error:
        raise ValueError(f"{source}: {kind} cannot be built from {options}: {error}") from error
