"""The index of shipped weights, read from the files' own metadata."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.adapters import is_path, read_about, read_checkpoint
from stdnet_arch.archs.checkpoints.loading import load_network

FOLDER = Path(__file__).parent
SUFFIXES = (".safetensors", ".pth")


@dataclass(frozen=True)
class Shipped:
    """One file of weights and what its metadata say."""

    path: Path

    @property
    def name(self) -> str:
        """Name without suffix, such as ``plane_blend_x4``."""
        return self.path.stem

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """Metadata of the file; see :func:`stdnet_arch.weights.publishing.write_weights`."""
        return read_about(self.path)

    @property
    def megabytes(self) -> str:
        """Size of the file for tables, such as ``1.27``."""
        return f"{self.path.stat().st_size / 1e6:.2f}"

    @property
    def arch(self) -> str:
        """Registered name of its network."""
        return str(self.about["network_g"]["type"])

    @property
    def scale(self) -> int:
        """H / h of its network."""
        return int(self.about["network_g"]["scale"])

    @property
    def rules(self) -> tuple[str, ...]:
        """Rules of low-resolution depth that it was trained for, such as ``dtof_peak``."""
        rules = self.about.get("lq", ())
        return (rules,) if isinstance(rules, str) else tuple(rules)

    @property
    def sensors(self) -> tuple[str, ...]:
        """Kinds of sensors that it was trained for; empty: never chosen by default."""
        return tuple(self.about.get("sensors", ()))

    @property
    def fast(self) -> bool:
        """True if it was made for live pictures on a CPU, at some cost in accuracy."""
        return bool(self.about.get("fast", False))

    @property
    def zero_shot(self) -> Sequence[Mapping[str, Any]]:
        """Scores on scenes it never saw, one row per rule; empty if it was not scored."""
        return tuple(self.about.get("zero_shot", ()))

    @property
    def ratio(self) -> float:
        """Mean RMSE over that of bilinear, over all rules that were scored; inf if none was."""
        ratios = [float(row["ratio_mean"]) for row in self.zero_shot]
        return sum(ratios) / len(ratios) if ratios else float("inf")

    def check(self) -> None:
        """Compare the parameters with the checksum in the metadata, if there is one.

        Raises:
            ValueError: they differ: the file is damaged or was changed.
        """
        wanted = self.about.get("sha256")
        found = digest_parameters(read_checkpoint(self.path))
        if wanted is not None and found != wanted:
            raise ValueError(
                f"{self.path} is damaged: its metadata say sha256 {wanted}, its parameters have "
                f"{found}; install the package again"
            )


def list_shipped(folder: str | Path = FOLDER) -> list[Shipped]:
    """List the weights in a folder by name.

    Args:
        folder: folder of the weights; by default, those of this package.
    """
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix in SUFFIXES)
    return [Shipped(path) for path in paths]


def find(name: str, folder: str | Path = FOLDER) -> Shipped:
    """Find shipped weights by name.

    Args:
        name: as ``python -m stdnet_arch.weights`` prints it, in any case.
        folder: folder of the files.

    Raises:
        ValueError: no such weights; the message lists those that there are.
    """
    every = list_shipped(folder)
    for shipped in every:
        if shipped.name.lower() == name.lower():
            return shipped
    known = ", ".join(shipped.name for shipped in every) or "none"
    raise ValueError(f"the name of shipped weights must be one of {known}; got {name!r}")


def find_weights(weights: str | Path) -> Path:
    """Find a checkpoint by its path or by the name of shipped weights.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a word without suffix that is neither a file nor shipped.
    """
    if not is_path(weights):
        return find(str(weights)).path
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"expected a checkpoint, found no file: {path}")
    return path


def load(name: str, device: str = "cpu") -> nn.Module:
    """Load a shipped network, ready to use.

    Args:
        name: as ``python -m stdnet_arch.weights`` prints it.
        device: device of the network.

    Returns:
        The network in evaluation mode: ``net(lq, guide)["pred"]`` with ``lq (b, t, 1, h, w)``,
        depth in units of ``net.depth_range_m`` metres, and ``guide (b, t, 3, H, W)`` in [0, 1].
        For metres, holes, any size and length take :class:`stdnet_arch.DepthSRPredictor`.

    Raises:
        ValueError: no such weights, or a damaged file.
    """
    shipped = find(name)
    shipped.check()
    loaded = load_network(shipped.path)
    net = loaded.net.to(device)
    net.depth_range_m = loaded.depth_range_m  # type: ignore[assignment]
    return net


def digest_parameters(parameters: Mapping[str, Tensor]) -> str:
    """Compute the SHA-256 of parameters: names, types, shapes and values."""
    total = hashlib.sha256()
    for name in sorted(parameters):
        value = parameters[name].detach().cpu().contiguous()
        total.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
