"""Synthetic clips by ray casting: a camera moves through a room of textured, moving things.

Everything is exact: depth, motion, intrinsics and poses come from the geometry, not from images.
Coordinates: x right, y down, z forward [m]; pixel ``(0, 0)`` is the centre of the first pixel.
Rotations turn local into world coordinates. Points are ``(3, n)``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.synthetic.texture import sample_atlas

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

    def normal(self, point: Array) -> Array:
        """Outer unit normals at points of the surface, ``(3, n)``."""

    def uv(self, point: Array) -> tuple[Array, NDArray[np.int64]]:
        """Surface coordinates [m], ``(2, n)``, and face 0, 1 or 2, ``(n,)``, of surface points."""


@dataclass(frozen=True)
class Box:
    """A box, seen from outside; thin ones are panels and bars."""

    half: Array

    def hit(self, origin: Array, direction: Array) -> Array:
        """See ``Shape``."""
        enter, leave = self._slabs(origin, direction)
        distance, nearest_exit = enter.max(axis=0), leave.min(axis=0)
        return np.where((distance <= nearest_exit) & (distance > 0), distance, np.inf)

    def normal(self, point: Array) -> Array:
        """See ``Shape``."""
        face, column = self._face(point), np.arange(point.shape[1])
        normal = np.zeros_like(point)
        normal[face, column] = np.sign(point[face, column])
        return normal

    def uv(self, point: Array) -> tuple[Array, NDArray[np.int64]]:
        """See ``Shape``: the two coordinates within the face."""
        face = self._face(point)
        u = np.where(face == 0, point[2], point[0])
        v = np.where(face == 1, point[2], point[1])
        return np.stack([u, v]), face

    def _face(self, point: Array) -> NDArray[np.int64]:
        """Axis of the face that each surface point lies on, ``(n,)``."""
        return (np.abs(point) / self.half[:, None]).argmax(axis=0)

    def _slabs(self, origin: Array, direction: Array) -> tuple[Array, Array]:
        """Find where rays enter and leave the space between opposite faces, ``(3, n)`` each."""
        half = self.half[:, None]
        with np.errstate(divide="ignore"):
            one, other = (-half - origin) / direction, (half - origin) / direction
        return np.minimum(one, other), np.maximum(one, other)


@dataclass(frozen=True)
class Room(Box):
    """A box, seen from inside: walls, floor and ceiling; every ray from inside hits it."""

    def hit(self, origin: Array, direction: Array) -> Array:
        """See ``Shape``."""
        _, leave = self._slabs(origin, direction)
        return leave.min(axis=0)

    def normal(self, point: Array) -> Array:
        """See ``Shape``; the air is inside."""
        return -super().normal(point)


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

    def normal(self, point: Array) -> Array:
        """See ``Shape``."""
        normal = point / self.half[:, None] ** 2
        return normal / np.sqrt((normal * normal).sum(axis=0))

    def uv(self, point: Array) -> tuple[Array, NDArray[np.int64]]:
        """See ``Shape``: longitude and latitude, in metres at the mean radius."""
        x, y, z = point / self.half[:, None]
        uv = np.stack([np.arctan2(x, z), np.arcsin(np.clip(y, -1, 1))])
        return self.half.mean() * uv, np.zeros(point.shape[1], np.int64)


@dataclass(frozen=True)
class Motion:
    """A smooth, bounded path: swinging about a centre while turning about the vertical axis."""

    centre: Array  # [m], (3,)
    rotation: Array  # at frame 0, (3, 3)
    swing: Array  # farthest from the centre [m], (3,)
    turns: Array  # swings per frame, (3,)
    phase: Array  # of the swings at frame 0 [rad], (3,)
    spin: float  # turning [rad/frame]

    def at(self, i: float) -> Pose:
        """Return the place at frame ``i``."""
        position = self.centre + self.swing * np.sin(2 * np.pi * self.turns * i + self.phase)
        c, s = np.cos(self.spin * i), np.sin(self.spin * i)
        return Pose(np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ self.rotation, position)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks at a moving point."""

    fx: float
    fy: float
    cx: float
    cy: float
    eye: Motion
    target: Motion
    right_m: float = 0.0  # how far it stands to the right of the eye, looking the same way

    def at(self, i: float) -> Pose:
        """Camera-to-world pose at frame ``i``."""
        position = self.eye.at(i).position
        forward = self.target.at(i).position - position
        forward /= np.linalg.norm(forward)
        right = np.cross([0.0, 1.0, 0.0], forward)
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(forward, right), forward], axis=1)
        return Pose(axes, position + self.right_m * right)

    def rays(self, x: Array, y: Array) -> Array:
        """Directions through pixels in camera coordinates, ``(3, n)``, with z = 1.

        So the distance along a ray, in its own lengths, is the z-depth.
        """
        return np.stack([(x - self.cx) / self.fx, (y - self.cy) / self.fy, np.ones_like(x)])

    def project(self, points: Array) -> Array:
        """Pixels of points in camera coordinates in front of the camera, ``(2, n)``."""
        return np.stack(
            [self.fx * points[0] / points[2] + self.cx, self.fy * points[1] / points[2] + self.cy]
        )


