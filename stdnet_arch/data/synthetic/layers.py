"""Layered scenes: rooms full of flat things of all outlines, thousands of pictures a second.

Depth, flow and visibility are exact; everything is plain PyTorch on any device.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from stdnet_arch.data.lq import rgb_disturbance
from stdnet_arch.data.synthetic import layer_render as render
from stdnet_arch.data.synthetic.draws import Draws
from stdnet_arch.data.synthetic.layer_geometry import View
from stdnet_arch.data.synthetic.layer_scene import Scene, SceneDraws
from stdnet_arch.data.synthetic.layer_textures import load_or_make

MOST_PIXELS = {"cpu": 1 << 21, "cuda": 1 << 27}
"""Pixels times surfaces worked on at a time: what a CPU's cache, or a part of a GPU, holds."""
NEAREST_M, FARTHEST_M = 0.1, 80.0


class LayerClips(NamedTuple):
    """Clips of layered scenes."""

    rgb: Tensor  # (b, t, 3, H, W) float32 in [0, 1]
    depth_m: Tensor  # (b, t, 1, H, W) at pixel centres
    flow_px: Tensor  # (b, t - 1, 2, H, W) frame i -> i + 1, (dx, dy)
    visible: Tensor  # (b, t - 1, 1, H, W) bool: the next frame sees the point, too


class Camera(NamedTuple):
    """How a clip's camera turns light into numbers."""

    gain: Tensor  # (b, 3) mean brightness of the first picture
    gamma: Tensor  # (b,)
    vignette: Tensor  # (b,)
    middle: Tensor  # (b, 2)
    blur: Tensor  # (b,)
    read: Tensor  # (b,)
    shot: Tensor  # (b,)
    quality: Tensor  # (b,) of JPEG


class LayerScenes:
    """An endless stream of clips.

    Args:
        device: where clips are made.
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
            batch: how many.
            frames: pictures of each.
            size: their height and width.

        Raises:
            ValueError: no clip, frame, or pixel is asked for.
        """
        if min(batch, frames, *size) < 1:
            raise ValueError(f"batch, frames and size must be positive, got {batch, frames, size}")
        scene = self._scenes.draw(batch, size)
        camera = self._camera(scene.view)
        times = torch.arange(frames, device=self._draws.device, dtype=torch.float32)
        surfaces = scene.surfaces.kinds.shape[1] + scene.shades.surfaces.kinds.shape[1]
        work = surfaces * frames * size[0] * size[1]
        most = MOST_PIXELS.get(self._draws.device.type, MOST_PIXELS["cpu"])
        step = max(1, most // work)
        parts = [
            self._render(part_of(scene, slice(i, i + step)), times) for i in range(0, batch, step)
        ]
        light, depth_m, flow_px, visible = (torch.cat(part) for part in zip(*parts, strict=True))
        return LayerClips(self._photograph(light, camera), depth_m, flow_px, visible)

    def _render(self, scene: Scene, times: Tensor) -> LayerClips:
        at = render.matrices_of(scene, scene.surfaces, times)
        front = render.merge(render.cover(scene.surfaces, at.from_pixel, scene.view.size))
        rgb = render.render_rgb(scene, times, at, front, self._atlas)
        depth_m = (1 / front.centre_inverse.clamp_min(1e-6)).clamp(NEAREST_M, FARTHEST_M)
        return LayerClips(rgb, depth_m[:, :, None], *render.flow_of(at, front))

    def _camera(self, view: View) -> Camera:
        """Cameras of mild faults."""
        d, b = self._draws, len(view.focal_px)
        H, W = view.size
        half = torch.tensor([W / 2, H / 2], device=d.device)
        sometimes = d.chance(4, b, p=0.5)
        return Camera(
            gain=d.uniform(b, 1, lo=0.2, hi=0.65) * (1 + d.normal(b, 3, std=0.05)),
            gamma=d.uniform(b, lo=0.7, hi=1.4),
            vignette=d.uniform(b, hi=0.5) * sometimes[0] * (half[0] / view.focal_px) ** 2 * 2,
            middle=(view.centre_px + 0.5) / half - 1,
            blur=d.uniform(b) * sometimes[1],
            read=d.uniform(b, hi=0.015) * sometimes[2],
            shot=d.uniform(b, hi=0.025) * sometimes[2],
            quality=d.uniform(b, lo=45, hi=98),
        )

    def _photograph(self, light: Tensor, camera: Camera) -> Tensor:
        """What the camera makes of light ``(b, t, 3, H, W)``."""
        rgb = rgb_disturbance.vignette(light, camera.vignette, camera.middle)
        mean = rgb[:, 0].mean((1, 2, 3))[:, None].clamp_min(1e-3)
        rgb = rgb_disturbance.develop(rgb, (camera.gain / mean).clamp_max(4), camera.gamma)
        rgb = rgb_disturbance.blur(rgb, camera.blur)
        rgb = rgb_disturbance.add_noise(rgb, camera.read, camera.shot, self._draws.generator)
        rgb = rgb.clamp(0, 1)
        some = (len(rgb) + 1) // 3  # clips are drawn alike: the first are any
        if some:
            rgb[:some] = rgb_disturbance.jpeg_blocks(rgb[:some], camera.quality[:some])
        return rgb


def part_of(scene: Scene, which: slice) -> Scene:
    """Some scenes of a batch."""

    def cut(value: object) -> object:
        if isinstance(value, Tensor):
            return value[which]
        if hasattr(value, "_fields"):
            return type(value)(*(cut(part) for part in value))  # type: ignore[attr-defined]
        return value

    return cut(scene)  # type: ignore[return-value]
