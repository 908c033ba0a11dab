"""Draws scenes of textured worlds from random numbers: a camera's path, things, paint, lamps."""

from dataclasses import dataclass, replace

import numpy as np

from stdnet_arch.data.synthetic.worlds.library import Library, Place
from stdnet_arch.data.synthetic.worlds.scene import (
    Array,
    CameraPath,
    Lighting,
    Paint,
    Thing,
    Waves,
    WorldScene,
)

NEAR_SHARE = 1 / 3  # of the clips: a desk or furniture at 0.5 to 1.5 m
_DESK_SHARE = 0.65  # of the near clips
_INDOORS_M = 4.0  # lower worlds get a ceiling, which their packs may lack


def draw_world_scene(
    rng: np.random.Generator, library: Library, size: tuple[int, int], *, near: bool
) -> WorldScene:
    """Draw a scene; whether its camera sees anything is for the caller to check.

    Args:
        rng: random numbers.
        library: meshes and textures.
        size: ``(H, W)`` of the frames.
        near: things at 0.3 to 1.5 m instead of 1.5 m and more.
    """
    place = library.places[rng.integers(len(library.places))]
    camera = _draw_camera(rng, place, size, near)
    painter = _Painter(rng, library, swap=rng.uniform(0, 0.7), plain=rng.uniform(0, 0.4))
    things = [_sky(painter, camera)]
    things += [Thing(k, painter.own(k), np.eye(4)) for k in place.fixed]
    if place.high[2] < _INDOORS_M and rng.random() < 0.75:
        things.append(_ceiling(painter, place))
    placer = _Placer(rng, library, painter, camera)
    if near and rng.random() < _DESK_SHARE:
        things += placer.desk()
    things += placer.scatter(near)
    return WorldScene(
        tuple(things),
        camera,
        _draw_lighting(rng, camera, near),
        size,
        exposure=1.0,
        contrast=float(np.exp(rng.normal(0, 0.15))),
        noise=float(rng.uniform(0, 3) * (rng.random() < 0.7)),
        seed=(),
    )


def _draw_camera(
    rng: np.random.Generator, place: Place, size: tuple[int, int], near: bool
) -> CameraPath:
    H, W = size
    field = np.radians(np.exp(rng.uniform(np.log(40), np.log(82))))
    focal = max(H, W) / 2 / np.tan(field / 2)
    eye = rng.uniform(place.low, place.high)
    eye[2] = rng.uniform(0.45, 1.9)
    pitch = rng.uniform(-0.9, -0.15) if near else rng.normal(-0.15, 0.2)
    heading = np.array([rng.uniform(-np.pi, np.pi), pitch, rng.normal(0, 0.06)])
    haste = np.exp(rng.uniform(np.log(0.3), np.log(2.5)))
    walk = haste * (rng.uniform(0.1, 0.4) if near else rng.uniform(0.3, 1.2))
    pan = haste * rng.uniform(0.2, 0.7) * (rng.random() < 0.85)
    steps = _waves(rng, [(walk * np.array([1, 1, 0.2]), 90, 260), (0.012 * haste, 12, 30)], 0.0015)
    turns = _waves(
        rng, [(pan * np.array([1, 0.3, 0.1]), 70, 200), (0.015 * haste, 15, 40)], 0.002 * haste
    )
    return CameraPath(
        fx=focal,
        fy=focal * rng.uniform(0.98, 1.02),
        cx=(W - 1) / 2 + W * rng.uniform(-0.02, 0.02),
        cy=(H - 1) / 2 + H * rng.uniform(-0.02, 0.02),
        eye=eye,
        heading=heading,
        steps=steps,
        turns=turns,
    )


def _waves(
    rng: np.random.Generator, slow: list[tuple[Array | float, float, float]], shake: float
) -> Waves:
    """Waves of some height and period [frames] along three axes, and two fast, small ones."""
    parts = [*slow, (shake, 5, 9), (0.6 * shake, 3, 5)]
    height = np.stack([np.broadcast_to(h, 3) * rng.uniform(0.3, 1, 3) for h, _, _ in parts])
    turns = np.array([1 / rng.uniform(low, high) for _, low, high in parts])
    return Waves(height, turns, rng.uniform(0, 2 * np.pi, height.shape))


def _sky(painter: "_Painter", camera: CameraPath) -> Thing:
    """A ball around everything, so that every ray hits something."""
    rng = painter.rng
    place = np.diag([*(np.full(3, 2 * rng.uniform(15, 45))), 1.0])
    place[:3, 3] = camera.eye
    paint = replace(painter.photo(), glow=1.0, boxed=False, repeat=rng.uniform(0.3, 1.5))
    if rng.random() < 0.5:
        paint = replace(paint, texture=None, colour=_colour(rng, 0.3, 1.0))
    return Thing(painter.library.solid("ball"), paint, place)


