"""PlaneBlend on a stream: the whole clip's result, each prediction with its frame."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stdnet_arch.archs.streaming.nested import to_device

if TYPE_CHECKING:
    from stdnet_arch.archs.plane_blend.motion import MotionMemory
    from stdnet_arch.archs.plane_blend_arch import PlaneBlend


class PlaneBlendStream:
    """Frames in, as many predictions out; equal to the whole clip's forward.

    Kept between pushes are the last frame, its prediction with the error expected of it, and two
    maps of features. Gradients are not tracked.

    Args:
        net: the network.
    """

    def __init__(self, net: "PlaneBlend") -> None:
        self.net = net
        self.memory: MotionMemory | None = None
        self.further_maps: list[dict[str, Tensor]] = []
        """The other maps of the frames of the last push, ``(b, 1, H, W)`` each."""

    @torch.no_grad()
    def push(
        self,
        lq: Sequence[Tensor],
        guide: Sequence[Tensor],
        last: bool = False,  # noqa: ARG002  the form of streams; nothing waits here
    ) -> list[Tensor]:
        """Take the next frames; give their predictions.

        Args:
            lq: ``(b, 1, h, w)`` each; any number of frames, also none.
            guide: ``(b, 3, H, W)`` each, in [0, 1].
            last: no frame will follow.

        Returns:
            ``(b, 1, H, W)`` each, in order.
        """
        predictions: list[Tensor] = []
        self.further_maps = []
        for depth, colour in zip(lq, guide, strict=True):
            clip = depth[:, None], colour[:, None]
            out, self.memory = self.net.advance(*clip, memory=self.memory)
            predictions.append(out["pred"][:, 0])
            self.further_maps.append({"error": out["error"][:, 0]})
        return predictions

    def to(self, device: torch.device | str) -> None:
        """Bring what is kept to a device."""
        self.memory = to_device(self.memory, device)
