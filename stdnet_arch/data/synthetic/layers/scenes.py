"""Layered scenes: rooms full of flat things of all outlines, thousands of pictures a second.

Depth, flow and visibility are exact; everything is plain PyTorch on any device.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from stdnet_arch.data.synthetic.layers import render
from stdnet_arch.data.synthetic.layers.draws import Draws
from stdnet_arch.data.synthetic.layers.photo import draw_camera, exposure, photograph
from stdnet_arch.data.synthetic.layers.scene import LayerScene, SceneDraws
from stdnet_arch.data.synthetic.layers.textures import TextureAtlas, load_or_make

MOST_PIXELS = {"cpu": 1 << 21, "cuda": 1 << 27}
"""Pixels times surfaces worked on at a time: what a CPU's cache, or a part of a GPU, holds."""
NEAREST_M, FARTHEST_M = 0.1, 80.0


class LayerClips(NamedTuple):
    """Clips of layered scenes."""

    rgb: Tensor  # (b, t, 3, H, W) float32 in [0, 1]
    depth_m: Tensor  # (b, t, 1, H, W) at pixel centres
    flow_px: Tensor  # (b, t - 1, 2, H, W) frame i -> i + 1, (dx, dy)
    visible: Tensor  # (b, t - 1, 1, H, W) bool: the next frame sees the point, too


class LayerScenes:
    """An endless stream of clips.

    Args:
        device: device of the clips.
        seed: equal seeds give equal clips on equal devices.
        textures: photographs, uint8 ``(n, S, S, 3)``, ``S`` a multiple of 32; None: made by
            formula.

    Raises:
        ValueError: textures of another shape or dtype.
    """

    def __init__(
        self, device: torch.device | str, seed: int, textures: Tensor | None = None
    ) -> None:
        self._draws = Draws(device, seed)
        self._atlas = load_or_make(textures, self._draws)
        self._scenes = SceneDraws(self._draws, self._atlas.mean, seed)

    @torch.no_grad()
    def draw(self, batch: int, frames: int, size: tuple[int, int]) -> LayerClips:
        """Make the next clips.

        Args:
            batch: number of scenes.
            frames: pictures of each.
            size: their height and width.

        Raises:
            ValueError: no clip, frame, or pixel is asked for.
        """
        if min(batch, frames, *size) < 1:
            raise ValueError(f"batch, frames and size must be positive, got {batch, frames, size}")
        d = self._draws
        scene = self._scenes.draw(batch, size)
        camera = draw_camera(d, scene.view)
        times = torch.arange(frames, device=d.device, dtype=torch.float32)
        surfaces = scene.surfaces.kinds.shape[1] + scene.shades.surfaces.kinds.shape[1]
        most = MOST_PIXELS.get(d.device.type, MOST_PIXELS["cpu"])
        step = max(1, most // (surfaces * frames * size[0] * size[1]))
        parts = [
            render_light(part_of(scene, slice(i, i + step)), times, self._atlas)
            for i in range(0, batch, step)
        ]
        light, depth_m, flow_px, visible = (torch.cat(part) for part in zip(*parts, strict=True))
        # Clips are drawn alike, so the first third is any third.
        compressed = (batch + 1) // 3
        rgb = photograph(light, camera, exposure(light, camera), compressed, d.generator)
        return LayerClips(rgb, depth_m, flow_px, visible)


def render_light(scene: LayerScene, times: Tensor, atlas: TextureAtlas) -> LayerClips:
    """Clips at ``times`` ``(t,)`` [frames]; ``rgb`` is light before the camera, any number >= 0."""
    at = render.matrices_of(scene, scene.surfaces, times)
    front = render.merge(render.cover(scene.surfaces, at.from_pixel, scene.view.size))
    light = render.render_rgb(scene, times, at, front, atlas)
    depth_m = (1 / front.centre_inverse.clamp_min(1e-6)).clamp(NEAREST_M, FARTHEST_M)
    return LayerClips(light, depth_m[:, :, None], *render.flow_of(at, front))


def render_flow(scene: LayerScene, times: Tensor) -> tuple[Tensor, Tensor]:
    """Render only flow and visibility, as in :class:`LayerClips`."""
    at = render.matrices_of(scene, scene.surfaces, times)
    front = render.merge(render.cover(scene.surfaces, at.from_pixel, scene.view.size))
    return render.flow_of(at, front)


def part_of(scene: LayerScene, which: slice) -> LayerScene:
    """Some scenes of a batch."""

    def cut(value: object) -> object:
        if isinstance(value, Tensor):
            return value[which]
        if hasattr(value, "_fields"):
            return type(value)(*(cut(part) for part in value))  # type: ignore[attr-defined]
        return value

    return cut(scene)  # type: ignore[return-value]
