"""Parts of a synthetic scene: paths, a camera, and parts that move.

Coordinates: x right, y down, z forward [m]; pixel ``(0, 0)`` is the centre of the first pixel.
Rotations turn local into world coordinates. Points are ``(3, n)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stdnet_arch.data.synthetic.shapes import Array, Pose, Shape


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
class AimedCamera:
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
    beyond: bool = False  # it is farther than each part before it in the scene's list

    def at(self, i: float) -> Pose:
        """Pose of the shape at frame ``i``."""
        body = self.motion.at(i)
        return Pose(body.rotation, body.rotation @ self.offset + body.position)


class Moment(NamedTuple):
    """Places of everything at a frame."""

    camera: Pose
    focal_px: float
    parts: list[Pose]
    outlines: Array  # of the parts' boxes: left, top, right, bottom [px], (parts, 4)

    @classmethod
    def of(cls, parts: Sequence[Part], camera: AimedCamera, i: float) -> "Moment":
        """Place parts and camera at frame ``i``."""
        eye, poses = camera.at(i), [part.at(i) for part in parts]
        half = np.array([part.shape.half for part in parts])[..., None]
        rotation, position = (np.array([pose[k] for pose in poses]) for k in (0, 1))
        corners = rotation @ (half * _CORNERS) + position[..., None]
        seen = eye.rotation.T @ (corners - eye.position[:, None])  # (parts, 3, 8)
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = camera.project(np.moveaxis(seen, 1, 0))
        edges = np.stack([x.min(1), y.min(1), x.max(1), y.max(1)], axis=1)
        # Partly behind the camera: no finite rectangle.
        behind = seen[:, 2].min(axis=1) < 1e-3
        return cls(eye, camera.fx, poses, np.where(behind[:, None], _EVERYWHERE, edges))


_EVERYWHERE = np.array([-np.inf, -np.inf, np.inf, np.inf])
_CORNERS = np.stack(np.meshgrid([-1.0, 1.0], [-1.0, 1.0], [-1.0, 1.0])).reshape(3, 8)
