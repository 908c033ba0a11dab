"""Layered scenes as a scene maker of training on the device."""

import torch
from torch import Tensor

from stdnet_arch.data.device_scenes import Scenes, scenes_from_flow
from stdnet_arch.data.synthetic.layers import LayerScenes


class DeviceLayers:
    """Draws clips of layered scenes; see :class:`~stdnet_arch.data.device_scenes.SceneMaker`.

    Args:
        device: device on which they are made.
        seed: seed of what is drawn.
        photos: textures, uint8 ``(n, S, S, 3)``; None: procedural ones.
        frames: number of frames of a clip.
        side: side of the frames [px].
    """

    def __init__(
        self, device: torch.device, seed: int, photos: Tensor | None, frames: int, side: int
    ) -> None:
        self.layers = LayerScenes(device, seed, photos)
        self.frames, self.side = frames, side

    def scenes(self, batch: int) -> Scenes:
        """Draw the next clips."""
        clips = self.layers.draw(batch, self.frames, (self.side, self.side))
        return scenes_from_flow(clips.rgb, clips.depth_m, clips.flow_px, clips.visible)
