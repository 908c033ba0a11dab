"""DFlowDepth, one frame of a stream at a time, its memory in the open."""

from typing import TYPE_CHECKING

from torch import Tensor

from stdnet_arch.archs.dflow.depth_parts import WORK
from stdnet_arch.archs.dflow.memory import Memory
from stdnet_arch.archs.streaming.step import StreamStep

if TYPE_CHECKING:
    from stdnet_arch.archs.dflow_depth_arch import DFlowDepth


class DFlowDepthStep(StreamStep):
    """See :class:`~stdnet_arch.archs.streaming.step.StreamStep`.

    A stream begins with a state of zeros, which moves to zeros by any flow: the first frame needs
    no case of its own.

    Args:
        net: a :class:`~stdnet_arch.archs.dflow_depth_arch.DFlowDepth` that is not bidirectional.

    Raises:
        ValueError: ``net`` is bidirectional.
    """

    net: "DFlowDepth"

    def __init__(self, net: "DFlowDepth") -> None:
        super().__init__(net)
        if not net.causal:
            raise ValueError(
                "a step needs a DFlowDepth of one pass, got bidirectional: true; its first frame "
                "waits for the last one of the clip"
            )

    def start(self, h: int, w: int) -> dict[str, Tensor]:
        """See :class:`StreamStep`."""
        like = next(self.net.parameters())
        sides = (h * self.net.scale // WORK, w * self.net.scale // WORK)
        return {
            "frame": like.new_zeros(1, 3, *sides),
            "state": like.new_zeros(1, self.net.num_feat, *sides),
        }

    def forward(
        self, lq: Tensor, guide: Tensor, frame: Tensor, state: Tensor
    ) -> tuple[Tensor, ...]:
        """See :class:`StreamStep`."""
        out, memory = self.net.advance(lq[:, None], guide[:, None], Memory(frame, state))
        return out["pred"][:, 0], memory.frame, memory.state
