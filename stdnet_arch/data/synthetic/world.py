"""Draws the scene of a synthetic clip from a seed: a furnished room, things that move, a camera."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.synthetic.scene import (
    Array,
    Box,
    Camera,
    Ellipsoid,
    Motion,
    Part,
    Room,
    Scene,
    Shape,
)
from stdnet_arch.data.synthetic.texture import make_atlas

NUM_TEXTURES = 32  # shared by all clips, which tint them
CLEARANCE_M = 0.9  # between the camera's path and every thing's path

Pieces = list[tuple[Shape, Array]]  # shapes of one body and their offsets from its centre


def draw_scene(
    seed: int, clip: int, size: tuple[int, int], atlas: NDArray[np.uint8] | None = None
) -> Scene:
    """Draw everything that a clip shows; the same arguments give the same clip.

    Args:
        seed: seed of the textures and of the clips.
        clip: number of the clip.
        size: ``(H, W)`` of the frames.
        atlas: result of ``draw_textures(seed)``, to make it only once for many clips.
    """
    rng = np.random.default_rng((seed, clip))
    room = np.array([rng.uniform(2.6, 4.2), rng.uniform(1.3, 1.8), rng.uniform(3.2, 4.6)])
    camera = _draw_camera(rng, room, size)
    walls = Part(Room(room), np.zeros(3), _still(np.zeros(3), np.eye(3)), *_draw_paint(rng, 3))
    layout = _Layout(rng, room, camera, size)
    parts = [walls]
    num_bodies = int(rng.integers(7, 12))
    for k in range(num_bodies):
        parts += layout.draw_body(moves=k % 2 == 0)
    light = room * rng.uniform(-0.6, 0.6, 3)
    light[1] = -0.85 * room[1]
    noise = rng.uniform(0.5, 3)
    atlas = draw_textures(seed) if atlas is None else atlas
    return Scene(tuple(parts), camera, atlas, light, size, noise, (seed, clip))


@lru_cache(maxsize=4)
def draw_textures(seed: int) -> NDArray[np.uint8]:
    """The textures of all clips of a seed, as one atlas."""
    return make_atlas(np.random.default_rng(seed), NUM_TEXTURES)


def _draw_camera(rng: np.random.Generator, room: Array, size: tuple[int, int]) -> Camera:
    """A camera near one end of the room, looking at its other end."""
    H, W = size
    focal = max(H, W) * rng.uniform(0.8, 1.1)
    calm = rng.uniform(0.5, 1.3)
    eye = room * np.array([rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.1), 0])
    eye[2] = -room[2] + 0.7
    target = room * np.array([rng.uniform(-0.35, 0.35), rng.uniform(-0.1, 0.5), 0.5])
    return Camera(
        fx=focal,
        fy=focal * rng.uniform(0.97, 1.03),
        cx=(W - 1) / 2 + W * rng.uniform(-0.02, 0.02),
        cy=(H - 1) / 2 + H * rng.uniform(-0.02, 0.02),
        eye=_swinging(rng, eye, calm * np.array([0.45, 0.15, 0.35]), np.eye(3)),
        target=_swinging(rng, target, calm * np.array([0.5, 0.2, 0.1]), np.eye(3)),
    )


@dataclass(frozen=True)
class _Layout:
    """Places bodies where the camera can see them, and never in its way."""

    rng: np.random.Generator
    room: Array
    camera: Camera
    size: tuple[int, int]

    def draw_body(self, moves: bool) -> list[Part]:
        """One body of a random kind, all of its parts on one path."""
        rng = self.rng
        depth_m = float(np.exp(rng.uniform(np.log(1.6), np.log(2 * self.room[2]))))
        radius = depth_m * rng.uniform(0.08, 0.22)
        pieces, rotation = _BODIES[rng.integers(len(_BODIES))](rng, radius)
        swing = rng.uniform(0.05, 0.4, 3) * np.array([1, 0.4, 1]) * moves
        reach = radius + float(np.linalg.norm(swing) + np.linalg.norm(self.camera.eye.swing))
        centre = self._place(max(depth_m, reach + CLEARANCE_M), reach)
        if moves:
            motion = _swinging(rng, centre, swing, rotation, spin=rng.normal(0, 0.04))
        else:
            motion = _still(centre, rotation)
        paint = _draw_paint(rng, 1)
        return [Part(shape, offset, motion, *paint) for shape, offset in pieces]

    def _place(self, depth_m: float, reach: float) -> Array:
        """A point seen at about a depth at frame 0; one inside the room unless that is too near."""
        H, W = self.size
        pose = self.camera.at(0)
        for _ in range(20):
            x, y = self.rng.uniform(0, W, 1), self.rng.uniform(0, H, 1)
            ray = pose.rotation @ self.camera.rays(x, y)[:, 0]
            point = np.clip(pose.position + depth_m * ray, -0.95 * self.room, 0.95 * self.room)
            if np.linalg.norm(point - self.camera.eye.centre) > reach + CLEARANCE_M:
                return point
        return pose.position + (reach + CLEARANCE_M) * 1.5 * pose.rotation[:, 2]


def _still(centre: Array, rotation: Array) -> Motion:
    """No motion."""
    return Motion(centre, rotation, np.zeros(3), np.zeros(3), np.zeros(3), 0.0)


def _swinging(
    rng: np.random.Generator, centre: Array, swing: Array, rotation: Array, spin: float = 0.0
) -> Motion:
    """A swing of 35 to 90 frames along each axis, from a random place on it."""
    turns = 1 / rng.uniform(35, 90, 3)
    return Motion(centre, rotation, swing, turns, rng.uniform(0, 2 * np.pi, 3), spin)


def _draw_paint(rng: np.random.Generator, different: int) -> tuple[tuple[int, int, int], Array]:
    """Textures of the three faces, all the same or ``different`` ones, and their tint."""
    a, b, c = ([int(k) for k in rng.integers(0, NUM_TEXTURES, different)] * 3)[:3]
    return (a, b, c), rng.uniform(0.55, 1.1, 3)


def _turned(rng: np.random.Generator, tilt: float) -> Array:
    """A rotation: any angle about the vertical, up to ``tilt`` [rad] about the two others."""
    a, b, c = rng.uniform(-1, 1, 3) * np.array([np.pi, tilt, tilt])
    yaw = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    pitch = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    roll = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return yaw @ pitch @ roll


def _ball(rng: np.random.Generator, radius: float) -> tuple[Pieces, Array]:
    half = radius * rng.uniform(0.5, 0.9, 3)
    return [(Ellipsoid(half), np.zeros(3))], _turned(rng, 0.8)


def _crate(rng: np.random.Generator, radius: float) -> tuple[Pieces, Array]:
    half = radius * rng.uniform(0.3, 0.7, 3)
    return [(Box(half), np.zeros(3))], _turned(rng, 0.6)


def _panel(rng: np.random.Generator, radius: float) -> tuple[Pieces, Array]:
    """A slanted board."""
    half = radius * np.array([rng.uniform(0.5, 1), rng.uniform(0.5, 1), 0.01])
    return [(Box(half), np.zeros(3))], _turned(rng, 0.7)


def _slats(rng: np.random.Generator, radius: float) -> tuple[Pieces, Array]:
    """Thin parallel bars with gaps to look through."""
    num_bars = int(rng.integers(3, 6))
    thin = radius * rng.uniform(0.04, 0.1)
    x = np.linspace(-0.7, 0.7, num_bars) * radius
    half = np.array([thin, radius * 0.9, thin])
    return [(Box(half), np.array([at, 0, 0])) for at in x], _turned(rng, 0.3)


def _table(rng: np.random.Generator, radius: float) -> tuple[Pieces, Array]:
    width, depth, thin = radius * np.array([0.7, rng.uniform(0.4, 0.7), 0.06])
    top = (Box(np.array([width, thin, depth])), np.array([0, -0.4 * radius, 0]))
    leg = np.array([thin, 0.4 * radius, thin])
    legs = [
        (Box(leg), np.array([x * (width - thin), 0.05 * radius, z * (depth - thin)]))
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    return [top, *legs], _turned(rng, 0.0)


def _creature(rng: np.random.Generator, radius: float) -> tuple[Pieces, Array]:
    """A rounded body with a head and legs: an outline without straight lines."""
    long, thick = 0.55 * radius, rng.uniform(0.25, 0.35) * radius
    body = (Ellipsoid(np.array([long, thick, thick])), np.zeros(3))
    head = (Ellipsoid(np.full(3, 0.2 * radius)), np.array([1.1 * long, -0.8 * thick, 0]))
    leg = np.array([0.08, 0.35, 0.08]) * radius
    legs = [
        (Ellipsoid(leg), np.array([x * 0.6 * long, thick, z * 0.5 * thick]))
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    return [body, head, *legs], _turned(rng, 0.15)


_BODIES: tuple[Callable[[np.random.Generator, float], tuple[Pieces, Array]], ...] = (
    _ball,
    _crate,
    _panel,
    _slats,
    _table,
    _creature,
)
