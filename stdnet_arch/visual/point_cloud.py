"""Depth and colours as points in space, in PLY files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.utils.whole_file import whole_file

Camera = tuple[float, float, float, float]
"""``fx, fy, cx, cy`` in pixels; pixel (0, 0) is the centre of the first one."""

VERTEX = np.dtype(
    [(axis, "<f4") for axis in "xyz"] + [(name, "u1") for name in ("red", "green", "blue")]
)
_TYPES = {"<f4": "float", "|u1": "uchar"}


def unproject(depth_m: NDArray[np.floating], camera: Camera) -> NDArray[np.float32]:
    """The point behind each pixel of a pinhole camera.

    Args:
        depth_m: distance from the camera's plane [m], ``(H, W)``.
        camera: camera of a picture of this size.

    Returns:
        x to the right, y down, z forward [m], ``(H, W, 3)``.
    """
    fx, fy, cx, cy = camera
    y, x = np.mgrid[: depth_m.shape[0], : depth_m.shape[1]]
    rays = np.stack(((x - cx) / fx, (y - cy) / fy, np.ones(x.shape)), axis=-1)
    return (rays * np.asarray(depth_m)[..., None]).astype(np.float32)


def write_point_cloud(
    path: Path, depth_m: NDArray[np.floating], rgb: NDArray[np.uint8], camera: Camera
) -> None:
    """Write a frame as a binary PLY file, whole or not at all.

    Args:
        path: the file.
        depth_m: depth [m], ``(H, W)``; what is not finite and > 0 is no point.
        rgb: colours, ``(H, W, 3)``.
        camera: camera of a picture of this size.

    Raises:
        ValueError: depth and colours differ in size.
    """
    if rgb.shape != (*depth_m.shape, 3):
        raise ValueError(f"rgb must be {(*depth_m.shape, 3)} as depth, got {rgb.shape}")
    seen = np.isfinite(depth_m) & (depth_m > 0)
    vertices = np.empty(int(seen.sum()), VERTEX)
    points_m, colors = unproject(depth_m, camera)[seen], rgb[seen]
    for i, (axis, color) in enumerate(zip("xyz", ("red", "green", "blue"), strict=True)):
        vertices[axis], vertices[color] = points_m[:, i], colors[:, i]
    with whole_file(path) as part:
        part.write_bytes(_header(len(vertices)) + vertices.tobytes())


def _header(count: int) -> bytes:
    properties = [f"property {_TYPES[VERTEX[name].str]} {name}" for name in VERTEX.names or ()]
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {count}", *properties]
    return "\n".join([*lines, "end_header", ""]).encode()
