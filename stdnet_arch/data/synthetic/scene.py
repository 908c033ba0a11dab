"""Synthetic clips by ray casting: a camera moves through rooms of textured, moving things.

Everything is exact: depth, motion, intrinsics and poses come from the geometry, not from images.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.synthetic.shading import Points, Single, sees_lamp, shade, slices
from stdnet_arch.data.synthetic.shapes import ROUNDING, Array
from stdnet_arch.data.synthetic.stage import AimedCamera, Moment, Part

SUBPIXELS = np.array([[-0.375, -0.125], [0.125, -0.375], [0.375, 0.125], [-0.125, 0.375]])
"""Samples of outlines, x and y from the pixel's centre [px]: no two in a row or column."""

SHADOW_STEP = 2
"""Shadows are found at every second pixel of every second row, and are soft in between."""

Hits = tuple[Array, NDArray[np.int16]]
"""z-depth [m] and index of the part of rays, ``(n,)`` each; inf and -1 where nothing is hit."""

Find = Callable[[Array], NDArray[np.intp] | slice]
"""Numbers of the rays in a rectangle (left, top, right, bottom) [px]."""


@dataclass(frozen=True)
class Scene:
    """Things, a camera and a light; renders any frame on its own."""

    parts: tuple[Part, ...]
    camera: AimedCamera
    atlas: NDArray[np.uint8]
    light: Array  # position [m], (3,)
    size: tuple[int, int]  # H, W
    noise: float  # deviation of the colours, of 255
    seed: tuple[int, ...]  # of the noise

    def at(self, i: float) -> Moment:
        """Place everything at frame ``i``."""
        return Moment.of(self.parts, self.camera, i)

    def cast(self, i: float, x: Array, y: Array) -> Hits:
        """Find the part that rays through pixels hit first.

        Args:
            i: frame.
            x: columns, ``(n,)``, whole or between pixels.
            y: rows, ``(n,)``.

        Returns:
            z-depth [m] and index of the part, ``(n,)`` each; inf and -1 where nothing is hit.
        """
        return self._cast(self.at(i), self.camera.rays(x, y), _anywhere(x, y))

    def render(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Colours and depth of a frame.

        Returns:
            RGB, ``(H, W, 3)``, mixed where an outline cuts a pixel, and z-depth [m] of the pixel
            centres, ``(H, W)``; black and inf where nothing is hit.
        """
        H, W = self.size
        now, rays = self.at(i), self._rays()
        depth_m, index = self._cast(now, rays, self._grid)
        lit = self._lit(now, rays, (depth_m, index))
        cut = _outlines(index.reshape(H, W), depth_m.reshape(H, W)).ravel()
        whole, mixed = np.flatnonzero(~cut), np.flatnonzero(cut)
        y, x = np.divmod(mixed.astype(np.float64), W)
        x, y = ((at[:, None] + SUBPIXELS[:, k]).ravel() for k, at in enumerate((x, y)))
        between = self.camera.rays(x, y)
        hits = self._cast(now, between, _along_rows(x, y))
        seen = _seen(rays[:, whole], depth_m[whole]), _seen(between, hits[0])
        points = Points(
            np.concatenate(seen, axis=1),
            np.concatenate([index[whole], hits[1]]),
            np.concatenate([lit[whole], np.repeat(lit[mixed], len(SUBPIXELS))]),
        )
        colours = shade(points, self.parts, now, self.light, self.atlas)
        light = np.empty((H * W, 3), np.float32)
        light[whole] = colours[: whole.size]
        light[mixed] = colours[whole.size :].reshape(-1, len(SUBPIXELS), 3).mean(axis=1)
        return self._expose(light.reshape(H, W, 3), i), depth_m.reshape(H, W).astype(np.float32)

    def flow_px(self, i: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Compute where each pixel's surface point goes until the next frame.

        Returns:
            Motion (dx, dy) [px] from frame ``i`` to ``i + 1``, ``(2, H, W)``, and ``(H, W)``: the
            point is seen in frame ``i + 1`` (inside the image and not occluded).
        """
        H, W = self.size
        pixels, rays = self._pixels(), self._rays()
        target, ahead_m = pixels.copy(), np.zeros(H * W)
        now, camera = self.at(i), self.camera.at(i + 1)
        depth_m, index = self._cast(now, rays, self._grid)
        order, found = slices(index)
        for k, here in found:
            on = order[here]
            point = now.parts[k].to_local(now.camera.to_world(rays[:, on] * depth_m[on]))
            moved = camera.to_local(self.parts[k].at(i + 1).to_world(point))
            target[:, on], ahead_m[on] = self.camera.project(moved), moved[2]
        x, y = target
        inside = (ahead_m > 0) & (x > -ROUNDING) & (x < W - 1 + ROUNDING)
        inside &= (y > -ROUNDING) & (y < H - 1 + ROUNDING)
        seen = np.zeros(H * W, bool)
        seen[inside] = self._is_seen(i + 1, target[:, inside], ahead_m[inside])
        flow = (target - pixels).reshape(2, H, W)
        return flow.astype(np.float32), seen.reshape(H, W)

    def sees_lamp(self, i: float, points: Array, index: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Find out where nothing stands between the lamp and surface points.

        Args:
            i: frame.
            points: in the world, ``(3, n)``.
            index: indices of their parts, ``(n,)``.

        Returns:
            ``(n,)``.
        """
        return sees_lamp(points, index, self.parts, self.at(i).parts, self.light)

    def _cast(self, now: Moment, rays: Array, find: Find) -> Hits:
        """Find what rays in camera coordinates, ``(3, n)``, hit first."""
        direction = now.camera.rotation @ rays
        depth_m, index = np.full(rays.shape[1], np.inf), np.full(rays.shape[1], -1, np.int16)
        for k, (part, local) in enumerate(zip(self.parts, now.parts, strict=True)):
            on = find(now.outlines[k])
            if part.beyond:
                on = np.arange(index.size)[on]
                on = on[index[on] < 0]
            ways = direction[:, on]
            if not ways.size:
                continue
            origin = local.to_local(now.camera.position[:, None])
            reach = part.shape.hit(origin, local.rotation.T @ ways)
            nearer = np.flatnonzero(reach < depth_m[on])
            its = nearer if isinstance(on, slice) else on[nearer]
            depth_m[its], index[its] = reach[nearer], k
        return depth_m, index

    def _lit(self, now: Moment, rays: Array, hits: Hits) -> Single:
        """Measure how much of the lamp each pixel of a frame sees, in [0, 1], ``(H * W,)``."""
        H, W = self.size
        depth_m, index = hits
        some = np.arange(H * W).reshape(H, W)[::SHADOW_STEP, ::SHADOW_STEP].ravel()
        hit = some[index[some] >= 0]
        points = now.camera.to_world(rays[:, hit] * depth_m[hit])
        sees = np.zeros(some.size, np.float32)
        sees[index[some] >= 0] = sees_lamp(points, index[hit], self.parts, now.parts, self.light)
        coarse = sees.reshape(-(-H // SHADOW_STEP), -(-W // SHADOW_STEP))
        soft = cv2.blur(coarse, (3, 3))  # a lamp is no point
        size = coarse.shape[1] * SHADOW_STEP, coarse.shape[0] * SHADOW_STEP
        fine = cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(fine, np.float32)[:H, :W].ravel()

    def _is_seen(self, i: float, pixel: Array, depth_m: Array) -> NDArray[np.bool_]:
        """Tell whether nothing stands before points at ``depth_m`` behind pixels ``(2, n)``."""
        first_m, _ = self.cast(i, pixel[0], pixel[1])
        return first_m > depth_m * (1 - ROUNDING)

    def _pixels(self) -> Array:
        """Columns and rows of all pixel centres, ``(2, H * W)``."""
        H, W = self.size
        return np.indices((H, W), np.float64)[::-1].reshape(2, -1)

    def _rays(self) -> Array:
        """Rays through all pixel centres, ``(3, H * W)``."""
        return self.camera.rays(*self._pixels())

    def _grid(self, box: Array) -> NDArray[np.intp] | slice:
        """Numbers of the pixels in a rectangle."""
        if np.isinf(box[0]):
            return slice(None)
        H, W = self.size
        left, top = (int(np.ceil(np.clip(edge, 0, 1e6))) for edge in box[:2])
        right, bottom = (
            int(np.floor(np.clip(edge, -1, side - 1)))
            for edge, side in zip(box[2:], (W, H), strict=True)
        )
        rows, columns = np.arange(top, bottom + 1), np.arange(left, right + 1)
        return (rows[:, None] * W + columns).ravel()

    def _expose(self, light: Single, i: int) -> NDArray[np.uint8]:
        """Slight lens blur and sensor noise, which differs from frame to frame."""
        image = cv2.GaussianBlur(light, (3, 3), 0.4)
        rng = np.random.default_rng((*self.seed, i))
        grain = np.float32(self.noise) * rng.standard_normal(image.shape, dtype=np.float32)
        return np.clip(np.rint(image + grain), 0, 255).astype(np.uint8)


def _seen(rays: Array, depth_m: Array) -> Array:
    """Points in camera coordinates, ``(3, n)``; 0 where nothing is hit."""
    return rays * np.where(np.isinf(depth_m), 0, depth_m)


def _anywhere(x: Array, y: Array) -> Find:
    """Look through all rays."""

    def find(box: Array) -> NDArray[np.intp]:
        left, top, right, bottom = box
        return np.flatnonzero((x >= left) & (x <= right) & (y >= top) & (y <= bottom))

    return find


def _along_rows(x: Array, y: Array) -> Find:
    """Look through rays that come row by row of the frame, each up to half a pixel off its row."""
    row = np.rint(y)

    def find(box: Array) -> NDArray[np.intp] | slice:
        left, top, right, bottom = box
        if np.isinf(left):
            return slice(None)
        start, stop = np.searchsorted(row, [top - 0.5, bottom + 0.5])
        near = x[start:stop]
        return start + np.flatnonzero((near >= left) & (near <= right))

    return find


def _outlines(index: NDArray[np.int16], depth_m: Array) -> NDArray[np.bool_]:
    """Pixels beside one of another part or of another depth, ``(H, W)``."""
    edge = np.zeros(index.shape, bool)
    for one, other in (
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[1:], np.s_[:-1]),
    ):
        step = index[one] != index[other]
        with np.errstate(invalid="ignore"):
            step |= np.abs(depth_m[one] - depth_m[other]) > 0.1 * depth_m[other]
        edge[one] |= step
        edge[other] |= step
    return edge
