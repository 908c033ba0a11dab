"""Surfaces that a ray can hit: boxes, rooms with doors, ellipsoids, tubes.

Points are ``(3, n)``, metres. Rotations turn local into world coordinates.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ROUNDING = 1e-6  # far above the errors of float64, far below a pixel and a metre


class Pose(NamedTuple):
    """Place of a body or camera: ``world = rotation @ local + position``."""

    rotation: Array  # (3, 3)
    position: Array  # (3,)

    def to_world(self, points: Array) -> Array:
        """Local points in world coordinates, ``(3, n)``."""
        return self.rotation @ points + self.position[:, None]

    def to_local(self, points: Array) -> Array:
        """World points in local coordinates, ``(3, n)``."""
        return self.rotation.T @ (points - self.position[:, None])


class Surface(NamedTuple):
    """Look of a shape at points of its surface."""

    uv_m: NDArray[np.floating]  # surface coordinates [m], (2, n)
    face: NDArray[np.int64]  # 0, 1 or 2, (n,)
    normal: NDArray[np.floating]  # of length 1, outwards or inwards, (3, n)


class Shape(Protocol):
    """A surface around the local origin that a ray can hit."""

    @property
    def half(self) -> Array:
        """Half of the bounding box's sides [m], ``(3,)``."""

    def hit(self, origin: Array, direction: Array) -> Array:
        """First hits of rays ``origin + s * direction``: ``s > 0``, or inf for a miss, ``(n,)``.

        Args:
            origin: start of all rays, ``(3, 1)``.
            direction: ``(3, n)``, of any length.
        """

    def surface(self, point: NDArray[np.floating]) -> Surface:
        """Describe the surface at points on it, ``(3, n)``, in their own precision."""


@dataclass(frozen=True)
class Box:
    """A box, seen from outside; thin ones are panels and bars."""

    half: Array

    def hit(self, origin: Array, direction: Array) -> Array:
        """See ``Shape``."""
        enter, leave = self._slabs(origin, direction)
        distance, nearest_exit = enter.max(axis=0), leave.min(axis=0)
        return np.where((distance <= nearest_exit) & (distance > 0), distance, np.inf)

    def surface(self, point: NDArray[np.floating]) -> Surface:
        """See ``Shape``: coordinates within the face."""
        x, y, z = np.abs(point) / self.half[:, None].astype(point.dtype)
        on_x, on_z = (x >= y) & (x >= z), (z > x) & (z > y)
        on_y = ~(on_x | on_z)
        uv_m = np.stack([np.where(on_x, point[2], point[0]), np.where(on_y, point[2], point[1])])
        face = on_y + 2 * on_z.astype(np.int64)
        return Surface(uv_m, face, np.stack([on_x, on_y, on_z]).astype(point.dtype))

    def _slabs(self, origin: Array, direction: Array) -> tuple[Array, Array]:
        """Find where rays enter and leave the space between opposite faces, ``(3, n)`` each."""
        half = self.half[:, None]
        with np.errstate(divide="ignore"):
            one, other = (-half - origin) / direction, (half - origin) / direction
        return np.minimum(one, other), np.maximum(one, other)


@dataclass(frozen=True)
class Opening:
    """A rectangle without wall: a door or a window."""

    axis: int  # of the wall's normal: 0 or 2
    side: int  # -1 or 1: which of the two walls
    centre: tuple[float, float]  # along the other horizontal axis and along y [m]
    half: tuple[float, float]  # [m]


