"""Layered scenes as a source: clips on the fly from a seed, for datasets and their workers."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stdnet_arch.data.sources.source import SOURCE_REGISTRY
from stdnet_arch.data.synthetic.drawn_clips import DrawnClips, LeastRecent
from stdnet_arch.data.synthetic.layers.draws import Draws
from stdnet_arch.data.synthetic.layers.motion import rotations
from stdnet_arch.data.synthetic.layers.photo import (
    CameraResponse,
    draw_camera,
    exposure,
    photograph,
)
from stdnet_arch.data.synthetic.layers.photo_textures import read_textures
from stdnet_arch.data.synthetic.layers.scene import LayerScene, SceneDraws
from stdnet_arch.data.synthetic.layers.scenes import FARTHEST_M, render_flow, render_light
from stdnet_arch.data.synthetic.layers.textures import load_or_make
from stdnet_arch.data.synthetic.source import BYTES_PER_PIXEL

MAX_CLIPS = 256  # scenes kept: some kilobytes each


class _Clip(NamedTuple):
    scene: LayerScene
    camera: CameraResponse
    gain: Tensor
    compressed: int


@SOURCE_REGISTRY.register()
class Layers(DrawnClips):
    """Rooms, desks and halls full of flat things of all outlines; depth, flow and poses are exact.

    Clips are called ``000000``, ``000001`` and so on; the same clip is the same in every process
    and whatever frames of it are read. Things and camera sway, so that a clip has no end.

    Args:
        root: not used; there are no files.
        num_clips: number of clips.
        num_frame: frames of each clip.
        size: ``[H, W]`` of the frames. A small one is a part of a picture of 640 pixels.
        seed: seed of everything random, >= 0.
        textures: ``photo_textures.npz`` of ``scripts/pack_worlds.py``, or a ``.npy`` of
            photographs, uint8 ``(n, S, S, 3)``, ``S`` a multiple of 32; empty: textures made by
            formula.
        cache_mb: memory for rendered frames, in each worker.

    Raises:
        ValueError: sizes or numbers out of range, or textures of another shape.
    """

    default_range_m = FARTHEST_M

    def __init__(
        self,
        root: str = "",  # noqa: ARG002
        *,
        num_clips: int = 1024,
        num_frame: int = 16,
        size: Sequence[int] = (128, 128),
        seed: int = 0,
        textures: str = "",
        cache_mb: int = 256,
    ) -> None:
        super().__init__(num_clips, num_frame, size, seed, digits=6)
        photos = read_textures(Path(textures).expanduser()) if textures else None
        self._atlas = load_or_make(photos, Draws("cpu", self._number(0)))
        self._clips: LeastRecent[_Clip] = LeastRecent(MAX_CLIPS)
        frame_bytes = BYTES_PER_PIXEL * self.size[0] * self.size[1]
        self._frames: LeastRecent[tuple[NDArray[np.uint8], NDArray[np.float32]]] = LeastRecent(
            max(1, (cache_mb << 20) // frame_bytes)
        )

    def guide(self, clip: str, i: int) -> NDArray[np.uint8]:
        """Colour frame: ``(H, W, 3)``, RGB, read-only."""
        return self._frame(clip, i)[0]

    def depth_m(self, clip: str, i: int) -> NDArray[np.float32]:
        """Exact z-depth [m], ``(H, W)``, every pixel valid, read-only."""
        return self._frame(clip, i)[1]

    @torch.no_grad()
    def flow_px(self, clip: str, i: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Exact motion (dx, dy) [px] to frame ``i + 1``, ``(2, H, W)``, and where it is seen there.

        The last frame has one too: things move on after the clip.
        """
        flow, visible = render_flow(self._clip(clip, i).scene, torch.tensor([i, i + 1.0]))
        return flow[0, 0].numpy(), visible[0, 0, 0].numpy()

    def intrinsics_px(self, clip: str) -> tuple[float, float, float, float]:
        """``fx, fy, cx, cy`` of all frames of a clip; pixel (0, 0) is the centre of the first."""
        view = self._clip(clip, 0).scene.view
        focal = float(view.focal_px[0])
        cx, cy = view.centre_px[0].tolist()
        return focal, focal, cx, cy

    def pose(self, clip: str, i: int) -> NDArray[np.float64]:
        """Camera to world, ``(4, 4)``, metres; x right, y down, z forward; at frame 0 the same."""
        path = self._clip(clip, i).scene.camera
        time = torch.tensor([float(i)], dtype=torch.float64)
        matrix = np.eye(4)
        matrix[:3, :3] = rotations(path.turn.at(time))[0, 0].numpy()
        matrix[:3, 3] = path.shift.at(time)[0, 0].numpy()
        return matrix

    def _number(self, *place: int) -> int:
        """A seed of its own for each place."""
        return int(np.random.SeedSequence((self.seed, *place)).generate_state(1)[0])

    def _frame(self, clip: str, i: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        known = self._clip(clip, i)
        k = self.number_of(clip, i)

        @torch.no_grad()
        def make() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
            light, depth_m, _, _ = render_light(known.scene, torch.tensor([float(i)]), self._atlas)
            noise = torch.Generator().manual_seed(self._number(2, k, i))
            rgb = photograph(light, known.camera, known.gain, known.compressed, noise)[0, 0]
            guide = (rgb * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
            depth = depth_m[0, 0, 0].numpy()
            for image in (guide, depth):
                image.setflags(write=False)
            return guide, depth

        return self._frames.get((k, i), make)

    def _clip(self, clip: str, i: int) -> _Clip:
        k = self.number_of(clip, i)
        return self._clips.get((k,), lambda: self._draw(k))

    @torch.no_grad()
    def _draw(self, k: int) -> _Clip:
        number = self._number(1, k)
        d = Draws("cpu", number)
        scene = SceneDraws(d, self._atlas.mean, number).draw(1, self.size)
        camera = draw_camera(d, scene.view)
        first = render_light(scene, torch.zeros(1), self._atlas).rgb
        compressed = int(d.uniform(1).item() < 1 / 3)
        return _Clip(scene, camera, exposure(first, camera), compressed)
