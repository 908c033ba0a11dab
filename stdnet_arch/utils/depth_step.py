"""The quantisation step of low-resolution depth: what a network may be told of its sensor."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

DTOF_STEP_M = 100.0 / 1023
"""Width of a bin of the published dToF sensor [m]."""


def takes_step(net: object) -> bool:
    """Say whether a network reads its attribute ``step``."""
    return hasattr(net, "step")


@contextmanager
def depth_step(net: Any, step: object) -> Iterator[None]:  # noqa: ANN401  any network
    """Set ``net.step`` for a while, if the network reads it.

    Args:
        net: a network of this package.
        step: quantisation step of ``lq``, in units of ``lq``; a tensor ``(b,)``, or None: unknown.
    """
    if not takes_step(net):
        yield
        return
    before, net.step = net.step, step
    try:
        yield
    finally:
        net.step = before
