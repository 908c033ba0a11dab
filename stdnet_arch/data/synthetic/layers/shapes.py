"""Outlines of cut-outs: functions that are positive inside, of coordinates of about -1 to 1.

Each takes ``x`` (right) and ``y`` (down), ``(n, t, h, w)``, and ``p``, ``(n, P)`` numbers in [0, 1)
that give each of the ``n`` its own form. Things that stand have their feet at ``y = 1``. The values
need not be distances: their slope is measured where they are drawn.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

OUTLINE_NUMBERS = 12
"""Numbers ``P`` that describe one outline."""


class _Form:
    """Numbers of the outlines, by place, stretched over a range and shaped for broadcasting."""

    def __init__(self, p: Tensor) -> None:
        self.p = p

    def __call__(self, i: int, lo: float, hi: float) -> Tensor:
        return (lo + (hi - lo) * self.p[:, i])[:, None, None, None]


def _box(x: Tensor, y: Tensor, half_x: Tensor | float, half_y: Tensor | float) -> Tensor:
    return torch.minimum(half_x - x.abs(), half_y - y.abs())


def _length(x: Tensor, y: Tensor) -> Tensor:
    """As ``hypot``, which is slow on a CPU."""
    return (x * x + y * y).sqrt()


def _any(*parts: Tensor) -> Tensor:
    out = parts[0]
    for part in parts[1:]:
        out = torch.maximum(out, part)
    return out


def _nearest_of(x: Tensor, pitch: Tensor, count: Tensor) -> Tensor:
    """Distance from the nearest of ``2 count + 1`` places ``pitch`` apart, around 0."""
    cell = torch.minimum((x / pitch).round().abs(), count) * x.sign()
    return x - cell * pitch


def quad(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """The square from -1 to 1; its frame's vectors make it any parallelogram."""
    return _box(x, y, 1.0, 1.0)


