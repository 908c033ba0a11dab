"""Colours of surface points: textures under a lamp that throws shadows.

Colours need no more than float32; depth and motion never come from here.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.synthetic.shapes import Array, Pose, Room
from stdnet_arch.data.synthetic.stage import Moment, Part
from stdnet_arch.data.synthetic.texture import sample_atlas

Single = NDArray[np.float32]

_SAME_POINT = 1 - 1e-4  # share of the way to a point at which nothing may stand in the light's way


class Points(NamedTuple):
    """Points that a camera sees."""

    seen: Array  # in camera coordinates, (3, n)
    part: NDArray[np.int16]  # its number, -1 for none, (n,)
    lit: Single  # how much of the lamp they see, in [0, 1], (n,)


def slices(index: NDArray[np.integer]) -> tuple[NDArray[np.intp], Iterator[tuple[int, slice]]]:
    """Sort points by part.

    Args:
        index: part of each point, -1 for none, ``(n,)``.

    Returns:
        The order that sorts them, without those of no part; each part that has points, and where
        they are in that order.
    """
    counts = np.bincount(index.astype(np.intp) + 1, minlength=1)
    order = np.argsort(index, kind="stable")[counts[0] :]
    end = np.cumsum(counts[1:])
    parts = np.flatnonzero(counts[1:])
    return order, ((int(k), slice(end[k] - counts[k + 1], end[k])) for k in parts)


def shade(
    points: Points, parts: Sequence[Part], now: Moment, light: Array, atlas: NDArray[np.uint8]
) -> Single:
    """Compute the light that comes from surface points.

    Args:
        points: the points.
        parts: parts of the scene.
        now: places of everything.
        light: position of the lamp [m], ``(3,)``.
        atlas: atlas of the textures.

    Returns:
        RGB of 255, ``(n, 3)``; 0 for points of no part.
    """
    order, found = slices(points.part)
    seen = points.seen[:, order].astype(np.float32)
    uv_m, texture = np.empty_like(seen[:2]), np.empty(order.size, np.intp)
    facing, slant = np.empty_like(seen[:2])
    tint = np.empty((order.size, 3), np.float32)
    lamp = now.camera.to_local(light[:, None]).astype(np.float32)
    for k, here in found:
        part, (rotation, eye) = parts[k], _onto(now.camera, now.parts[k])
        point = rotation @ seen[:, here] + eye
        surface = part.shape.surface(point)
        uv_m[:, here], tint[here] = surface.uv_m, part.tint
        texture[here] = np.array(part.textures)[surface.face]
        slant[here] = np.einsum("in,in->n", surface.normal, eye - point)
        facing[here] = np.einsum("in,in->n", surface.normal, rotation @ lamp + eye - point)
    far = np.sqrt(np.einsum("in,in->n", seen, seen))
    # A pixel covers more of a slanted surface, but only along one of its axes.
    covered = 1 / np.sqrt(np.maximum(np.abs(slant) / far, np.float32(0.05)))
    footprint_m = seen[2] * np.float32(1 / now.focal_px) * covered
    bright = _brightness(np.abs(facing), seen - lamp, points.lit[order])
    colours = np.zeros((points.part.size, 3), np.float32)
    colours[order] = sample_atlas(atlas, texture, uv_m, footprint_m) * tint * bright[:, None]
    return colours


def _onto(camera: Pose, part: Pose) -> tuple[Single, Single]:
    """Turn camera coordinates into those of a part: rotation, ``(3, 3)``, and ``(3, 1)`` [m]."""
    eye = part.to_local(camera.position[:, None])
    return (part.rotation.T @ camera.rotation).astype(np.float32), eye.astype(np.float32)


def _brightness(facing: Single, way: Single, lit: Single) -> Single:
    """Brightness of matt surfaces under a lamp that fades with distance, ``(n,)``.

    Args:
        facing: unit normals times the way to the lamp, >= 0, ``(n,)``.
        way: from or to the lamp [m], ``(3, n)``.
        lit: share of the lamp that they see, ``(n,)``.
    """
    square = np.einsum("in,in->n", way, way)
    cosine = facing / np.sqrt(square)
    return np.float32(0.55) + np.float32(0.95) * lit * cosine / (1 + square * np.float32(1 / 40))


def sees_lamp(
    points: Array,
    index: NDArray[np.int16],
    parts: Sequence[Part],
    poses: Sequence[Pose],
    light: Array,
) -> NDArray[np.bool_]:
    """Find out where nothing stands between the lamp and surface points.

    Args:
        points: in the world, ``(3, n)``.
        index: indices of their parts, ``(n,)``.
        parts: parts of the scene. Those ``beyond`` throw no shadow.
        poses: poses of the parts.
        light: position of the lamp [m], ``(3,)``.

    Returns:
        ``(n,)``.
    """
    way = points - light[:, None]
    sees = np.ones(points.shape[1], bool)
    for k, passes in _near_ways(way.astype(np.float32), parts, poses, light):
        part, local = parts[k], poses[k]
        near = np.flatnonzero(sees & passes)
        if isinstance(part.shape, Room):
            # Walls do not shade one another, and nothing within them.
            inside = part.shape.holds(local.to_local(points[:, near]))
            near = near[~inside & (index[near] != k)]
        origin = local.to_local(light[:, None])
        reach = part.shape.hit(origin, local.rotation.T @ way[:, near])
        sees[near[reach < _SAME_POINT]] = False
    return sees


def _near_ways(
    way: Single, parts: Sequence[Part], poses: Sequence[Pose], light: Array
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """For each part that can throw a shadow, the ways that pass the ball around it, ``(n,)``."""
    square = np.einsum("in,in->n", way, way)
    for k, (part, pose) in enumerate(zip(parts, poses, strict=True)):
        if part.beyond:
            continue
        centre = pose.position - light
        outside = centre @ centre - part.shape.half @ part.shape.half
        ahead = centre.astype(np.float32) @ way
        # A little wider than the ball, since float32 rounds.
        passes = ahead * ahead > np.float32(0.999 * outside) * square
        yield k, passes & (ahead > 0) if outside > 0 else np.ones_like(passes)
