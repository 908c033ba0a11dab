"""A small world by hand, its files, and a ray caster that knows triangles alone."""

import cv2
import numpy as np
import pytest

from stdnet_arch.data.synthetic.worlds.pack import Mesh, World, join_images, write_world
from stdnet_arch.data.synthetic.worlds.renderer import WorldRenderer
from stdnet_arch.data.synthetic.worlds.scene import (
    CameraPath,
    Lighting,
    Paint,
    Thing,
    Waves,
    WorldScene,
)


def need_egl():
    """Skip the test, with the reason, where nothing can be rendered."""
    try:
        WorldRenderer([quad((0, 0, 0), (1, 0, 0), (0, 1, 0))], [])
    except (ImportError, RuntimeError) as error:
        pytest.skip(str(error))


def quad(corner, along, up, texture=None):
    """Two triangles: a parallelogram from a corner."""
    corner, along, up = (np.array(v, float) for v in (corner, along, up))
    normal = np.cross(along, up) / np.linalg.norm(np.cross(along, up))
    rows = [
        [*(corner + u * along + v * up), *normal, u, v] for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
    return Mesh(np.array(rows, np.float32), triangles, texture, (0.7, 0.6, 0.5))


def crate(low, high, texture=None):
    """A box of six faces."""
    low, high = np.array(low, float), np.array(high, float)
    x, y, z = np.diag(high - low)
    sides = [(low, x, y), (low, y, z), (low, z, x), (high, -x, -y), (high, -y, -z), (high, -z, -x)]
    faces = [quad(*side) for side in sides]
    vertices = np.concatenate([face.vertices for face in faces])
    triangles = np.concatenate([face.triangles + 4 * k for k, face in enumerate(faces)])
    return Mesh(vertices, triangles.astype(np.uint32), texture, (0.4, 0.5, 0.6))


def picture(seed, side=64):
    """A PNG of coloured cells."""
    cells = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    pixels = cv2.resize(cells, (side, side), interpolation=cv2.INTER_NEAREST)
    return cv2.imencode(".png", pixels)[1].tobytes()


def write_packs(root, names=("flat", "small_warehouse")):
    """Write furnished rooms of 6 x 5 x 2.7 m, and two photos."""
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    furniture = []
    for _ in range(14):
        low = np.array([*rng.uniform((-2.8, -2.3), (2.2, 1.8)), 0.0])
        furniture.append(crate(low, low + rng.uniform(0.15, 0.9, 3), int(rng.integers(2))))
    world = World((crate((-3, -2.5, 0), (3, 2.5, 2.7), 0), *furniture), (picture(2), picture(3)))
    for name in names:
        write_world(root / f"{name}.npz", world)
    jpegs, sizes = join_images([picture(4), picture(5)])
    sources = np.array(["aws-robomaker-flat/a.png", "aws-robomaker-small-warehouse/b.png"])
    np.savez(root / "photo_textures.npz", jpegs=jpegs, sizes=sizes, names=sources)
    return root


def waves(height):
    """A signal of three axes with two waves."""
    height = np.array(height, float)
    phase = np.array([[0.3, 1.1, 2.0], [2.5, 0.2, 1.0]])
    return Waves(np.stack([height, 0.3 * height]), np.array([0.021, 0.09]), phase)


def scene(meshes, *, moving=(), size=(25, 38), eye=(0.0, 0.0, 1.2)):
    """All meshes where they are, seen from ``eye`` along x; those of ``moving`` move."""
    steps = waves((0.05, 0.3, 0.1))
    things = [
        Thing(k, Paint(m.texture, m.colour), np.eye(4), steps if k in moving else None)
        for k, m in enumerate(meshes)
    ]
    camera = CameraPath(
        fx=31.0,
        fy=29.5,
        cx=18.2,
        cy=12.9,
        eye=np.array(eye),
        heading=np.array([0.1, -0.2, 0.05]),
        steps=waves((0.2, 0.15, 0.1)),
        turns=waves((0.1, 0.08, 0.03)),
    )
    light = Lighting(
        lamp=np.array([0.5, 0.3, 2.2]),
        aim=np.array([2.0, 0.0, 0.0]),
        lamp_colour=np.ones(3),
        fill=np.array([0.0, 0.5, 1.5]),
        fill_colour=np.full(3, 0.3),
        above=np.full(3, 0.4),
        below=np.full(3, 0.2),
    )
    return WorldScene(tuple(things), camera, light, size, 1.0, 1.0, 0.0, (0,))


def cast(meshes, origin, direction, moved=None):
    """First hit of each ray, triangle by triangle (Moeller and Trumbore 1997).

    Args:
        meshes: what may be hit.
        origin: of all rays, ``(3,)``.
        direction: ``(n, 3)``.
        moved: how far each mesh is from its place, ``(m, 3)``.

    Returns:
        Lengths in units of the directions, ``(n,)``, and the mesh hit, ``(n,)``.
    """
    nearest, which = np.full(len(direction), np.inf), np.full(len(direction), -1)
    for number, mesh in enumerate(meshes):
        corners = mesh.vertices[:, :3].astype(float) + (0 if moved is None else moved[number])
        for a, b, c in corners[mesh.triangles]:
            across = np.cross(direction, c - a)
            with np.errstate(divide="ignore", invalid="ignore"):
                inverse = 1 / (across @ (b - a))
                u = (across @ (origin - a)) * inverse
                side = np.cross(origin - a, b - a)
                v = (direction @ side) * inverse
                length = ((c - a) @ side) * inverse
            hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (length > 0) & (length < nearest)
            nearest[hit], which[hit] = length[hit], number
    return nearest, which