def blob(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """A round thing with bulges."""
    f = _Form(p)
    angle = torch.atan2(y, x)
    radius = f(0, 0.55, 0.8)
    for m in (2, 3, 5):
        radius = radius + f(m, 0, 0.5) / m * torch.cos(m * angle + f(m + 4, 0, 6.3))
    return radius - _length(x, y * f(1, 0.7, 1.8))


def box(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """A rectangle with round corners, or leaning sides."""
    f = _Form(p)
    round_by = f(0, 0.0, 0.3)
    x = x * (1 + f(3, -0.4, 0.4) * (f(4, 0, 1) < 0.3) * y)
    dx = x.abs() - f(1, 0.35, 1) + round_by
    dy = y.abs() - 1 + round_by
    outside = _length(dx.clamp_min(0), dy.clamp_min(0))
    return round_by - outside - torch.maximum(dx, dy).clamp_max(0)


def bar(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """One to five poles beside one another."""
    f = _Form(p)
    x = _nearest_of(x, f(1, 0.25, 0.8), (f(2, -1.6, 2.4)).round().clamp_min(0))
    return _box(x, y, f(0, 0.015, 0.1), f(3, 1.0, 1.6))


def bent_bar(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """A hose, arm or branch: a bar along a parabola and a wave."""
    f = _Form(p)
    middle = f(0, -0.6, 0.6) * y * y + f(1, -0.15, 0.15) * torch.sin(y * f(2, 1, 6) + f(3, 0, 6))
    width = f(4, 0.02, 0.1) * (1 + f(5, -0.5, 0.5) * y)
    return torch.minimum(width - (x - middle).abs(), 1 - y.abs())


def cable(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """A thin line that hangs through the whole picture."""
    f = _Form(p)
    middle = f(0, -0.2, 0.5) * x * x + f(1, -0.1, 0.1) * torch.sin(x * f(2, 0.5, 4) + f(3, 0, 6))
    return torch.minimum(f(4, 0.008, 0.03) - (y - middle).abs(), 3 - x.abs())


def ring(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """A ring, or an empty frame."""
    f = _Form(p)
    y = y * f(0, 0.7, 1.6)
    radius = torch.where(f(1, 0, 1) < 0.4, _length(x, y), torch.maximum(x.abs(), y.abs()))
    return f(2, 0.02, 0.13) - (radius - f(3, 0.55, 0.9)).abs()


def grid(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """Slats, a fence, or a grid."""
    f = _Form(p)
    across, along = x * f(0, 2, 6), y * f(1, 2, 6)
    slats = f(2, 0.06, 0.3) - (across - across.round()).abs()
    beams = f(3, 0.04, 0.2) - (along - along.round()).abs()
    both = torch.where(f(4, 0, 1) < 0.5, torch.maximum(slats, beams), slats)
    rails = f(5, 0.03, 0.1) - (y.abs() - f(6, 0.5, 0.95)).abs()
    return torch.minimum(torch.maximum(both, rails) / f(0, 2, 6), _box(x, y, 1.0, 1.0))


def polygon(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """Three to six straight edges."""
    f = _Form(p)
    out = 0.9 - _length(x, y)
    for side in range(4):
        angle = f(side, 0, 1.2) + side * math.pi / 2
        out = torch.minimum(
            out, f(side + 4, 0.2, 0.8) - (x * torch.cos(angle) + y * torch.sin(angle))
        )
    return out


def foliage(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """Leaves: many small lobes within a crown, and a stem."""
    f = _Form(p)
    a, b = f(0, 7, 20), f(1, 7, 20)
    turn = f(2, 0.2, 1.2)
    u = x + turn * y + 0.15 * torch.sin(y * a * 0.6 + f(3, 0, 6))
    v = y - turn * x + 0.15 * torch.sin(x * b * 0.6 + f(4, 0, 6))
    leaves = torch.sin(u * a) + torch.sin(v * b) + f(5, -0.6, 1.1)
    crown = 0.85 - _length(x, (y + 0.15) * f(6, 0.9, 1.6))
    leaves = torch.minimum(leaves / 14 + 0.25 * crown.clamp_max(0.3), crown)
    stem = torch.minimum(_box(x - 0.1 * torch.sin(3 * y), y, f(7, 0.015, 0.06), 1.0), y)
    return torch.maximum(leaves, stem)


def figure(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """A person: head, trunk, two arms, two legs."""
    f = _Form(p)
    lean = f(0, -0.15, 0.15) * (1 - y)
    x = (x - lean) * 1.4
    head = f(1, 0.11, 0.15) - _length(x, (y + 0.84) * 0.85)
    trunk = 0.1 - _length(
        (x.abs() - f(2, 0.08, 0.16)).clamp_min(0), (y + 0.3).abs().sub(0.3).clamp_min(0)
    )
    swing, stride = f(3, -0.1, 0.5), f(4, 0.02, 0.3)
    arm_x = (
        x.abs() - f(2, 0.13, 0.24) - swing * (y + 0.6).clamp_min(0) * (1 + f(5, -1, 1) * x.sign())
    )
    arms = torch.minimum(f(6, 0.04, 0.08) - arm_x.abs(), 0.4 - (y + 0.2).abs())
    leg_x = x.abs() - 0.09 - stride * y.clamp_min(0) * (1 + f(7, -0.9, 0.9) * x.sign())
    legs = torch.minimum(f(8, 0.06, 0.11) - leg_x.abs(), 0.55 - (y - 0.45).abs())
    return _any(head, trunk, arms, legs)


def furniture(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """A chair, a table or a stool, seen from the side."""
    f = _Form(p)
    seat_y, thick, half = f(0, -0.8, 0.2), f(1, 0.03, 0.12), f(2, 0.4, 1.0)
    seat = _box(x, y - seat_y, half, thick)
    splay = f(3, 0, 0.15)
    leg_x = x.abs() - half * f(4, 0.75, 0.98) - splay * (y - seat_y)
    legs = torch.minimum(f(5, 0.02, 0.07) - leg_x.abs(), torch.minimum(y - seat_y, 1 - y))
    inner = torch.minimum(
        f(5, 0.02, 0.07) - (x.abs() - half * f(6, 0.2, 0.6)).abs(), legs.new_ones(())
    )
    inner = torch.minimum(inner, torch.minimum(y - seat_y, 0.8 - y))
    back = torch.minimum(
        f(7, 0.03, 0.08) - (x - half * 0.9).abs(), torch.minimum(seat_y - y, y + 1)
    )
    slats = torch.minimum(0.05 - (y - seat_y + 0.3).abs(), half - x.abs())
    back = torch.where(f(8, 0, 1) < 0.5, torch.maximum(back, slats), back)
    rail = _box(x, y - f(9, 0.3, 0.8), half * 0.9, 0.03)
    return torch.where(f(10, 0, 1) < 0.5, _any(seat, legs, rail), _any(seat, legs, inner, back))


def shelf(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """Boards between two sides; one looks through."""
    f = _Form(p)
    board = f(0, 0.02, 0.06)
    half = f(1, 0.4, 1.0)
    sides = board - (x.abs() - half).abs()
    pitch = f(2, 0.3, 0.7)
    boards = board - (y - (y / pitch).round() * pitch).abs()
    return torch.minimum(torch.maximum(sides, boards), _box(x, y, half + board, 1.0))


def vessel(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """A bottle, vase, cup or lamp: a profile turned around the vertical."""
    f = _Form(p)
    profile = f(0, 0.2, 0.5) + f(1, -0.15, 0.2) * torch.sin(y * f(2, 1.5, 4) + f(3, 0, 6))
    neck = torch.sigmoid((y + f(4, -0.6, 0.7)) * f(5, 4, 20))
    profile = profile * (neck * (1 - f(6, 0.1, 0.7)) + f(6, 0.1, 0.7))
    handle = f(7, 0.03, 0.07) - (_length(x - profile, y - 0.2) - f(8, 0.15, 0.35)).abs()
    body = torch.minimum(profile - x.abs(), 1 - y.abs())
    return torch.where(f(9, 0, 1) < 0.3, torch.maximum(body, handle), body)


def wheel(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """A rim with spokes, a fan, or a star."""
    f = _Form(p)
    radius, angle = _length(x, y), torch.atan2(y, x)
    spokes = (angle + f(0, 0, 6)) * f(1, 1.5, 5).round()
    spokes = f(2, 0.02, 0.09) - radius * torch.sin(spokes).abs() / f(1, 1.5, 5).round() * 2
    rim = f(3, 0.02, 0.09) - (radius - 0.85).abs()
    return torch.minimum(_any(spokes, rim, 0.1 - radius), 0.92 - radius)


def openings(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """An endless wall with a row of doors or windows in it; the floor is at ``y = 1``."""
    f = _Form(p)
    pitch = f(0, 1.6, 4.0)
    x = x - (x / pitch).round() * pitch
    half_y = f(2, 0.3, 1.0)
    door = f(1, 0, 1) < 0.6
    middle = torch.where(door, 1.2 - half_y, torch.zeros_like(half_y))
    return -_box(x, y - middle, f(3, 0.25, 0.75), half_y)


def rail(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """A hand rail on posts, or a ladder."""
    f = _Form(p)
    post = f(0, 0.02, 0.06)
    near = _nearest_of(x, f(1, 0.3, 0.7), torch.full_like(post, 2.0))
    posts = _box(near, y, post, 1.0)
    top = _box(x, y + f(2, 0.7, 0.95), 2 * f(1, 0.3, 0.7) + post, post * f(3, 0.8, 2))
    low = _box(x, y - f(4, -0.5, 0.8), 2 * f(1, 0.3, 0.7), post * 0.7)
    return _any(posts, top, low)


OUTLINES: tuple[Callable[[Tensor, Tensor, Tensor], Tensor], ...] = (
    quad, blob, box, bar, bent_bar, cable, ring, grid, polygon, foliage,
    figure, furniture, shelf, vessel, wheel, openings, rail,
)  # fmt: skip
"""All outlines; a layer's kind is the place in this list."""

ENDLESS, NOTHING = len(OUTLINES), len(OUTLINES) + 1
"""Kinds without outline: a plane without end, and a layer that is not there."""

STANDING = (1, 2, 2, 2, 2, 3, 9, 10, 10, 10, 11, 11, 12, 13, 13, 13, 14, 16, 7)
"""Kinds that stand on the floor, as often as they shall occur."""
FLOATING = (1, 1, 1, 1, 2, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8, 8, 9, 13, 13, 14)
"""Kinds that hang, lie or are held, as often as they shall occur."""