@dataclass(frozen=True)
class Room(Box):
    """A box, seen from inside: walls, floor and ceiling, which may have openings."""

    openings: tuple[Opening, ...] = ()

    def hit(self, origin: Array, direction: Array) -> Array:
        """See ``Shape``. From outside, rays pass the walls that they enter through."""
        half = self.half[:, None]
        if (np.abs(origin) < half).all():
            with np.errstate(divide="ignore"):
                leave = (np.copysign(half, direction) - origin) / direction
            distance = leave.min(axis=0)
        else:
            enter, leave = self._slabs(origin, direction)
            distance, last_entry = leave.min(axis=0), enter.max(axis=0)
            distance = np.where((last_entry <= distance) & (distance > 0), distance, np.inf)
        for opening in self.openings:
            distance[self._passes(opening, origin, direction, leave)] = np.inf
        return distance

    def holds(self, point: Array) -> NDArray[np.bool_]:
        """Tell whether points lie within the walls, ``(n,)``."""
        within = np.abs(point) <= self.half[:, None] * (1 + ROUNDING)
        return np.asarray(within.all(axis=0))

    def _passes(
        self, opening: Opening, origin: Array, direction: Array, leave: Array
    ) -> NDArray[np.bool_]:
        """Find the rays that leave through an opening."""
        axis, other = opening.axis, 2 - opening.axis
        along = leave[axis]
        passes = (along <= leave.min(axis=0)) & (np.sign(direction[axis]) == opening.side)
        for k, centre, half in zip((other, 1), opening.centre, opening.half, strict=True):
            at = origin[k] + direction[k] * np.where(passes, along, 0)
            passes &= np.abs(at - centre) < half
        return passes


@dataclass(frozen=True)
class Ellipsoid:
    """A ball with three radii ``half``."""

    half: Array

    def hit(self, origin: Array, direction: Array) -> Array:
        """See ``Shape``."""
        half = self.half[:, None]
        o, d = origin / half, direction / half  # the unit ball
        a, b, c = (d * d).sum(axis=0), (o * d).sum(axis=0), (o * o).sum() - 1
        inside = b * b - a * c
        distance = (-b - np.sqrt(np.maximum(inside, 0))) / a
        return np.where((inside > 0) & (distance > 0), distance, np.inf)

    def surface(self, point: NDArray[np.floating]) -> Surface:
        """See ``Shape``: longitude and latitude, in metres at the mean radius."""
        half = self.half[:, None].astype(point.dtype)
        ball = point / half
        uv = np.stack([np.arctan2(ball[0], ball[2]), np.arcsin(np.clip(ball[1], -1, 1))])
        face = np.zeros(point.shape[1], np.int64)
        return Surface(half.mean() * uv, face, _unit(ball / half))


@dataclass(frozen=True)
class Tube:
    """An upright tube with closed ends: radii ``half[0]`` and ``half[2]``, height 2 ``half[1]``."""

    half: Array

    def hit(self, origin: Array, direction: Array) -> Array:
        """See ``Shape``."""
        half = self.half[:, None]
        o, d = origin / half, direction / half
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.sort([(-1 - o[1]) / d[1], (1 - o[1]) / d[1]], axis=0)
            a, b = d[0] ** 2 + d[2] ** 2, o[0] * d[0] + o[2] * d[2]
            root = np.sqrt(np.maximum(b * b - a * (o[0] ** 2 + o[2] ** 2 - 1), -1))
            enter = np.maximum((-b - root) / a, ends[0])
            leave = np.minimum((-b + root) / a, ends[1])
        inside = b * b > a * (o[0] ** 2 + o[2] ** 2 - 1)
        return np.where(inside & (enter <= leave) & (enter > 0), enter, np.inf)

    def surface(self, point: NDArray[np.floating]) -> Surface:
        """See ``Shape``: around and along, in metres at the mean radius; face 1 at the ends."""
        half = self.half[:, None].astype(point.dtype)
        x, y, z = point / half
        end = np.abs(y) >= np.sqrt(x * x + z * z)
        around = half[::2].mean() * np.arctan2(x, z)
        uv_m = np.stack([np.where(end, point[0], around), np.where(end, point[2], point[1])])
        side = ~end
        normal = _unit(np.stack([side * x / half[0], end.astype(point.dtype), side * z / half[2]]))
        return Surface(uv_m, end.astype(np.int64), normal)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Vectors of length 1, ``(3, n)``."""
    return vectors / np.sqrt(np.einsum("in,in->n", vectors, vectors))
