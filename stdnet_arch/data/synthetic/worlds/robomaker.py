"""Reads the worlds of AWS RoboMaker from clones of their repositories (SDF, COLLADA, OBJ)."""

import logging
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.rgb_codec import decode_image, read_bytes
from stdnet_arch.data.synthetic.worlds.pack import Mesh, World
from stdnet_arch.utils.input_errors import InputError, check_regular, is_regular, reading
from stdnet_arch.utils.names import check_name, is_inside

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

MAX_TEXTURE = 512
PHOTO_SIDE = 384
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 90]
_MIN_CONTRAST = 12.0  # deviation of 255: plainer crops are no textures
_IMAGES = {".png", ".jpg", ".jpeg"}
_GAZEBO = {"sun", "ground_plane"}  # models of its own
_FARTHEST_M = 1000.0

logger = logging.getLogger(__name__)


class _Textures:
    """Encoded textures, each once."""

    def __init__(self) -> None:
        self.encoded: list[bytes] = []
        self._numbers: dict[bytes, int] = {}

    def number(self, rgba: NDArray[np.uint8]) -> int:
        """Number of an image, ``(h, w, 4)``."""
        image = encode_texture(rgba)
        if image not in self._numbers:
            self._numbers[image] = len(self.encoded)
            self.encoded.append(image)
        return self._numbers[image]


def read_clone(clone: Path) -> tuple[str, World]:
    """Read the world of a clone: of several ``worlds/*.world`` the one with the shortest name.

    Models that the clone lacks (the hospital fetches some with its ``setup.sh``) and models that
    fell out of the world are left out and logged.

    Args:
        clone: folder of the repository, with ``worlds`` and ``models``.

    Returns:
        Name of the world and its meshes, one for each material of each model.

    Raises:
        FileNotFoundError: there is no world, or a mesh is not where its model says.
    """
    files = sorted(clone.glob("worlds/*.world"), key=lambda path: (len(path.stem), path.stem))
    if not files:
        raise FileNotFoundError(
            f"expected worlds/*.world in {clone}; got none (is it an AWS RoboMaker world?)"
        )
    models = {path.parent.name: path for path in sorted(clone.rglob("model.sdf"))}
    textures, skipped = _Textures(), set()
    meshes: list[Mesh] = []
    for name, pose in _placed_models(files[0]):
        if name in models and np.abs(pose[:3, 3]).max() < _FARTHEST_M:
            meshes += _read_model(models[name], models, pose, textures)
        elif name not in _GAZEBO:
            skipped.add(name)
    if skipped:
        logger.warning("%s: left out %s", files[0], ", ".join(sorted(skipped)))
    return files[0].stem, World(tuple(meshes), tuple(textures.encoded))


def read_photo_crops(clone: Path) -> dict[str, bytes]:
    """Square crops of a clone's large textures: path from the clone's folder to JPEG.

    Crops without contrast are left out.
    """
    crops = {}
    for path in sorted(p for p in clone.rglob("*") if p.suffix.lower() in _IMAGES):
        if not is_regular(path):
            continue
        image = decode_image(read_bytes(path), cv2.IMREAD_COLOR, path)
        if image is None or min(image.shape[:2]) < PHOTO_SIDE:
            continue
        shrink = max(PHOTO_SIDE / min(image.shape[:2]), 0.5)
        image = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        top, left = ((side - PHOTO_SIDE) // 2 for side in image.shape[:2])
        crop = image[top : top + PHOTO_SIDE, left : left + PHOTO_SIDE]
        if crop.std() >= _MIN_CONTRAST:
            name = f"{clone.name}/{path.relative_to(clone).as_posix()}"
            crops[name] = cv2.imencode(".jpg", crop, _JPEG)[1].tobytes()
    return crops


def encode_texture(rgba: NDArray[np.uint8]) -> bytes:
    """Encode an image, ``(h, w, 4)``, as JPEG, or as PNG if it has holes; shrunk to 512 px."""
    bgra = cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA)
    shrink = MAX_TEXTURE / max(rgba.shape[:2])
    if shrink < 1:
        size = [max(1, round(side * shrink)) for side in rgba.shape[1::-1]]
        bgra = cv2.resize(bgra, size, interpolation=cv2.INTER_AREA)
    if bgra[..., 3].min() < 128:
        return cv2.imencode(".png", bgra)[1].tobytes()
    return cv2.imencode(".jpg", bgra[..., :3], _JPEG)[1].tobytes()


def pose_matrix(text: str | None) -> Array:
    """Matrix of an SDF pose, ``x y z roll pitch yaw`` [m, rad], ``(4, 4)``; None: the identity."""
    matrix = np.eye(4)
    if text is None or not text.strip():
        return matrix
    x, y, z, roll, pitch, yaw = (float(word) for word in text.split())
    turn = np.eye(3)
    for angle, (a, b) in ((roll, (1, 2)), (pitch, (2, 0)), (yaw, (0, 1))):
        axis = np.eye(3)
        axis[a, a] = axis[b, b] = np.cos(angle)
        axis[a, b], axis[b, a] = -np.sin(angle), np.sin(angle)
        turn = axis @ turn
    matrix[:3, :3], matrix[:3, 3] = turn, (x, y, z)
    return matrix


