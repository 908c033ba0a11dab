"""Clips of textured worlds as a source: rendered on the fly from a seed, kept in memory."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.sources.source import SOURCE_REGISTRY
from stdnet_arch.data.synthetic.drawn_clips import DrawnClips, LeastRecent
from stdnet_arch.data.synthetic.worlds.layout import NEAR_SHARE, draw_world_scene
from stdnet_arch.data.synthetic.worlds.library import find_worlds, load_library
from stdnet_arch.data.synthetic.worlds.motion import flow_between
from stdnet_arch.data.synthetic.worlds.renderer import Rendering, WorldRenderer, preview
from stdnet_arch.data.synthetic.worlds.scene import WorldScene

MAX_SCENES = 64
BYTES_PER_PIXEL = 3 + 4 * 8  # colour; depth and number at every half pixel
PREVIEW_SIDE = 48
TRIES = 200  # each takes a preview of a few milliseconds
PREVIEW_EVERY = 8  # frames

_renderers: dict[tuple[int, int], WorldRenderer] = {}  # by process and library


@SOURCE_REGISTRY.register()
class Worlds(DrawnClips):
    """A camera carried through furnished, textured worlds; near scenes and things that move, too.

    Clips are called ``0000``, ``0001`` and so on. Depth, motion and cameras are exact; every pixel
    has depth, since a far ball surrounds each scene. LR depth is left to the sensor rule.

    Args:
        root: folder of the packs (``scripts/pack_worlds.py``) and photo textures.
        split: ``train``, or ``test`` for the worlds that no training sees.
        num_clips: number of clips.
        num_frame: frames of each clip.
        size: ``[H, W]`` of the frames.
        seed: seed of everything random, >= 0.
        near_share: share of the clips that look at things at 0.3 to 1.5 m.
        cache_mb: memory for rendered frames, in each worker; the oldest are rendered again.

    Raises:
        FileNotFoundError: the folder has no pack of that split.
        RuntimeError: there is no EGL; says which packages bring it.
    """

    default_range_m = 20.0

    def __init__(
        self,
        root: str = "datasets/worlds",
        *,
        split: str = "train",
        num_clips: int = 64,
        num_frame: int = 16,
        size: Sequence[int] = (256, 320),
        seed: int = 0,
        near_share: float = NEAR_SHARE,
        cache_mb: int = 256,
    ) -> None:
        """Read the packs; clips are drawn when they are asked for."""
        super().__init__(num_clips, num_frame, size, seed)
        if not 0 <= near_share <= 1:
            raise ValueError(f"near_share must be in [0, 1], got {near_share}")
        folder = Path(root).expanduser()
        self.near_share = near_share
        self._library = load_library(folder, find_worlds(folder, split))
        self._scenes: LeastRecent[WorldScene] = LeastRecent(MAX_SCENES)
        frame_bytes = BYTES_PER_PIXEL * self.size[0] * self.size[1]
        self._frames: LeastRecent[Rendering] = LeastRecent(max(2, (cache_mb << 20) // frame_bytes))

    def guide(self, clip: str, i: int) -> NDArray[np.uint8]:
        """Colour frame: ``(H, W, 3)``, RGB, read-only."""
        return self._frame(clip, i).rgb

    def depth_m(self, clip: str, i: int) -> NDArray[np.float32]:
        """Exact z-depth [m] at the pixel centres, ``(H, W)``, every pixel valid."""
        return self._frame(clip, i).depth_m

    def flow_px(self, clip: str, i: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Exact motion (dx, dy) [px] to frame ``i + 1``, ``(2, H, W)``, and where it is seen there.

        The last frame has one too: things move on after the clip.
        """
        frame, following = self._frame(clip, i), self._frame(clip, i, ahead=1)
        return flow_between(self.scene(clip, i), i, frame, following)

    def intrinsics_px(self, clip: str) -> tuple[float, float, float, float]:
        """``fx, fy, cx, cy`` of all frames of a clip; pixel (0, 0) is the centre of the first."""
        camera = self.scene(clip, 0).camera
        return camera.fx, camera.fy, camera.cx, camera.cy

    def pose(self, clip: str, i: int) -> NDArray[np.float64]:
        """Camera to world, ``(4, 4)``, metres; x right, y down, z forward. World: z up."""
        return self.scene(clip, i).camera.pose(i)

    def scene(self, clip: str, i: int) -> WorldScene:
        """Return the scene of a clip; frame ``i`` must be one of its frames."""
        k = self.number_of(clip, i)
        return self._scenes.get((k,), lambda: self._draw(k))

    def _frame(self, clip: str, i: int, ahead: int = 0) -> Rendering:
        scene = self.scene(clip, i)

        def render() -> Rendering:
            frame = _expose(self._renderer().render(scene, i + ahead), scene, i + ahead)
            for image in (frame.rgb, frame.depth_half_m, frame.number_half):
                image.setflags(write=False)
            return frame

        return self._frames.get((self.number_of(clip, i), i + ahead), render)

    def _renderer(self) -> WorldRenderer:
        """The renderer of this process; a forked worker must open its own."""
        key = os.getpid(), id(self._library)
        if key not in _renderers:
            _renderers[key] = WorldRenderer(self._library.meshes, self._library.textures)
        return _renderers[key]

    def _draw(self, k: int) -> WorldScene:
        """Clip ``k``: the first drawn scene whose frames are neither blocked nor empty."""
        rng = np.random.default_rng((self.seed, k))
        near = bool(rng.random() < self.near_share)
        last = self.num_frame - 1
        renderer = self._renderer()
        checked = sorted({*range(0, self.num_frame, PREVIEW_EVERY), last})
        for _ in range(TRIES):
            scene = draw_world_scene(rng, self._library, self.size, near=near)
            small = preview(scene, PREVIEW_SIDE)
            if not all(_has_depth(renderer.render(small, i, shadows=False), near) for i in checked):
                continue
            bright = _exposure(rng, renderer.render(small, 0).rgb)
            if _has_contrast(renderer.render(replace(small, exposure=bright), 0).rgb):
                return replace(scene, exposure=bright, seed=(self.seed, k))
        raise RuntimeError(
            f"expected a camera path that sees something in {TRIES} tries for clip {k:04d} of seed"
            f" {self.seed}; got none: the worlds are too full or too empty"
        )


