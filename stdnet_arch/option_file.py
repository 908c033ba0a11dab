"""Option files: YAML in which ``base: other.yml`` starts from another file, and checks of them."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from addict import Dict

from stdnet_arch.utils.input_errors import InputError, check_number, check_regular
from stdnet_arch.utils.yaml_file import load_yaml

BASE = "base"
Untyped = Any  # YAML's loaders have no annotations


def following(loader: Untyped) -> Untyped:
    """Make a YAML loader follow ``base:`` in files.

    Args:
        loader: a class of loaders.

    Returns:
        A class of loaders whose single document is merged with what its ``base:`` names.
    """

    class Following(loader):
        def __init__(self, stream: Untyped) -> None:
            super().__init__(stream)
            self.file = getattr(stream, "name", None)

        def get_single_data(self) -> Untyped:
            options = super().get_single_data()
            if not isinstance(options, dict) or BASE not in options:
                return options
            if self.file is None:
                raise ValueError(f"base: {options[BASE]} needs options from a file, got text")
            return merge_bases(options, Path(self.file), lambda path: _load(path, Plain))

    class Plain(Following):  # what is registered on Following later (numbers) holds here, too
        get_single_data = loader.get_single_data

    return Following


def merge_bases(
    options: dict[str, Any], file: Path, load: Callable[[Path], dict[str, Any]]
) -> dict[str, Any]:
    """Put options on top of what their ``base`` names, that on top of its own base, and so on.

    Maps are merged key by key; anything else is replaced, lists as a whole.

    Args:
        options: content of ``file``.
        file: path of the options; ``base`` is relative to it.
        load: reads one file as it stands.

    Returns:
        The merged options, without ``base``.

    Raises:
        ValueError: a base is missing, or leads back to a file before it; both files are named.
    """
    files, layers = [file.resolve()], [options]
    while BASE in layers[-1]:
        name = layers[-1][BASE]
        path = (files[-1].parent / str(name)).resolve()
        if path in files:
            raise ValueError(f"{files[-1]}: base: {name} leads back to {path}; leave one base out")
        if not path.is_file():
            raise ValueError(f"{files[-1]}: base: {name} must be a file; there is no {path}")
        files.append(path)
        layers.append(load(path))
    merged = Dict()
    for layer in reversed(layers):
        merged.update(Dict(layer))
    merged.pop(BASE, None)
    return merged.to_dict()


def read(path: str | Path) -> dict[str, Any]:
    """Read an option file as the trainer does, with what its ``base:`` names."""
    from basicsr.utils.options import ordered_yaml

    return _load(Path(path), ordered_yaml()[0])


def read_alone(path: str | Path) -> dict[str, Any]:
    """Read an option file as it stands, ``base:`` included."""
    return load_yaml(Path(path))


def write(options: dict[str, Any]) -> str:
    """Make a YAML text of options, in their order."""
    return yaml.safe_dump(options, sort_keys=False)


def _load(path: Path, loader: Untyped) -> dict[str, Any]:
    check_regular(path)
    with path.open(encoding="utf-8") as stream:
        return yaml.load(stream, Loader=loader)  # noqa: S506  the toolbox's own kind of loader


def choose_devices(opt: dict[str, Any]) -> None:
    """Without a launcher, several GPUs end a run at ``total_iter / num_gpu``; so one is used.

    basicsr/data/__init__.py:63 multiplies the batch, basicsr/train.py:45 plans epochs for one GPU.
    On a CPU, ``num_gpu: 1`` and ``prefetch_mode: cuda`` end in driver errors
    (basicsr/models/base_model.py:18, basicsr/data/prefetch_dataloader.py:101).
    """
    if opt["num_gpu"] > 0 and not torch.cuda.is_available():
        raise ValueError(
            f"num_gpu: {opt['num_gpu']} needs a CUDA device and torch sees none; "
            "write num_gpu: auto (the GPUs there are, else the CPU)"
        )
    if opt["num_gpu"] > 1 and not opt["dist"]:
        warnings.warn(
            f"one of {opt['num_gpu']} GPUs is used; for all, start with torchrun "
            f"--nproc_per_node {opt['num_gpu']} ... --launcher pytorch",
            stacklevel=3,
        )
        opt["num_gpu"] = 1
    for dataset in opt["datasets"].values():
        if opt["num_gpu"] == 0 and dataset.get("prefetch_mode") == "cuda":
            dataset["prefetch_mode"] = None


def check_schedule(opt: dict[str, Any]) -> None:
    """A cosine schedule shorter than the run ends it midway with a TypeError.

    basicsr/models/lr_scheduler.py:88 (``list indices must be integers or slices, not NoneType``).
    """
    train = opt.get("train") or {}
    periods = (train.get("scheduler") or {}).get("periods")
    if periods and not isinstance(periods, list):
        raise InputError(f"train.scheduler.periods must be a list of numbers; got {periods!r}")
    for period in periods or ():
        check_number(period, "each of train.scheduler.periods")
    if opt["is_train"] and periods and sum(periods) < train["total_iter"]:
        raise ValueError(
            f"train.scheduler.periods must sum to total_iter ({train['total_iter']}) or more, "
            f"got {periods}"
        )