def _ceiling(painter: "_Painter", place: Place) -> Thing:
    """A slab over a whole world; its lower side is the highest point of the walls, or lower."""
    rng = painter.rng
    sides = np.array([*(1.3 * (place.high - place.low)[:2]), 0.1])
    matrix = np.diag([*sides, 1.0])
    height = max(2.3, float(place.high[2])) - rng.uniform(0.0, 0.3) + sides[2] / 2
    matrix[:3, 3] = [*((place.high + place.low)[:2] / 2), height]
    paint = painter.uniform() if rng.random() < 0.7 else painter.photo()
    return Thing(painter.library.solid("box"), paint, matrix)


def _draw_lighting(rng: np.random.Generator, camera: CameraPath, near: bool) -> Lighting:
    axes = camera.pose(0)[:3, :3]
    ahead = rng.uniform(0.4, 1.2) if near else rng.uniform(1.5, 5)
    aim = camera.eye + ahead * axes[:, 2]
    reach = 0.7 if near else 1.6
    lamp = camera.eye + reach * rng.normal(0, 1, 3) * [1, 1, 0.3] + ahead * 0.5 * axes[:, 2]
    lamp[2] = min(camera.eye[2] + rng.uniform(0.2, 1.2), 2.2)
    warm = 1 + 0.12 * rng.normal() * np.array([1, 0, -1])
    total = rng.uniform(0.3, 0.9)
    above = np.clip(total * (1 + 0.1 * rng.normal(size=3)), 0.05, None)
    strength = rng.uniform(0.2, 2.2) * (ahead**2 * 0.15 + 0.6)
    return Lighting(
        lamp=lamp,
        aim=aim + rng.normal(0, 0.2, 3),
        lamp_colour=strength * warm,
        fill=camera.eye + rng.normal(0, 2, 3) * [1, 1, 0.4],
        fill_colour=rng.uniform(0, 0.7) * (1 + 0.1 * rng.normal(size=3)),
        above=above,
        below=above * rng.uniform(0.4, 0.9),
    )


@dataclass(frozen=True)
class _Painter:
    """Draws paint: a mesh's own, a photo, or a plain colour."""

    rng: np.random.Generator
    library: Library
    swap: float  # share of the meshes that do not keep their own
    plain: float  # share of those that are plain

    def own(self, mesh: int) -> Paint:
        """The paint of a mesh of a world, or another one instead."""
        texture = self.library.mesh_textures[mesh]
        if self.rng.random() < self.swap:
            return self.any()
        if texture is None:
            return self.photo() if self.rng.random() < 0.5 else self.uniform()
        return Paint(texture, _tint(self.rng))

    def any(self) -> Paint:
        """Plain or a photo."""
        return self.uniform() if self.rng.random() < self.plain else self.photo()

    def uniform(self) -> Paint:
        """One colour."""
        return Paint(None, _colour(self.rng, 0.15, 1.0))

    def photo(self) -> Paint:
        """A photo of a material; a plain colour where there are no photos."""
        photos = self.library.photos
        if not photos:
            return self.uniform()
        number = photos[int(self.rng.integers(len(photos)))]
        repeat = float(np.exp(self.rng.uniform(np.log(0.4), np.log(4))))
        return Paint(number, _tint(self.rng), repeat, boxed=True)


def _colour(rng: np.random.Generator, dark: float, light: float) -> tuple[float, float, float]:
    """A colour of little saturation, mostly."""
    r, g, b = np.clip(rng.uniform(dark, light) * np.exp(rng.normal(0, 0.15, 3)), 0, 1)
    return float(r), float(g), float(b)


def _tint(rng: np.random.Generator) -> tuple[float, float, float]:
    r, g, b = np.exp(rng.normal(0, 0.08, 3) + rng.normal(0, 0.15))
    return float(r), float(g), float(b)