@dataclass(frozen=True)
class Part:
    """One shape of a body, away from the body's origin by ``offset``."""

    shape: Shape
    offset: Array  # [m], (3,)
    motion: Motion
    textures: tuple[int, int, int]  # in the atlas, for faces 0, 1, 2
    tint: Array  # the textures' colours are multiplied by this, (3,)

    def at(self, i: float) -> Pose:
        """Pose of the shape at frame ``i``."""
        body = self.motion.at(i)
        return Pose(body.rotation, body.rotation @ self.offset + body.position)


@dataclass(frozen=True)
class Scene:
    """Things, a camera and a light; renders any frame on its own."""

    parts: tuple[Part, ...]
    camera: Camera
    atlas: NDArray[np.uint8]
    light: Array  # position [m], (3,)
    size: tuple[int, int]  # H, W
    noise: float  # deviation of the colours, of 255
    seed: tuple[int, ...]  # of the noise

    def cast(self, i: float, x: Array, y: Array) -> tuple[Array, NDArray[np.int16]]:
        """Find the part that rays through pixels hit first.

        Args:
            i: frame.
            x: columns, ``(n,)``, whole or between pixels.
            y: rows, ``(n,)``.

        Returns:
            z-depth [m] and index of the part, ``(n,)`` each; inf and -1 where nothing is hit.
        """
        pose = self.camera.at(i)
        direction = pose.rotation @ self.camera.rays(x, y)
        depth_m, index = np.full(x.size, np.inf), np.full(x.size, -1, np.int16)
        for k, part in enumerate(self.parts):
            local = part.at(i)
            candidates = self._near_outline(part.shape.half, local, pose, x, y)
            origin = local.to_local(pose.position[:, None])
            part_depth_m = part.shape.hit(origin, local.rotation.T @ direction[:, candidates])
            nearer = part_depth_m < depth_m[candidates]
            depth_m[candidates[nearer]] = part_depth_m[nearer]
            index[candidates[nearer]] = k
        return depth_m, index

    def surface_points(
        self, i: int
    ) -> tuple[Array, Iterator[tuple[Part, NDArray[np.int64], Array]]]:
        """List the points that the frame shows, part by part.

        Returns:
            z-depth [m], ``(H * W,)``, and for each visible part: itself, the indices of its
            pixels, ``(n,)``, and their surface points in the part's coordinates, ``(3, n)``.
        """
        x, y = self._pixels()
        depth_m, index = self.cast(i, x, y)
        camera = self.camera.at(i)

        def visible() -> Iterator[tuple[Part, NDArray[np.int64], Array]]:
            for k in np.flatnonzero(np.bincount(index + 1)[1:]):
                on, part = np.flatnonzero(index == k), self.parts[k]
                points = self.camera.rays(x[on], y[on]) * depth_m[on]
                yield part, on, part.at(i).to_local(camera.to_world(points))

        return depth_m, visible()

    def render(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Colours and depth of a frame.

        Returns:
            RGB, ``(H, W, 3)``, and z-depth [m], ``(H, W)``; black and inf where nothing is hit.
        """
        H, W = self.size
        uv_m, texture = np.zeros((2, H * W)), np.zeros(H * W, np.int64)
        brightness, footprint_m = np.zeros((H * W, 3)), np.ones(H * W)
        camera = self.camera.at(i)
        depth, visible = self.surface_points(i)
        for part, on, point in visible:
            local = part.at(i)
            uv_m[:, on], face = part.shape.uv(point)
            texture[on] = np.array(part.textures)[face]
            seen_from = local.to_local(camera.position[:, None]) - point
            lit_from = local.to_local(self.light[:, None]) - point
            normal = part.shape.normal(point)
            brightness[on] = _brightness(normal, lit_from)[:, None] * part.tint
            # A pixel covers more of a slanted surface, but only along one of its axes.
            slant = np.maximum(_cosine(normal, seen_from), 0.05)
            footprint_m[on] = depth[on] / self.camera.fx / np.sqrt(slant)
        depth_m = depth.reshape(H, W)
        colour = sample_atlas(
            self.atlas,
            texture.reshape(H, W),
            uv_m.reshape(2, H, W),
            footprint_m.reshape(H, W),
        )
        return self._expose(colour * brightness.reshape(H, W, 3), i), depth_m.astype(np.float32)

    def flow_px(self, i: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Compute where each pixel's surface point goes until the next frame.

        Returns:
            Motion (dx, dy) [px] from frame ``i`` to ``i + 1``, ``(2, H, W)``, and ``(H, W)``: the
            point is seen in frame ``i + 1`` (inside the image and not occluded).
        """
        H, W = self.size
        pixels = np.stack(self._pixels())
        target, ahead_m = pixels.copy(), np.zeros(H * W)
        camera = self.camera.at(i + 1)
        for part, on, point in self.surface_points(i)[1]:
            moved = camera.to_local(part.at(i + 1).to_world(point))
            target[:, on], ahead_m[on] = self.camera.project(moved), moved[2]
        x, y = target
        inside = (ahead_m > 0) & (x > -ROUNDING) & (x < W - 1 + ROUNDING)
        inside &= (y > -ROUNDING) & (y < H - 1 + ROUNDING)
        seen = np.zeros(H * W, bool)
        seen[inside] = self._is_seen(i + 1, target[:, inside], ahead_m[inside])
        flow = (target - pixels).reshape(2, H, W)
        return flow.astype(np.float32), seen.reshape(H, W)

    def _is_seen(self, i: float, pixel: Array, depth_m: Array) -> NDArray[np.bool_]:
        """Tell whether nothing stands before points at ``depth_m`` behind pixels ``(2, n)``."""
        first_m, _ = self.cast(i, pixel[0], pixel[1])
        return first_m > depth_m * (1 - ROUNDING)

    def _pixels(self) -> tuple[Array, Array]:
        """Columns and rows of all pixel centres, ``(H * W,)`` each."""
        H, W = self.size
        y, x = np.mgrid[:H, :W].reshape(2, -1).astype(np.float64)
        return x, y

    def _near_outline(
        self, half: Array, local: Pose, camera: Pose, x: Array, y: Array
    ) -> NDArray[np.int64]:
        """Find the pixels in the image rectangle around a bounding box."""
        signs = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8)
        corners = camera.to_local(local.to_world(half[:, None] * signs))
        if corners[2].min() < 1e-3:  # partly behind the camera: no finite rectangle
            return np.arange(x.size)
        (left, top), (right, bottom) = (
            edge(self.camera.project(corners), axis=1) for edge in (np.min, np.max)
        )
        return np.flatnonzero((x >= left) & (x <= right) & (y >= top) & (y <= bottom))

    def _expose(self, light: Array, i: int) -> NDArray[np.uint8]:
        """Slight lens blur and sensor noise, which differs from frame to frame."""
        image = cv2.GaussianBlur(light.astype(np.float32), (3, 3), 0.5)
        rng = np.random.default_rng((*self.seed, i))
        grain = np.float32(self.noise) * rng.standard_normal(image.shape, dtype=np.float32)
        return np.clip(np.rint(image + grain), 0, 255).astype(np.uint8)


def _cosine(one: Array, other: Array) -> Array:
    """Cosine of the angle between a unit vector and another, or its opposite, ``(n,)``."""
    return np.abs((one * other).sum(axis=0)) / np.sqrt((other * other).sum(axis=0))


def _brightness(normal: Array, towards_light: Array) -> Array:
    """Brightness of matt surfaces under a lamp that fades with distance, ``(n,)``."""
    square = (towards_light * towards_light).sum(axis=0)
    return 0.45 + 0.75 * _cosine(normal, towards_light) / (1 + square / 40)
