"""Foreign checkpoints -> our parameter names; and files of the toolbox's form."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.official_names import OFFICIAL
from stdnet_arch.utils.input_errors import InputError, check_regular
from stdnet_arch.utils.torch_file import (
    CHECKSUM,
    check_digest,
    check_finite,
    digest_tensors,
    find_not_finite,
    read_torch,
    write_torch,
)
from stdnet_arch.utils.whole_file import write_whole

WRAPPERS = ("params_ema", "params", "state_dict")
ABOUT = "stdnet_arch"
"""Key beside ``params`` that says how to use them; see :func:`save_checkpoint`."""
SAFETENSORS = ".safetensors"


def unwrap(state_dict: Mapping) -> Mapping[str, Tensor]:
    """The parameters inside a checkpoint: itself, or what it holds under a wrapper key.

    Raises:
        TypeError: no mapping of names to tensors is found.
    """
    for key in WRAPPERS:
        if isinstance(state_dict, Mapping) and isinstance(state_dict.get(key), Mapping):
            return unwrap(state_dict[key])
    if not isinstance(state_dict, Mapping) or not all(
        isinstance(v, Tensor) for v in state_dict.values()
    ):
        raise TypeError(
            "a state dict must map names to tensors, or hold such a mapping under "
            f"{', '.join(WRAPPERS)}; got {type(state_dict).__name__}"
        )
    return state_dict


def read_checkpoint(path: str | Path) -> Mapping[str, Tensor]:
    """The parameters in a file, read without running any code in it (``weights_only``).

    Args:
        path: a ``.pth`` with a state dict, wrapped or not (the moving average is preferred), or a
            ``.safetensors``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is no checkpoint, holds more than tensors and plain values, or a number
            that is NaN or infinite.
    """
    state = unwrap(_read(Path(path))[0])
    check_finite(state, path)
    return state


def is_path(weights: str | Path) -> bool:
    """Tell a path from the name of shipped weights, a word without suffix that is no file."""
    path = Path(weights)
    return path.is_file() or bool(path.suffix) or path.parent != Path()


def read_mean(path: str | Path, *more: str | Path) -> Mapping[str, Tensor]:
    """Read the mean of the weights of checkpoints of one network ("model soups", Wortsman 2022).

    Args:
        path: a checkpoint; alone, it is read as it is.
        more: further ones, of trainings that began with the same weights.

    Raises:
        FileNotFoundError, ValueError: see :func:`read_checkpoint`, or they are of two networks.
    """
    first, *others = (read_checkpoint(one) for one in (path, *more))
    shapes = {name: value.shape for name, value in first.items()}
    for one, state in zip(more, others, strict=True):
        if {name: value.shape for name, value in state.items()} != shapes:
            raise ValueError(f"{path} and {one} are not of one network")
    if not others:
        return first
    states = [first, *others]
    return {name: torch.stack([one[name].float() for one in states]).mean(0) for name in first}


def read_about(path: str | Path) -> dict[str, Any]:
    """Read how to use a checkpoint, as :func:`save_checkpoint` stored it; empty if it does not say.

    Raises:
        FileNotFoundError, ValueError: see :func:`read_checkpoint`.
    """
    return read_all(path)[1]


def read_all(path: str | Path) -> tuple[Any, dict[str, Any]]:
    """Return what a checkpoint holds, wrapped or not, and how to use it.

    Raises:
        FileNotFoundError, ValueError: see :func:`read_checkpoint`.
    """
    content, about = _read(Path(path))
    if not isinstance(about, dict):
        raise ValueError(f"{path}: {ABOUT} must be a dict of plain values; got {about!r}")
    return content, about


def _read(path: Path) -> tuple[Any, Any]:
    """Read a checkpoint's state and its description of itself."""
    if not path.exists():
        raise FileNotFoundError(f"expected a checkpoint, found no file: {path}")
    if path.suffix == SAFETENSORS:
        return _read_safetensors(path)
    content = read_torch(path)
    return content, content.get(ABOUT, {}) if isinstance(content, Mapping) else {}


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    check_regular(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            params = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
        about = json.loads(metadata.get(ABOUT, "{}"))
    except (safetensors.SafetensorError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a safetensors file: {error}") from error
    if CHECKSUM in metadata:
        check_digest(_in_order(params), metadata[CHECKSUM], path)
    return params, about


def _in_order(params: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Sort by name: a safetensors file orders its tensors by type."""
    return dict(sorted(params.items()))


def load_any(net: nn.Module, state_dict: Mapping) -> None:
    """Load a checkpoint of ours or an official one, strictly; see :func:`load_official`.

    Raises:
        RuntimeError: parameters of ours are missing, unexpected or of a wrong shape.
        TypeError, ValueError: see :func:`load_official`.
    """
    state = unwrap(state_dict)
    if type(net).__name__ not in OFFICIAL or state.keys() == net.state_dict().keys():
        net.load_state_dict(state)
    else:
        load_official(net, state)


def save_checkpoint(
    net: nn.Module,
    path: str | Path,
    half: bool = False,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write the toolbox's checkpoint (``params``), whole or not at all.

    Args:
        net: the network to save.
        path: the file; its folder is made. ``.safetensors`` gives that format.
        half: store float16, half the size; the toolbox loads it into a float32 net.
        about: use of the parameters, plain values, stored beside them: ``network_g`` (``type``
            and arguments of the arch), ``depth_range_m``, ``lq`` (how low-resolution depth was
            made, such as ``dtof_peak``).

    Raises:
        InputError: half precision cannot hold the parameters, or they are not finite.
    """
    path = Path(path)
    params = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    if half:
        params = {
            name: value.half() if value.is_floating_point() else value
            for name, value in params.items()
        }
        broken = find_not_finite(params)
        if broken is not None:
            raise InputError(
                f"{path} is not written: {broken} holds what half precision cannot, or NaN or inf "
                "(the training diverged: a lower learning rate may help)"
            )
    if path.suffix != SAFETENSORS:
        write_torch(path, {"params": params} | ({ABOUT: dict(about)} if about else {}))
        return
    metadata = {CHECKSUM: digest_tensors(_in_order(params))}
    metadata |= {ABOUT: json.dumps(dict(about))} if about else {}
    write_whole(path, safetensors.torch.save(params, metadata=metadata))


def load_official(net: nn.Module, state_dict: Mapping) -> None:
    """Load a checkpoint of the authors in place, strictly.

    Args:
        net: an :class:`~stdnet_arch.archs.stdnet_arch.STDNet`, the published form of
            :class:`~stdnet_arch.archs.stdan_arch.STDAN` or
            :class:`~stdnet_arch.archs.dflow_arch.DFlow`, or the released one of
            :class:`~stdnet_arch.archs.svsrnet_arch.SVSRNet`.
        state_dict: with or without the wrappers ``params``, ``params_ema``, ``state_dict`` and the
            prefix ``module.``. STDNet: of the inference net (the regulariser is then left as it is)
            or of a full training state. STDAN: with or without its masks and indices, which depend
            on the training size and are computed here.

    Raises:
        TypeError: not a state dict, or ``net`` has no official form.
        ValueError: parameters are missing, unexpected, doubled or of a wrong shape; all are named.
            The net is left untouched.
    """
    kind = type(net).__name__
    if kind not in OFFICIAL:
        raise TypeError(f"official checkpoints are known of {', '.join(OFFICIAL)}; got {kind}")
    names = OFFICIAL[kind]
    renamed: dict[str, tuple[str, Tensor]] = {}
    doubled = []
    for name, value in unwrap(state_dict).items():
        ours = names.rename(name)
        if ours is None:
            continue
        if ours in renamed:
            doubled.append(f"{name} (also {renamed[ours][0]})")
        renamed[ours] = (name, value)
    own = net.state_dict()
    has_optional = any(names.is_optional(name) for name in renamed)
    required = {n for n in own if has_optional or not names.is_optional(n)}
    problems = {
        "missing": sorted(required - renamed.keys()),
        "unexpected": sorted(renamed[name][0] for name in renamed.keys() - own.keys()),
        "doubled": doubled,
        "wrong shape": [
            f"{name}: required {tuple(own[ours].shape)}, got {tuple(value.shape)}"
            for ours, (name, value) in renamed.items()
            if ours in own and own[ours].shape != value.shape
        ],
    }
    if any(problems.values()):
        lines = [f"{problem}: {', '.join(names)}" for problem, names in problems.items() if names]
        raise ValueError(f"not an official state dict of this {kind}; " + "; ".join(lines))
    net.load_state_dict(
        {ours: value for ours, (_, value) in renamed.items()}, strict=required == own.keys()
    )