@dataclass(frozen=True)
class _Placer:
    """Puts things where the camera can see them."""

    rng: np.random.Generator
    library: Library
    painter: _Painter
    camera: CameraPath

    def scatter(self, near: bool) -> list[Thing]:
        """Furniture on the floor, and a few things in the air, around the axis of view."""
        rng = self.rng
        count = int(rng.integers(1, 8)) if near else int(rng.integers(5, 26))
        reach = (0.9, 4.0) if near else (1.4, 9.0)
        return [thing for _ in range(count) for thing in self._scattered(*reach)]

    def _scattered(self, low: float, high: float) -> list[Thing]:
        rng, pose = self.rng, self.camera.pose(0)
        distance = np.exp(rng.uniform(np.log(low), np.log(high)))
        spread = np.array([rng.uniform(-0.6, 0.6), rng.uniform(-0.4, 0.4), 1.0])
        at = pose[:3, 3] + distance * pose[:3, :3] @ spread
        floats = rng.random() < 0.25
        mesh, sides = self._draw_mesh(distance)
        turn = _any_turn(rng) if floats and rng.random() < 0.7 else _yaw(rng.uniform(-3.2, 3.2))
        if not floats:
            at[2] = 0.0  # the floor
        moves = rng.random() < 0.3
        return [self._thing(mesh, sides, turn, at, stands=not floats, moves=moves)]

    def desk(self) -> list[Thing]:
        """A board before the camera with things on it."""
        rng, pose = self.rng, self.camera.pose(0)
        ahead = pose[:2, 2] / np.linalg.norm(pose[:2, 2])
        slope = -pose[2, 2] / np.linalg.norm(pose[:2, 2])
        distance = rng.uniform(0.35, 0.95)
        top = pose[:3, 3] + np.array([*(distance * ahead), -distance * slope])
        yaw = np.arctan2(ahead[1], ahead[0]) + rng.normal(0, 0.4)
        sides = np.array([rng.uniform(0.5, 0.9), rng.uniform(0.8, 1.8), rng.uniform(0.015, 0.05)])
        board = self._thing(
            self.library.solid("box"), sides, _yaw(yaw), top - [0, 0, sides[2] / 2], stands=False
        )
        things = [board]
        for _ in range(int(rng.integers(5, 20))):
            along = rng.uniform(-0.48, 0.48, 2) * sides[:2]
            at = top + _yaw(yaw) @ np.array([*along, 0.0])
            mesh, own = self._draw_mesh(0.0)
            own = own / own.max() * np.exp(rng.uniform(np.log(0.04), np.log(0.35)))
            turn = _yaw(rng.uniform(-3.2, 3.2))
            moves = rng.random() < 0.08
            things.append(self._thing(mesh, own, turn, at, stands=True, moves=moves))
        return things

    def _draw_mesh(self, distance: float) -> tuple[int, Array]:
        """A mesh and the lengths [m] of its sides, none of which hides all at a distance."""
        rng, library = self.rng, self.library
        if rng.random() < 0.3 or not library.movable:
            kind = str(rng.choice(["box", "tube", "tube", "ball"]))
            sides = np.exp(rng.uniform(np.log(0.04), np.log(0.6), 3))
            if kind == "tube":  # poles and legs
                sides = np.array([1, 1, 0]) * np.exp(rng.uniform(np.log(0.008), np.log(0.1)))
                sides[2] = rng.uniform(0.3, 2.2)
            if kind == "ball":
                sides[:] = sides[0]
            mesh = library.solid(kind)
        else:
            mesh = library.movable[int(rng.integers(len(library.movable)))]
            sides = library.meshes[mesh].high - library.meshes[mesh].low
            sides = np.maximum(sides, 1e-3) * rng.uniform(0.6, 1.4)
        if distance > 0:
            sides = sides * min(1.0, 0.6 * distance / float(sides.max()))
        return mesh, sides

    def _thing(
        self,
        mesh: int,
        sides: Array,
        turn: Array,
        at: Array,
        *,
        stands: bool,
        moves: bool = False,
    ) -> Thing:
        """A mesh scaled to ``sides``, with its middle, or the middle of its base, at a point."""
        m = self.library.meshes[mesh]
        extent = np.maximum(m.high - m.low, 1e-3)
        anchor = (m.low + m.high) / 2
        if stands:
            anchor[2] = m.low[2]
        place = np.eye(4)
        place[:3, :3] = turn * (sides / extent)
        place[:3, 3] = at - place[:3, :3] @ anchor
        steps, spin = None, 0.0
        if moves:
            size = float(np.max(sides))
            way = size * self.rng.uniform(0.1, 0.8) * np.array([1, 1, 0.0 if stands else 0.5])
            steps = _waves(self.rng, [(way, 60, 160)], 0.0)
            spin = float(self.rng.normal(0, 0.02)) * (not stands)
        paint = self.painter.own(mesh)
        if paint.texture is None and self.rng.random() < 0.6:
            paint = self.painter.any()
        return Thing(mesh, paint, place, steps, spin, at)


def _yaw(angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _any_turn(rng: np.random.Generator) -> Array:
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)
