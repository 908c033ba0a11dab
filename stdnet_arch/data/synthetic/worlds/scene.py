"""Scene of a clip of a textured world: things, lamps, a camera, and how they move.

Coordinates of the world: x and y horizontal, z up [m]. Camera: x right, y down, z forward.
Pixel ``(0, 0)`` is the centre of the first pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Waves:
    """A smooth signal of any length: a sum of sines that is 0 at frame 0."""

    height: Array  # (waves, axes), in the unit of the signal
    turns: Array  # per frame, (waves,)
    phase: Array  # [rad], (waves, axes)

    def at(self, i: float) -> Array:
        """Value at frame ``i``, ``(axes,)``."""
        angle = 2 * np.pi * self.turns[:, None] * i + self.phase
        return (self.height * (np.sin(angle) - np.sin(self.phase))).sum(axis=0)


@dataclass(frozen=True)
class CameraPath:
    """A pinhole camera carried through a world."""

    fx: float
    fy: float
    cx: float
    cy: float
    eye: Array  # at frame 0 [m], (3,)
    heading: Array  # yaw, pitch (up), roll at frame 0 [rad], (3,)
    steps: Waves  # of the eye [m]
    turns: Waves  # of the heading [rad]

    def pose(self, i: float) -> Array:
        """Camera to world at frame ``i``, ``(4, 4)``, metres."""
        yaw, pitch, roll = self.heading + self.turns.at(i)
        forward = np.array(
            [np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)]
        )
        level = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
        below = np.cross(forward, level)
        right = np.cos(roll) * level + np.sin(roll) * below
        down = np.cos(roll) * below - np.sin(roll) * level
        matrix = np.eye(4)
        matrix[:3, :3] = np.stack([right, down, forward], axis=1)
        matrix[:3, 3] = self.eye + self.steps.at(i)
        return matrix

    def rays(self, size: tuple[int, int]) -> Array:
        """Directions through pixel centres in camera coordinates with z = 1, ``(3, H, W)``."""
        y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
        return np.stack([(x - self.cx) / self.fx, (y - self.cy) / self.fy, np.ones_like(x)])


@dataclass(frozen=True)
class Paint:
    """Look of a surface."""

    texture: int | None  # number in the renderer; None: plain
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)  # multiplies the texture
    repeat: float = 1.0  # of the texture: per its own coordinates, or per metre if `boxed`
    boxed: bool = False  # texture coordinates are metres along the axes of the mesh
    glow: float = 0.0  # 1: lit by itself, as a sky is


@dataclass(frozen=True)
class Thing:
    """One mesh in its place."""

    mesh: int  # number in the renderer
    paint: Paint
    place: Array  # mesh to world at frame 0, (4, 4); rotation, scale and position
    steps: Waves | None = None  # of the position [m]; None: never moves
    spin: float = 0.0  # about the vertical through `pivot` [rad/frame], if it moves
    pivot: Array | None = None  # in the world at frame 0 [m], (3,)

    def at(self, i: float) -> Array:
        """Mesh to world at frame ``i``, ``(4, 4)``."""
        if self.steps is None:
            return self.place
        pivot = np.zeros(3) if self.pivot is None else self.pivot
        c, s = np.cos(self.spin * i), np.sin(self.spin * i)
        move = np.eye(4)
        move[:2, :2] = [[c, -s], [s, c]]
        move[:3, 3] = pivot - move[:3, :3] @ pivot + self.steps.at(i)
        return move @ self.place


@dataclass(frozen=True)
class Lighting:
    """A lamp that casts shadows, one that does not, and light from everywhere."""

    lamp: Array  # position [m], (3,)
    aim: Array  # what the lamp points at [m], (3,); it shines 110 degrees wide
    lamp_colour: Array  # (3,)
    fill: Array  # position of the lamp without shadows [m], (3,)
    fill_colour: Array  # (3,)
    above: Array  # light from above, (3,)
    below: Array  # light from below, (3,)


@dataclass(frozen=True)
class WorldScene:
    """Everything that a clip of a textured world shows."""

    things: tuple[Thing, ...]
    camera: CameraPath
    lighting: Lighting
    size: tuple[int, int]  # H, W
    exposure: float  # light is multiplied by this
    contrast: float  # exponent of the colours after exposure
    noise: float  # deviation of the colours, of 255
    seed: tuple[int, ...]  # of the noise
