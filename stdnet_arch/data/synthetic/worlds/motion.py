"""Motion of the pixels of a rendered frame until the next one: exact, only from geometry."""

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.synthetic.worlds.renderer import Rendering
from stdnet_arch.data.synthetic.worlds.scene import Array, WorldScene

_SAME_SURFACE = 1e-3  # relative; the rasteriser's own error is 100 times smaller


def flow_between(
    scene: WorldScene, i: int, frame: Rendering, following: Rendering
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Motion of each pixel's surface point from frame ``i`` to ``i + 1``.

    Args:
        scene: scene of both frames.
        i: number of the first frame.
        frame: its rendering.
        following: rendering of frame ``i + 1``.

    Returns:
        (dx, dy) [px], ``(2, H, W)``, and where the point is seen in frame ``i + 1``, ``(H, W)``:
        inside the image and nothing before it, known to half a pixel.
    """
    H, W = scene.size
    camera = scene.camera
    points = camera.rays(scene.size).reshape(3, -1) * frame.depth_m.reshape(1, -1)
    moved = _moved(scene, i, points, frame.number.ravel())
    with np.errstate(divide="ignore", invalid="ignore"):
        x = camera.fx * moved[0] / moved[2] + camera.cx
        y = camera.fy * moved[1] / moved[2] + camera.cy
    rows, columns = np.mgrid[:H, :W].reshape(2, -1)
    flow = np.stack([x - columns, y - rows]).reshape(2, H, W).astype(np.float32)
    seen = _is_seen(x, y, moved[2], following, scene.size)
    return flow, seen.reshape(H, W)


def _moved(scene: WorldScene, i: int, points: Array, number: NDArray[np.int32]) -> Array:
    """Points of frame ``i``'s camera in the coordinates of the next one's, ``(3, n)``."""
    back = np.linalg.inv(scene.camera.pose(i + 1))
    step = back @ scene.camera.pose(i)
    moved = step[:3, :3] @ points + step[:3, 3:]
    for k in np.unique(number):
        thing = scene.things[k]
        if k >= 0 and thing.steps is not None:
            on = number == k
            own = back @ thing.at(i + 1) @ np.linalg.inv(thing.at(i)) @ scene.camera.pose(i)
            moved[:, on] = own[:3, :3] @ points[:, on] + own[:3, 3:]
    return moved


def _is_seen(
    x: Array, y: Array, depth_m: Array, frame: Rendering, size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Tell whether points lie inside an image, no farther than one of the four samples around."""
    H, W = size
    seen = (depth_m > 0) & (x >= 0) & (x <= W - 1) & (y >= 0) & (y <= H - 1)
    column, row = (np.floor(2 * at[seen] + 1).astype(np.int64) for at in (x, y))
    around = frame.depth_half_m
    farthest = np.max([around[row + dy, column + dx] for dy in (0, 1) for dx in (0, 1)], axis=0)
    seen[seen] = depth_m[seen] <= farthest * (1 + _SAME_SURFACE)
    return seen
