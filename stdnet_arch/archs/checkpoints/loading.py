"""A checkpoint -> a network that is ready to use, and what its depths are divided by."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from stdnet_arch.archs.checkpoints.adapters import ABOUT, load_any, read_all, unwrap
from stdnet_arch.utils.input_errors import InputError, check_positive
from stdnet_arch.utils.torch_file import check_finite

MOST_SCALE = 64
SLACK = 1_000_000
"""Numbers that a network may have beyond twice those of its file: constants that are not stored."""
STARTING_POINTS = ("flow_weights",)
"""Arguments of archs that name a file a training starts from. A checkpoint holds what became of it,
and the file is not on every machine that uses the checkpoint."""


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
        scale: H / h; if the checkpoint has it, too, they must agree.
        num_feat: channels of the feature maps; if the checkpoint has it, too, they must agree.
        depth_range_m: divisor of depths [m]; wins over the checkpoint.

    Raises:
        FileNotFoundError: no such file.
        TypeError, ValueError: the checkpoint cannot be read, does not fit the arguments, or says
            too little; the message names what is missing.
    """
    content, about = read_all(path)
    known = about.get("network_g", {})
    if not isinstance(known, dict):
        raise InputError(f"{path}: network_g must be names and values; got {known!r}")
    known = dict(known)
    given = {"scale": scale, "num_feat": num_feat}
    network_g = _complete(path, known, given)
    said_m = about.get("depth_range_m") if depth_range_m is None else depth_range_m
    required = ("scale",) if known else tuple(given)
    missing = [name for name in required if name not in network_g]
    missing += ["depth_range_m"] if said_m is None else []
    if missing:
        raise ValueError(
            f"{path} does not say all it is (under {ABOUT!r}, beside its parameters); give "
            f"{', '.join(missing)}"
        )
    range_m = check_positive(said_m, "depth_range_m (--depth-range)")
    scale = network_g["scale"]
    if isinstance(scale, bool) or not isinstance(scale, int) or not 1 <= scale <= MOST_SCALE:
        raise InputError(f"{path}: scale must be a whole number, 1..{MOST_SCALE}; got {scale!r}")
    net = _build_loaded(path, network_g, unwrap(content))
    about = {**about, "network_g": network_g, "depth_range_m": range_m}
    return LoadedNetwork(net, scale, range_m, about)


def load_described(
    path: str | Path, network_g: Mapping[str, Any] | None = None
) -> tuple[nn.Module, Mapping[str, Any]]:
    """Build a network of any kind, RGB or depth, and load it, strictly.

    Args:
        path: the checkpoint.
        network_g: ``type`` and arguments; None: as the checkpoint says.

    Returns:
        The network in evaluation mode, on the CPU, and what the checkpoint says of itself.

    Raises:
        FileNotFoundError: no such file.
        TypeError, ValueError: the checkpoint cannot be read, does not fit, or names no network.
    """
    content, about = read_all(path)
    network_g = network_g or about.get("network_g")
    if not isinstance(network_g, Mapping) or "type" not in network_g:
        raise InputError(
            f"{path} does not say which network it holds: expected network_g with type and "
            f"arguments under {ABOUT!r}, got {network_g!r}"
        )
    return _build_loaded(path, network_g, unwrap(content)), about


def _build_loaded(
    path: str | Path, network_g: Mapping[str, Any], params: Mapping[str, Tensor]
) -> nn.Module:
    held = {name: None for name in STARTING_POINTS if name in network_g}
    with at_most_as_large(params, f"{path} does not fit {network_g}"):
        net = build_arch({**network_g, **held}, path)
    check_finite(params, path)
    try:
        load_any(net, params)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path} does not fit {network_g}: {error}") from error
    return net.eval()


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
        source: name of the origin, for error messages.

    Raises:
        ValueError: unknown ``type``, or arguments that do not fit.
    """
    options = dict(network_g)
    kind = options.pop("type", None)
    if kind not in ARCH_REGISTRY:
        raise ValueError(f"{source} holds a network of type {kind!r}, which is not registered")
    try:
        return ARCH_REGISTRY.get(kind)(**options)
    except InputError:
        raise
    except Exception as error:  # whatever options of a file make of the arch's arithmetic
        raise InputError(f"{source}: {kind} cannot be built from {options}: {error}") from error


@contextmanager
def at_most_as_large(params: Mapping[str, Tensor], what: str) -> Iterator[None]:
    """Refuse to build a network that is much larger than the parameters of its file.

    A file of a few kB may ask for a network of many GB.

    Args:
        params: content of the file.
        what: the fault, for errors.

    Raises:
        InputError: more numbers or more parameters are registered than the file can fill.
    """
    most = 2 * sum(value.numel() for value in params.values()) + SLACK
    built = 0

    def count(module: nn.Module, name: str, value: object) -> None:  # noqa: ARG001
        nonlocal built
        built += value.numel() if isinstance(value, Tensor) else 0
        if built > most:
            raise InputError(f"{what}: the network is larger than the parameters in the file")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