def _exposure(rng: np.random.Generator, rgb: NDArray[np.uint8]) -> float:
    """Factor of light that brings an image to a usual mean."""
    target = rng.uniform(70, 150)
    return float((target / max(float(rgb.mean()), 8.0)) ** 2)


def _has_depth(frame: Rendering, near: bool) -> bool:
    """Tell whether a preview is neither blocked by something too near, nor empty, nor flat."""
    depth_m = frame.depth_m
    closest, middle = np.percentile(depth_m, (2, 50))
    low, high, reach = (0.35, 1.6, 0.2) if near else (1.5, 12.0, 0.5)
    return bool(
        low < middle < high
        and closest > reach
        and float((frame.number == 0).mean()) < 0.25  # sky
        and float(np.log(depth_m).std()) > 0.12
        and _jump_share(depth_m) > 0.02
    )


def _has_contrast(rgb: NDArray[np.uint8]) -> bool:
    """Tell whether an image is neither plain, nor mostly white, nor mostly black."""
    grey = rgb.mean(axis=2)
    return bool(grey.std() > 18 and (grey > 250).mean() < 0.12 and (grey < 10).mean() < 0.2)


def _jump_share(depth_m: NDArray[np.float32]) -> float:
    """Share of the pixels whose right neighbour is nearer or farther by more than a tenth."""
    return float((np.abs(np.diff(np.log(depth_m), axis=1)) > 0.1).mean())


def _expose(frame: Rendering, scene: WorldScene, i: int) -> Rendering:
    """Contrast of the camera and its noise, which differs from frame to frame."""
    curve = 255 * (np.arange(256) / 255) ** scene.contrast
    rgb = np.rint(curve).astype(np.uint8)[frame.rgb]
    if scene.noise > 0:
        rng = np.random.default_rng((*scene.seed, i))
        grain = np.float32(scene.noise) * rng.standard_normal(rgb.shape, dtype=np.float32)
        rgb = np.clip(np.rint(rgb + grain), 0, 255).astype(np.uint8)
    return replace(frame, rgb=rgb)
