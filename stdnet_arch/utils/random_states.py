"""Random generators of a process: stored as plain values, left alone, or seeded for a while."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import distributed


def capture_rng(device: torch.device) -> dict[str, Any]:
    """The state of every random generator; ``torch.load`` reads it with ``weights_only``."""
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002  the toolbox seeds this one
    state = {
        "python": random.getstate(),
        "numpy": {
            "bit_generator": str(legacy["bit_generator"]),
            "key": legacy["state"]["key"].tolist(),
            "pos": int(legacy["state"]["pos"]),
            "has_gauss": int(legacy["has_gauss"]),
            "gauss": float(legacy["gauss"]),
        },
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_rng(state: Mapping[str, Any], device: torch.device) -> None:
    """Put back what :func:`capture_rng` returned."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    legacy = dict(state["numpy"])
    key = np.array(legacy.pop("key"), dtype=np.uint32)
    legacy["state"] = {"key": key, "pos": legacy.pop("pos")}
    np.random.set_state(legacy)  # noqa: NPY002
    torch.set_rng_state(state["torch"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)


@contextmanager
def untouched(device: torch.device | None = None) -> Iterator[None]:
    """Put every generator back at the end, so that whatever draws inside changes nothing outside.

    Args:
        device: a CUDA device whose generator is meant, too; None: only those of the CPU.
    """
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    of_torch = torch.get_rng_state()
    on_cuda = device is not None and device.type == "cuda"
    of_cuda = torch.cuda.get_rng_state(device) if device is not None and on_cuda else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        torch.set_rng_state(of_torch)
        if device is not None and of_cuda is not None:
            torch.cuda.set_rng_state(of_cuda, device)


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Draw numbers inside that follow only from ``key``; outside nothing changes.

    Generators of CUDA devices are not meant.

    Args:
        key: whole numbers >= 0.
    """
    of_python, of_numpy, of_torch = np.random.SeedSequence(key).generate_state(3)
    with untouched():
        random.seed(int(of_python))
        np.random.seed(int(of_numpy))  # noqa: NPY002  the toolbox's datasets draw from it
        torch.default_generator.manual_seed(int(of_torch))
        yield


def gather_objects(mine: Any) -> list[Any]:  # noqa: ANN401  anything that can be pickled
    """``mine`` of every rank, in the order of ranks, on every rank; a collective call."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return [mine]
    everyone: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(everyone, mine)
    return everyone
