"""DFlowDepth on a stream: the whole clip's result, each prediction with its frame."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stdnet_arch.archs.dflow.memory import Memory
from stdnet_arch.archs.streaming.nested import to_device

if TYPE_CHECKING:
    from stdnet_arch.archs.dflow_depth_arch import DFlowDepth


class DFlowDepthStream:
    """Frames in, as many predictions out; equal to the whole clip's forward.

    Kept between pushes are one small RGB frame and one state. Gradients are not tracked.

    Args:
        net: a :class:`~stdnet_arch.archs.dflow_depth_arch.DFlowDepth` that is not bidirectional.

    Raises:
        ValueError: ``net`` is bidirectional.
    """

    def __init__(self, net: "DFlowDepth") -> None:
        if not net.causal:
            raise ValueError(
                "a stream needs a DFlowDepth of one pass, got bidirectional: true; its first frame "
                "waits for the last one of the clip"
            )
        self.net = net
        self.memory: Memory | None = None

    @torch.no_grad()
    def push(
        self,
        lq: Sequence[Tensor],
        guide: Sequence[Tensor],
        last: bool = False,  # noqa: ARG002  the form of streams; nothing waits here
    ) -> list[Tensor]:
        """Take the next frames; give their predictions.

        Args:
            lq: ``(b, 1, h, w)`` each, in [0, 1]; any number of frames, also none.
            guide: ``(b, 3, H, W)`` each, in [0, 1].
            last: no frame will follow.

        Returns:
            ``(b, 1, H, W)`` each, in order.
        """
        if not lq:
            return []
        clip = torch.stack(list(lq), 1), torch.stack(list(guide), 1)
        out, self.memory = self.net.advance(*clip, self.memory)
        return list(out["pred"].unbind(1))

    def to(self, device: torch.device | str) -> None:
        """Bring what is kept to a device."""
        self.memory = to_device(self.memory, device)
