"""Files of weights that a run starts from or compares with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from basicsr.archs import build_network
from torch import nn

from stdnet_arch.archs.checkpoints.adapters import read_checkpoint
from stdnet_arch.archs.standardized_arch import load_weights

WEIGHTS = "weights"
"""Key of a baseline that names its file."""


def build_baseline(entry: Mapping[str, Any]) -> nn.Module:
    """Build a method that a run is compared with.

    Args:
        entry: ``type`` and arguments of an arch and, of a trained one, ``weights``: its checkpoint,
            which must know depth in the same unit as the run. Those of a ``Standardized`` may be
            its inner network's, which may know another unit: metres in a run of 20 m by
            ``mean: 0`` and ``spread: 0.05``.

    Raises:
        FileNotFoundError, ValueError: the checkpoint cannot be read or does not fit.
    """
    options = dict(entry)
    path = options.pop(WEIGHTS, None)
    net = build_network(options)
    if path is not None:
        try:
            load_weights(net, read_checkpoint(path))
        except RuntimeError as error:
            raise ValueError(f"val.baselines: {path} does not fit {options}: {error}") from error
    return net


def check_start(path: str | Path) -> Path:
    """Raise FileNotFoundError unless a checkpoint to start from is there."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"path.pretrain_network_g: expected a checkpoint, found no file {path} (looked "
            f"from {Path.cwd()}); train it first, or start in the folder it is relative to"
        )
    return Path(path)