def _placed_models(path: Path) -> Iterator[tuple[str, Array]]:
    """Names of the models of a world and where they stand."""
    world = _parse(path).find("world")
    if world is None:
        raise ValueError(f"expected <world> in {path}; got none")
    for element in world:
        if element.tag not in {"model", "include"}:
            continue
        pose = pose_matrix(element.findtext("pose"))
        inner = element if element.tag == "include" else element.find("include")
        if inner is not None:
            own = np.eye(4) if inner is element else pose_matrix(inner.findtext("pose"))
            yield _split_uri(inner.findtext("uri"))[0], pose @ own


def _parse(path: Path) -> ET.Element:
    check_regular(path)
    with reading(path, "an SDF file"):
        return ET.parse(path).getroot()


def _read_model(
    path: Path, models: dict[str, Path], pose: Array, textures: _Textures
) -> Iterator[Mesh]:
    """Meshes of a model's visuals, in the world."""
    model = _parse(path).find("model")
    if model is None:
        raise ValueError(f"expected <model> in {path}; got none")
    pose = pose @ pose_matrix(model.findtext("pose"))
    for link in model.findall("link"):
        for visual in link.findall("visual"):
            mesh = visual.find("geometry/mesh")
            if mesh is None:
                continue
            place = pose @ pose_matrix(link.findtext("pose"))
            place = place @ pose_matrix(visual.findtext("pose"))
            scale = [float(s) for s in (mesh.findtext("scale") or "1 1 1").split()]
            place = place @ np.diag([*scale, 1.0])
            yield from _read_meshes(_mesh_path(mesh.findtext("uri"), path, models), place, textures)


def _split_uri(uri: str | None) -> tuple[str, str]:
    """Model and path within it of ``model://NAME/path`` or ``file://models/NAME/path``."""
    name, _, rest = (uri or "").strip().partition("://")[2].removeprefix("models/").partition("/")
    return name, rest


def _mesh_path(uri: str | None, sdf: Path, models: dict[str, Path]) -> Path:
    name, rest = _split_uri(uri)
    path = (models[name].parent if name in models else sdf.parent) / check_name(
        rest, f"the mesh of {sdf}"
    )
    if not is_regular(path):
        raise FileNotFoundError(f"expected the mesh {uri!r} of {sdf} at {path}; got none")
    return path


def _read_meshes(path: Path, place: Array, textures: _Textures) -> Iterator[Mesh]:
    """Meshes of a file. As in Gazebo, its unit counts and its up axis does not."""
    try:
        import trimesh
    except ImportError as error:
        raise ImportError(
            "packing worlds needs trimesh and pycollada: pip install 'stdnet_arch[render]'"
        ) from error

    class Beside(trimesh.resolvers.FilePathResolver):
        """Textures lie beside the folder of the meshes, and nowhere else."""

        def absolute(self, name: str) -> Path:
            found = super().absolute(name)
            if not is_inside(found, path.parent.parent):
                raise InputError(f"{path}: expected textures in {path.parent.parent}; got {found}")
            return found

    resolver = Beside(str(path), allow_anywhere=True)
    with path.open("rb") as file, reading(path, "a mesh"):
        scene = trimesh.load_scene(file, file_type=path.suffix[1:].lower(), resolver=resolver)
    for node in scene.graph.nodes_geometry:
        own, geometry = scene.graph[node]
        part = scene.geometry[geometry]
        if isinstance(part, trimesh.Trimesh) and len(part.faces):
            unit = np.diag([*([_metres(part)] * 3), 1.0])
            yield _convert(part, place @ unit @ own, textures)


def _metres(part: "trimesh.Trimesh") -> float:
    """Length of the file's unit: trimesh writes ``0.01 * meters``."""
    number = str(part.metadata.get("units", "meters")).partition("*")[0]
    return 1.0 if "meters" in number else float(number)


def _convert(part: "trimesh.Trimesh", place: Array, textures: _Textures) -> Mesh:
    position = part.vertices @ place[:3, :3].T + place[:3, 3]
    normal = part.vertex_normals @ np.linalg.inv(place[:3, :3])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    uv, texture, colour = np.zeros((len(position), 2)), None, (0.8, 0.8, 0.8)
    material = getattr(part.visual, "material", None)
    if material is not None:
        red, green, blue = (float(value) / 255 for value in material.main_color[:3])
        colour = red, green, blue
        image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
        mapped = getattr(part.visual, "uv", None)
        if image is not None and mapped is not None:
            uv, colour = mapped, (1.0, 1.0, 1.0)
            texture = textures.number(np.asarray(image.convert("RGBA")))
    vertices = np.concatenate([position, normal, uv], axis=1).astype(np.float32)
    return Mesh(vertices, part.faces.astype(np.uint32), texture, colour)
