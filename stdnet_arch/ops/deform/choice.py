"""Choice of the backend that samples: by device, or as caller, context or environment say."""

import contextlib
import contextvars
import functools
import importlib.util
import os
from collections.abc import Iterator
from typing import Literal, get_args

import torch
from torch import Tensor

from stdnet_arch.ops.deform.layout import Sampler

Backend = Literal["grid_sample", "gather", "rows", "torchvision", "triton"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
VARIABLE = "STDNET_DEFORM_BACKEND"
# Measured on 2 cores: with fewer channels per group the rows are too short to be worth sorting.
ROWS_FROM_CHANNELS = 24

_chosen: contextvars.ContextVar[Backend | None] = contextvars.ContextVar("backend", default=None)


@contextlib.contextmanager
def deform_backend(backend: Backend) -> Iterator[None]:
    """Sample with ``backend`` inside a ``with``, wherever no ``backend=`` argument says otherwise.

    Args:
        backend: one of ``BACKENDS``.

    Raises:
        ValueError: there is no such backend.
    """
    token = _chosen.set(_known(backend, "backend"))
    try:
        yield
    finally:
        _chosen.reset(token)


def choose_backend(x: Tensor, groups: int, backend: Backend | None = None) -> Backend:
    """The argument, else :func:`deform_backend`, else the environment's
    ``STDNET_DEFORM_BACKEND``, else by device.

    Args:
        x: maps, ``(b, c, h, w)``.
        groups: groups of channels with their own positions.
        backend: choice of the caller.

    Returns:
        ``triton`` on CUDA where it is installed; ``rows`` on a CPU, or ``grid_sample`` if groups
        are narrow. ``grid_sample`` on other devices, while a graph is exported, and compiled on a
        CPU.

    Raises:
        ValueError: the backend is unknown, or cannot sample such maps.
        ImportError: it needs a package that is not installed.
    """
    asked = _known(backend, "backend") if backend else _asked_around()
    if asked is None:
        return _by_device(x, x.shape[1] // groups)
    _check_possible(asked, x)
    return asked


@torch.compiler.assume_constant_result
def _asked_around() -> Backend | None:
    """Read what :func:`deform_backend` or the environment asks for; a compiled graph keeps it.

    Torch below 2.12 cannot trace the reading of a context variable.
    """
    asked = _chosen.get()
    if asked is None and os.environ.get(VARIABLE):
        return _known(os.environ[VARIABLE], VARIABLE)
    return asked


def sampler_of(backend: Backend) -> Sampler:
    """The sampler of a backend that has one (all but ``torchvision``).

    Raises:
        ValueError: ``torchvision`` samples windows, not positions.
    """
    if backend == "torchvision":
        raise ValueError("backend must sample at any position, which torchvision cannot")
    if backend == "triton":
        # Imported where used: triton is not installed everywhere.
        from stdnet_arch.ops.deform.triton_rows import TRITON

        return TRITON
    from stdnet_arch.ops.deform.plain import GATHER, GRID_SAMPLE
    from stdnet_arch.ops.deform.rows import ROWS

    return {"grid_sample": GRID_SAMPLE, "gather": GATHER, "rows": ROWS}[backend]


def _known(backend: str, what: str) -> Backend:
    for name in BACKENDS:
        if name == backend:
            return name
    raise ValueError(f"{what} must be one of {', '.join(BACKENDS)}, got {backend!r}")


def _by_device(x: Tensor, channels: int) -> Backend:
    if _exporting():
        return "grid_sample"
    if x.device.type == "cuda" and x.dtype != torch.float64 and has_triton():
        return "triton"
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return "grid_sample"
    return "rows" if channels >= ROWS_FROM_CHANNELS else "grid_sample"


def _exporting() -> bool:
    """Tell whether the graph is for elsewhere, where only PyTorch's own operators exist."""
    # torch 2.6 cannot tell a graph that is exported from one that is compiled.
    exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)
    return exporting() or torch.jit.is_tracing()


@functools.cache
def has_triton() -> bool:
    """Tell whether the package is installed."""
    return importlib.util.find_spec("triton") is not None


def _check_possible(backend: Backend, x: Tensor) -> None:
    """Say what a backend needs, before a kernel says it in its own words."""
    if backend == "rows" and x.device.type != "cpu":
        raise ValueError(f"backend 'rows' needs tensors on the CPU, got {x.device}")
    if backend == "triton" and not has_triton():
        raise ImportError("backend 'triton' needs the package triton: pip install triton")
    if backend == "triton" and x.device.type == "cpu" and not os.environ.get("TRITON_INTERPRET"):
        raise ValueError("backend 'triton' needs tensors on CUDA (or TRITON_INTERPRET=1), got cpu")
