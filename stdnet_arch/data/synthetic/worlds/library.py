"""Meshes and textures that scenes are made of: packed worlds, photos, plain solids."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.synthetic.worlds.pack import PHOTOS, Mesh, read_photos, read_world

HELD_OUT = ("small_warehouse",)
"""Worlds that no training may see, so that there is something to test on."""

SOLIDS = ("box", "tube", "ball")
"""Meshes of side or diameter 1 around the origin that every library has."""

_PILE = 20  # meshes in one place: a set of props that their file leaves at the origin
_PILE_M = 0.5
_MOVABLE_M = 0.1, 2.6  # longest side of what one may carry about


@dataclass(frozen=True)
class Place:
    """One world of a library."""

    name: str
    fixed: tuple[int, ...]  # numbers of the meshes that stand where they were packed
    low: NDArray[np.float64]  # where most of it lies [m], (3,)
    high: NDArray[np.float64]


@dataclass(frozen=True)
class Library:
    """Numbered meshes and textures of several worlds."""

    meshes: tuple[Mesh, ...]
    textures: tuple[bytes, ...]
    mesh_textures: tuple[int | None, ...]  # number of each mesh's own texture
    places: tuple[Place, ...]
    movable: tuple[int, ...]  # numbers of the meshes that may stand anywhere
    photos: range  # numbers of the textures that fit any surface

    def solid(self, name: str) -> int:
        """Number of one of the ``SOLIDS``."""
        return SOLIDS.index(name)


def find_worlds(root: Path, split: str) -> list[str]:
    """Names of the packed worlds of a split in a folder.

    Args:
        root: folder of the packs.
        split: ``test`` for the worlds held out, ``train`` for all others.
    """
    if split not in {"train", "test"}:
        raise ValueError(f"split must be train or test, got {split!r}")
    names = sorted(path.stem for path in root.glob("*.npz") if path.stem != PHOTOS)
    chosen = [name for name in names if (name in HELD_OUT) == (split == "test")]
    if not chosen:
        raise FileNotFoundError(
            f"expected packed worlds for {split} in {root.absolute()}, got"
            f" {', '.join(names) or 'none'} (scripts/pack_worlds.py makes them, see"
            " datasets/README.md)"
        )
    return chosen


def load_library(root: Path, names: Sequence[str]) -> Library:
    """Read packed worlds and, where there are some, photo textures of a folder."""
    meshes, own = list(_solids()), [None] * len(SOLIDS)  # type: list[Mesh], list[int | None]
    textures: list[bytes] = []
    places, movable = [], []
    for name in names:
        world = read_world(root / f"{name}.npz")
        numbers = range(len(meshes), len(meshes) + len(world.meshes))
        own += [None if m.texture is None else len(textures) + m.texture for m in world.meshes]
        meshes += world.meshes
        textures += world.textures
        place, props = _arrange(name, world.meshes, numbers)
        places.append(place)
        movable += props
    photos = _photos_for(root / f"{PHOTOS}.npz", names)
    return Library(
        tuple(meshes),
        (*textures, *photos),
        tuple(own),
        tuple(places),
        tuple(movable),
        range(len(textures), len(textures) + len(photos)),
    )


def _photos_for(path: Path, names: Sequence[str]) -> tuple[bytes, ...]:
    """Give held-out worlds the photos of their repositories, and the other worlds the others."""
    if not path.is_file():
        return ()
    test = set(names) <= set(HELD_OUT)
    photos = read_photos(path).items()
    return tuple(image for source, image in photos if _is_held_out(source) == test)


def training_photos(path: Path) -> tuple[bytes, ...]:
    """Read the encoded photos that training may see: none of a held-out world's repository.

    Raises:
        FileNotFoundError: there is no such file.
    """
    photos = read_photos(path).items()
    return tuple(image for source, image in photos if not _is_held_out(source))


def _is_held_out(source: str) -> bool:
    """Tell whether a photo is from the repository of a held-out world."""
    repository = source.split("/")[0].replace("-", "_").removesuffix("_world")
    return repository.endswith(HELD_OUT)


def _arrange(name: str, meshes: Sequence[Mesh], numbers: range) -> tuple[Place, list[int]]:
    """List what stands fixed in a world, and the numbers of what may be moved about."""
    centre = np.array([(m.low + m.high)[:2] / 2 for m in meshes])
    side = np.array([(m.high - m.low).max() for m in meshes])
    gap = np.linalg.norm(centre[:, None] - centre[None], axis=2)
    piled = (gap < _PILE_M).sum(axis=1) >= _PILE
    piled &= side < 4
    fixed = tuple(k for k, pile in zip(numbers, piled, strict=True) if not pile)
    low, high = _MOVABLE_M
    kinds = {  # one of each kind: many worlds repeat a chair or a board
        (*np.rint(20 * (m.high - m.low)), len(m.triangles)): k
        for k, m, length in zip(numbers, meshes, side, strict=True)
        if low < length < high
    }
    props = sorted(kinds.values())
    points = np.concatenate([meshes[k - numbers[0]].vertices[:, :3] for k in fixed])
    return Place(name, fixed, np.percentile(points, 3, 0), np.percentile(points, 97, 0)), props


def _solids() -> tuple[Mesh, Mesh, Mesh]:
    return _prism(4), _prism(16), _ball(24, 12)


def _prism(sides: int) -> Mesh:
    """An upright prism with flat ends in the unit cube: a box, or nearly a tube."""
    angle = 2 * np.pi * (np.arange(sides + 1) + 0.5) / sides
    ring = 0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ring *= np.sqrt(2) if sides == 4 else 1
    rows: list[list[float]] = []
    faces: list[list[int]] = []
    for k in range(sides):
        flat = ring[k] + ring[k + 1]  # a box has edges, a tube is rounded
        start = len(rows)
        for at, u in ((ring[k], k), (ring[k + 1], k + 1)):
            normal = flat if sides == 4 else at
            normal = normal / np.linalg.norm(normal)
            rows += [[*at, z, *normal, 0, 4 * u / sides, z + 0.5] for z in (-0.5, 0.5)]
        faces += [[start, start + 2, start + 1], [start + 1, start + 2, start + 3]]
    for z in (-0.5, 0.5):
        start = len(rows)
        rows += [[*at, z, 0, 0, np.sign(z), *(at + 0.5)] for at in ring[:-1]]
        faces += [[start, start + k, start + k + 1] for k in range(1, sides - 1)]
    return Mesh(np.array(rows, np.float32), np.array(faces, np.uint32), None)


def _ball(around: int, up: int) -> Mesh:
    longitude = np.linspace(0, 2 * np.pi, around + 1)
    latitude = np.linspace(-np.pi / 2, np.pi / 2, up + 1)
    rows = [
        [np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b), 3 * a / np.pi, 3 * b / np.pi]
        for b in latitude
        for a in longitude
    ]
    at = np.array(rows, np.float32)
    vertices = np.concatenate([at[:, :3] / 2, at[:, :3], at[:, 3:]], axis=1)
    first = (np.arange(up)[:, None] * (around + 1) + np.arange(around)).ravel()
    quads = np.stack([first, first + 1, first + around + 1, first + around + 2], axis=1)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [1, 3, 2]]])
    return Mesh(vertices, triangles.astype(np.uint32), None)
