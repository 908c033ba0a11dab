"""Draws the scene of a synthetic clip from a seed: a furnished room, things that move, a camera."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.synthetic.bodies import draw_hanging, draw_standing, lowest
from stdnet_arch.data.synthetic.scene import Scene
from stdnet_arch.data.synthetic.shapes import Array, Box, Opening, Room
from stdnet_arch.data.synthetic.stage import AimedCamera, Motion, Part
from stdnet_arch.data.synthetic.texture import make_atlas

NUM_TEXTURES = 48  # shared by all clips, which tint them
CLEARANCE_M = 0.9  # between the camera's path and every thing's path
FARTHEST_M = 11.0  # from the camera's end of the room: what a door shows ends there
HANGING = 0.25  # share of the bodies that do not stand on the floor


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
    room = np.array([rng.uniform(2.2, 4.2), rng.uniform(1.2, 1.6), rng.uniform(3.0, 4.6)])
    camera = _draw_camera(rng, room, size)
    parts = _draw_walls(rng, room)
    layout = _Layout(rng, room, camera, size)
    num_bodies = int(rng.integers(6, 10))
    for k in range(num_bodies):
        parts += layout.draw_body(moves=k % 2 == 0)
    light = room * rng.uniform(-0.6, 0.6, 3)
    light[1] = -0.85 * room[1]
    noise = rng.uniform(0.5, 3)
    atlas = draw_textures(seed) if atlas is None else atlas
    return Scene(tuple(parts), camera, atlas, light, size, noise, (seed, clip))


def _draw_walls(rng: np.random.Generator, room: Array) -> list[Part]:
    """The room, and behind each of its doors and windows a further room and a frame."""
    openings = [_draw_opening(rng, room, *wall) for wall in ((2, 1), (0, -1), (0, 1))]
    chosen = tuple(o for o in openings if rng.random() < 0.55)
    parts = [_fixed(Room(room, chosen), np.zeros(3), _draw_paint(rng, 3))]
    for opening in chosen:
        parts.append(_further_room(rng, room, opening))
        parts += _frame(opening, room, _draw_paint(rng, 1))
    return parts


def _draw_opening(rng: np.random.Generator, room: Array, axis: int, side: int) -> Opening:
    """A door down to the floor, or a window, in a wall."""
    other = 2 - axis
    low = 0.0 if other == 2 else -0.6
    along = rng.uniform(low, 0.6) * room[other]
    if rng.random() < 0.5:
        height = min(1.0, 0.9 * room[1])
        return Opening(axis, side, (along, room[1] - height), (rng.uniform(0.35, 0.6), height))
    half = rng.uniform(0.4, 0.9), rng.uniform(0.3, 0.6)
    return Opening(axis, side, (along, rng.uniform(-0.4, 0.1) * room[1]), half)


def _further_room(rng: np.random.Generator, room: Array, opening: Opening) -> Part:
    """A room that begins at the wall around an opening, and encloses it."""
    half, centre = np.empty(3), np.zeros(3)
    axis, other = opening.axis, 2 - opening.axis
    depth = rng.uniform(1.2, 4.0)
    if axis == 2:
        depth = min(depth, FARTHEST_M - 2 * room[2])
    half[axis] = depth / 2
    centre[axis] = opening.side * (room[axis] + depth / 2)
    half[1] = room[1]
    half[other] = opening.half[0] + rng.uniform(0.2, 1.0)
    centre[other] = opening.centre[0]
    return replace(_fixed(Room(half), centre, _draw_paint(rng, 3)), beyond=True)


def _frame(opening: Opening, room: Array, paint: tuple[tuple[int, int, int], Array]) -> list[Part]:
    """Thin boards around an opening."""
    axis, other = opening.axis, 2 - opening.axis
    parts = []
    for along, ways in ((other, (-1, 1)), (1, (-1,))):
        for way in ways:
            half, centre = np.empty(3), np.empty(3)
            half[axis], half[along] = 0.03, 0.03
            across = 1 if along == other else other
            half[across] = opening.half[0 if across == other else 1]
            centre[axis] = opening.side * room[axis]
            centre[other], centre[1] = opening.centre
            centre[along] += way * opening.half[0 if along == other else 1]
            parts.append(_fixed(Box(half), centre, paint))
    return parts


def _fixed(shape: Box, centre: Array, paint: tuple[tuple[int, int, int], Array]) -> Part:
    return Part(shape, np.zeros(3), _still(centre, np.eye(3)), *paint)


@lru_cache(maxsize=4)
def draw_textures(seed: int) -> NDArray[np.uint8]:
    """The textures of all clips of a seed, as one atlas."""
    return make_atlas(np.random.default_rng(seed), NUM_TEXTURES)


def _draw_camera(rng: np.random.Generator, room: Array, size: tuple[int, int]) -> AimedCamera:
    """A camera near one end of the room, looking at its other end."""
    H, W = size
    focal = max(H, W) * rng.uniform(0.8, 1.1)
    calm = rng.uniform(0.5, 1.3)
    eye = room * np.array([rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.1), 0])
    eye[2] = -room[2] + 0.7
    target = room * np.array([rng.uniform(-0.35, 0.35), rng.uniform(-0.1, 0.5), 0.5])
    return AimedCamera(
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
    camera: AimedCamera
    size: tuple[int, int]

    def draw_body(self, moves: bool) -> list[Part]:
        """One body of a random kind, all of its parts on one path."""
        rng = self.rng
        depth_m = float(np.exp(rng.uniform(np.log(1.6), np.log(2 * self.room[2]))))
        radius = depth_m * rng.uniform(0.08, 0.22)
        hangs = rng.random() < HANGING
        pieces, rotation = (draw_hanging if hangs else draw_standing)(rng, radius)
        sway = 0.4 if hangs else 0.0
        swing = rng.uniform(0.05, 0.4, 3) * np.array([1, sway, 1]) * moves
        reach = radius + float(np.linalg.norm(swing) + np.linalg.norm(self.camera.eye.swing))
        floor = None if hangs else float(self.room[1]) - lowest(pieces)
        centre = self._place(max(depth_m, reach + CLEARANCE_M), reach, floor)
        if moves:
            motion = _swinging(rng, centre, swing, rotation, spin=rng.normal(0, 0.04))
        else:
            motion = _still(centre, rotation)
        paint = _draw_paint(rng, 1)
        return [Part(shape, offset, motion, *paint) for shape, offset in pieces]

    def _place(self, depth_m: float, reach: float, floor: float | None) -> Array:
        """A point seen at about a depth at frame 0; one inside the room unless that is too near.

        ``floor`` is the height at which a body stands, None for one in the air.
        """
        H, W = self.size
        pose = self.camera.at(0)
        inside = np.maximum(0.95 * self.room - 0.3 * reach, 0.5 * self.room)
        for _ in range(20):
            x, y = self.rng.uniform(0, W, 1), self.rng.uniform(0, H, 1)
            ray = pose.rotation @ self.camera.rays(x, y)[:, 0]
            point = np.clip(pose.position + depth_m * ray, -inside, inside)
            point[1] = point[1] if floor is None else floor
            if np.linalg.norm(point - self.camera.eye.centre) > reach + CLEARANCE_M:
                return point
        point = pose.position + (reach + CLEARANCE_M) * 1.5 * pose.rotation[:, 2]
        point[1] = point[1] if floor is None else floor
        return point


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
    return (a, b, c), rng.uniform(0.6, 1.1) * rng.uniform(0.92, 1.08, 3)
