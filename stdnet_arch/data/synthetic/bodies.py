"""Furniture and other bodies of synthetic rooms: shapes that move together."""

from collections.abc import Callable

import numpy as np

from stdnet_arch.data.synthetic.shapes import Array, Box, Ellipsoid, Shape, Tube

Pieces = list[tuple[Shape, Array]]
"""Shapes of one body and their offsets from its centre; y points down."""


def draw_standing(rng: np.random.Generator, radius: float) -> tuple[Pieces, Array]:
    """A body that stands on its lowest piece, and a turn about the vertical."""
    return _STANDING[rng.integers(len(_STANDING))](rng, radius), _turned(rng, 0.0)


def draw_hanging(rng: np.random.Generator, radius: float) -> tuple[Pieces, Array]:
    """A body in the air, and a turn."""
    return _HANGING[rng.integers(len(_HANGING))](rng, radius), _turned(rng, 0.7)


def lowest(pieces: Pieces) -> float:
    """Measure how far a body that is not tilted reaches below its centre [m]."""
    return float(max(offset[1] + shape.half[1] for shape, offset in pieces))


def _turned(rng: np.random.Generator, tilt: float) -> Array:
    """A rotation: any angle about the vertical, up to ``tilt`` [rad] about the two others."""
    a, b, c = rng.uniform(-1, 1, 3) * np.array([np.pi, tilt, tilt])
    yaw = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    pitch = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    roll = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return yaw @ pitch @ roll


def _leg(rng: np.random.Generator, half_height: float) -> Shape:
    """A leg of 16 to 50 mm: round or square."""
    thin = rng.uniform(0.008, 0.025)
    half = np.array([thin, half_height, thin])
    return Tube(half) if rng.random() < 0.5 else Box(half)


def _legs(rng: np.random.Generator, half: Array, low: float, high: float) -> Pieces:
    """Four legs under a board of ``half`` sides, from ``high`` down to ``low``."""
    leg = _leg(rng, (low - high) / 2)
    at = half[[0, 2]] - leg.half[[0, 2]]
    return [
        (leg, np.array([x * at[0], (low + high) / 2, z * at[1]])) for x in (-1, 1) for z in (-1, 1)
    ]


def _crate(rng: np.random.Generator, radius: float) -> Pieces:
    return [(Box(radius * rng.uniform(0.3, 0.7, 3)), np.zeros(3))]


def _cupboard(rng: np.random.Generator, radius: float) -> Pieces:
    """An upright box with a board that stands out on top."""
    half = radius * np.array([rng.uniform(0.3, 0.6), rng.uniform(0.6, 0.9), rng.uniform(0.2, 0.4)])
    top = np.array([half[0] + 0.02, 0.015, half[2] + 0.02])
    return [(Box(half), np.zeros(3)), (Box(top), np.array([0, -half[1] - 0.015, 0]))]


def _table(rng: np.random.Generator, radius: float) -> Pieces:
    half = np.array([0.75 * radius, 0.015, radius * rng.uniform(0.4, 0.7)])
    high = -0.45 * radius
    return [(Box(half), np.array([0, high, 0])), *_legs(rng, half, 0.45 * radius, high)]


def _chair(rng: np.random.Generator, radius: float) -> Pieces:
    """A seat on four legs with a back, closed or of bars."""
    side = rng.uniform(0.3, 0.42) * radius
    seat = np.array([side, 0.02, side])
    pieces = [(Box(seat), np.zeros(3)), *_legs(rng, seat, 0.7 * radius, 0.0)]
    if rng.random() < 0.5:
        back = Box(np.array([side, 0.35 * radius, 0.012]))
        return [*pieces, (back, np.array([0, -0.35 * radius, side - 0.012]))]
    bar = _leg(rng, 0.35 * radius)
    at = np.linspace(-1, 1, int(rng.integers(3, 6))) * (side - bar.half[0])
    return pieces + [(bar, np.array([x, -0.35 * radius, side - bar.half[2]])) for x in at]


def _lamp(rng: np.random.Generator, radius: float) -> Pieces:
    """A thin pole with a foot and a shade."""
    pole = Tube(np.array([0.008, 0.8 * radius, 0.008]))
    foot = Tube(np.array([0.2 * radius, 0.012, 0.2 * radius]))
    shade = rng.uniform(0.15, 0.3) * radius
    top = Tube(np.array([shade, 0.7 * shade, shade]))
    return [
        (pole, np.zeros(3)),
        (foot, np.array([0, 0.8 * radius, 0])),
        (top, np.array([0, -0.8 * radius - 0.5 * shade, 0])),
    ]


def _shelf(rng: np.random.Generator, radius: float) -> Pieces:
    """Boards between two sides, open to look through."""
    width, high, deep = radius * np.array([rng.uniform(0.4, 0.6), 0.8, 0.2])
    side, board = Box(np.array([0.012, high, deep])), Box(np.array([width, 0.01, deep]))
    levels = np.linspace(-1, 1, int(rng.integers(3, 6))) * (high - 0.01)
    sides: Pieces = [(side, np.array([x * width, 0, 0])) for x in (-1, 1)]
    return sides + [(board, np.array([0, y, 0])) for y in levels]


def _creature(rng: np.random.Generator, radius: float) -> Pieces:
    """A rounded body with a head and legs: an outline without straight lines."""
    long, thick = 0.55 * radius, rng.uniform(0.25, 0.35) * radius
    body = (Ellipsoid(np.array([long, thick, thick])), np.zeros(3))
    head = (Ellipsoid(np.full(3, 0.2 * radius)), np.array([1.1 * long, -0.8 * thick, 0]))
    leg = np.array([0.08, 0.35, 0.08]) * radius
    legs: Pieces = [
        (Ellipsoid(leg), np.array([x * 0.6 * long, thick, z * 0.5 * thick]))
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    return [body, head, *legs]


def _ball(rng: np.random.Generator, radius: float) -> Pieces:
    return [(Ellipsoid(radius * rng.uniform(0.4, 0.8, 3)), np.zeros(3))]


def _panel(rng: np.random.Generator, radius: float) -> Pieces:
    """A board."""
    half = radius * np.array([rng.uniform(0.5, 1), rng.uniform(0.5, 1), 0.0])
    return [(Box(half + [0, 0, 0.01]), np.zeros(3))]


def _slats(rng: np.random.Generator, radius: float) -> Pieces:
    """Thin parallel bars with gaps to look through."""
    bar = _leg(rng, 0.9 * radius)
    at = np.linspace(-0.7, 0.7, int(rng.integers(3, 7))) * radius
    return [(bar, np.array([x, 0, 0])) for x in at]


_STANDING: tuple[Callable[[np.random.Generator, float], Pieces], ...] = (
    _crate,
    _cupboard,
    _table,
    _table,
    _chair,
    _chair,
    _lamp,
    _shelf,
    _creature,
    _ball,
    _slats,
)
_HANGING: tuple[Callable[[np.random.Generator, float], Pieces], ...] = (
    _ball,
    _crate,
    _panel,
    _slats,
)
