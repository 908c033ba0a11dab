"""Penalties of errors: the pixel criteria that weights and masks are put on."""

from collections.abc import Callable

from torch import Tensor

HUBER_DELTA = 0.01
CHARBONNIER_EPS = 1e-3


def _huber(error: Tensor) -> Tensor:
    """``x^2 / 2`` within delta, ``delta (|x| - delta / 2)`` beyond."""
    size = error.abs()
    beyond = HUBER_DELTA * (size - HUBER_DELTA / 2)
    return (error.square() / 2).where(size <= HUBER_DELTA, beyond)


def _charbonnier(error: Tensor) -> Tensor:
    return (error.square() + CHARBONNIER_EPS**2).sqrt() - CHARBONNIER_EPS


PENALTIES: dict[str, Callable[[Tensor], Tensor]] = {
    "l1": Tensor.abs,
    "l2": Tensor.square,
    "huber": _huber,
    "charbonnier": _charbonnier,
}
"""``l2`` is the papers' of SoSR and ToSR, ``huber`` (delta 0.01) ToSR's released script's."""


def read_penalty(criterion: str) -> Callable[[Tensor], Tensor]:
    """The function of that name, errors to costs of the same shape.

    Raises:
        ValueError: there is none.
    """
    if criterion not in PENALTIES:
        raise ValueError(f"criterion must be one of {', '.join(PENALTIES)}, got {criterion!r}")
    return PENALTIES[criterion]
