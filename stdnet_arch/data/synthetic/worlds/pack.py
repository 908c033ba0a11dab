"""Packed worlds: textured triangle meshes in one ``.npz``, and photo textures in another.

Coordinates of a world: x and y horizontal, z up [m]. Positions are stored in 16 bits of the mesh's
bounding box, normals and texture coordinates as float16, textures as JPEG or PNG.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.array_file import read_arrays, write_arrays
from stdnet_arch.data.codecs.image_limits import check_image
from stdnet_arch.data.codecs.rgb_codec import decode_image
from stdnet_arch.utils.input_errors import reading

PHOTOS = "photo_textures"
"""Name of the file, without suffix, that holds photos instead of a world."""

_STEPS = 65535  # of a 16-bit position within its bounding box
_PLACES = 9  # of a row of `meta`: low corner, extent, colour; then the number of the texture


@dataclass(frozen=True)
class Mesh:
    """Triangles of one material."""

    vertices: NDArray[np.float32]  # (n, 8): position [m], normal, texture coordinates (v is up)
    triangles: NDArray[np.uint32]  # (m, 3): rows of `vertices`
    texture: int | None  # number of the texture in its world
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)  # where there is no texture, in [0, 1]

    @cached_property
    def low(self) -> NDArray[np.float64]:
        """Lowest coordinates [m], ``(3,)``."""
        return self.vertices[:, :3].min(axis=0).astype(np.float64)

    @cached_property
    def high(self) -> NDArray[np.float64]:
        """Highest coordinates [m], ``(3,)``."""
        return self.vertices[:, :3].max(axis=0).astype(np.float64)

    @property
    def has_uv(self) -> bool:
        """Tell whether the texture coordinates say anything."""
        return float(np.ptp(self.vertices[:, 6:], axis=0).min()) > 1e-3


@dataclass(frozen=True)
class World:
    """Meshes in their places, and the encoded textures they name."""

    meshes: tuple[Mesh, ...]
    textures: tuple[bytes, ...] = field(default=(), repr=False)


def read_world(path: Path) -> World:
    """Read a world that ``write_world`` wrote.

    Raises:
        FileNotFoundError: there is no such file.
    """
    arrays = _read(path)
    with reading(path, "a packed world"):
        return _decode_world(arrays)


def _decode_world(arrays: Mapping[str, NDArray]) -> World:
    meshes = []
    for i, row in enumerate(arrays["meta"]):
        stored = arrays[f"p{i}_v"]
        position = stored[:, :3].astype(np.float32) / _STEPS * row[3:6] + row[:3]
        rest = np.ascontiguousarray(stored[:, 3:]).view(np.float16).astype(np.float32)
        meshes.append(
            Mesh(
                np.concatenate([position, rest], axis=1),
                arrays[f"p{i}_i"].astype(np.uint32),
                int(row[_PLACES]) if row[_PLACES] >= 0 else None,
                (float(row[6]), float(row[7]), float(row[8])),
            )
        )
    return World(tuple(meshes), _split(arrays["textures"], arrays["sizes"]))


def write_world(path: Path, world: World) -> None:
    """Write a world; positions are rounded to 1/65535 of each mesh's bounding box."""
    arrays: dict[str, NDArray] = {}
    meta = []
    for i, mesh in enumerate(world.meshes):
        low, extent = mesh.low, np.maximum(mesh.high - mesh.low, 1e-6)
        steps = np.rint((mesh.vertices[:, :3] - low) / extent * _STEPS).astype(np.uint16)
        rest = mesh.vertices[:, 3:].astype(np.float16).view(np.uint16)
        arrays[f"p{i}_v"] = np.concatenate([steps, rest], axis=1)
        arrays[f"p{i}_i"] = mesh.triangles.astype(np.uint32)
        texture = -1 if mesh.texture is None else mesh.texture
        meta.append([*low, *extent, *mesh.colour, texture])
    arrays["meta"] = np.array(meta, np.float32)
    arrays["textures"], arrays["sizes"] = join_images(world.textures)
    write_arrays(path, arrays)


def read_photos(path: Path) -> dict[str, bytes]:
    """Read photos to paint surfaces with: path in their repository to encoded image.

    Raises:
        FileNotFoundError: there is no such file.
    """
    pack = _read(path)
    with reading(path, "packed photos"):
        images = _split(pack["jpegs"], pack["sizes"])
        return dict(zip(pack["names"].tolist(), images, strict=True))


def join_images(images: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Bytes of all images one after the other, and how many each has."""
    sizes = np.array([len(image) for image in images], np.int64)
    return np.frombuffer(b"".join(images), np.uint8), sizes


def decode_texture(image: bytes, max_side: int) -> NDArray[np.uint8]:
    """Decode an image for a renderer.

    Args:
        image: JPEG or PNG of one, three or four channels.
        max_side: larger images are shrunk to it.

    Returns:
        RGBA, ``(h, w, 4)``, the lowest row first as OpenGL wants it.
    """
    check_image(image, "a texture")
    pixels = decode_image(image, cv2.IMREAD_UNCHANGED, "a texture")
    if pixels is None:
        raise ValueError("expected a texture of JPEG or PNG; got bytes that no decoder knows")
    if pixels.dtype != np.uint8:
        pixels = cv2.convertScaleAbs(pixels, alpha=1 / 257)  # 16 bits
    kind = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    pixels = cv2.cvtColor(pixels, kind[channels])
    shrink = max_side / max(pixels.shape[:2])
    if shrink < 1:
        size = [max(1, round(side * shrink)) for side in pixels.shape[1::-1]]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(pixels[::-1])


def _read(path: Path) -> dict[str, NDArray]:
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a packed world at {path}; there is no such file"
            " (scripts/pack_worlds.py makes them, see datasets/README.md)"
        )
    return read_arrays(path)


def _split(data: NDArray[np.uint8], sizes: NDArray[np.int64]) -> tuple[bytes, ...]:
    ends = np.cumsum(sizes)
    starts = ends - sizes
    return tuple(data[a:b].tobytes() for a, b in zip(starts, ends, strict=True))
