"""Synthetic RGB-D clips as a source: made on the fly from a seed, kept in memory."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.sources.source import SOURCE_REGISTRY, VIEWS, check_view
from stdnet_arch.data.synthetic.drawn_clips import DrawnClips, LeastRecent
from stdnet_arch.data.synthetic.scene import Scene
from stdnet_arch.data.synthetic.world import draw_scene, draw_textures

MAX_SCENES = 1024  # a scene is a few kilobytes
MAX_BASELINE_M = 0.5  # things keep 0.9 m from the left camera
BYTES_PER_PIXEL = 7  # three of colour, four of depth


@SOURCE_REGISTRY.register()
class Synthetic(DrawnClips):
    """A camera moving through furnished rooms where things move, about 1 to 10 m away.

    Clips are called ``0000``, ``0001`` and so on. Depth, motion and cameras are exact. LR depth is
    left to the sensor rule. Another seed gives other textures, rooms and things: take one seed for
    training and another one for testing.

    Args:
        root: not used; there are no files.
        num_clips: number of clips.
        num_frame: frames of each clip.
        size: ``[H, W]`` of the frames.
        seed: seed of everything random, >= 0.
        cache_mb: memory for rendered frames, in each worker; the oldest are rendered again.
        view: ``left``, or ``right``: the same scenes from ``baseline_m`` to the right, rectified.
        baseline_m: distance of the two views.
    """

    default_range_m = 12.0

    def __init__(
        self,
        root: str = "",  # noqa: ARG002
        *,
        num_clips: int = 64,
        num_frame: int = 16,
        size: Sequence[int] = (256, 320),
        seed: int = 0,
        cache_mb: int = 1024,
        view: str = "left",
        baseline_m: float = 0.12,
    ) -> None:
        """Draw the textures; clips are drawn when they are asked for."""
        super().__init__(num_clips, num_frame, size, seed)
        check_view(view)
        if not 0 < baseline_m <= MAX_BASELINE_M:
            raise ValueError(
                f"baseline_m must be in (0, {MAX_BASELINE_M}], so that nothing stands between the "
                f"views, got {baseline_m}"
            )
        self.view, self.baseline_m = view, baseline_m
        self._atlas = draw_textures(seed)
        self._scenes: LeastRecent[Scene] = LeastRecent(MAX_SCENES)
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

    def flow_px(self, clip: str, i: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Exact motion (dx, dy) [px] to frame ``i + 1``, ``(2, H, W)``, and where it is seen there.

        Rendered again at each call. The last frame has one too: things move on after the clip.
        """
        return self._scene(clip, i).flow_px(i)

    def intrinsics_px(self, clip: str) -> tuple[float, float, float, float]:
        """``fx, fy, cx, cy`` of all frames of a clip; pixel (0, 0) is the centre of the first."""
        camera = self._scene(clip, 0).camera
        return camera.fx, camera.fy, camera.cx, camera.cy

    def pose(self, clip: str, i: int) -> NDArray[np.float64]:
        """Camera to world, ``(4, 4)``, metres; x right, y down, z forward."""
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self._scene(clip, i).camera.at(i)
        return matrix

    def _frame(self, clip: str, i: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        scene = self._scene(clip, i)

        def render() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
            frame = scene.render(i)
            for image in frame:
                image.setflags(write=False)
            return frame

        return self._frames.get((self.number_of(clip, i), i), render)

    def _scene(self, clip: str, i: int) -> Scene:
        k = self.number_of(clip, i)
        return self._scenes.get((k,), lambda: self._draw(k))

    def _draw(self, k: int) -> Scene:
        """Clip ``k`` from the view that was asked for; each view has noise of its own."""
        scene = draw_scene(self.seed, k, self.size, self._atlas)
        if self.view == "left":
            return scene
        camera = replace(scene.camera, right_m=self.baseline_m)
        return replace(scene, camera=camera, seed=(*scene.seed, VIEWS.index(self.view)))
