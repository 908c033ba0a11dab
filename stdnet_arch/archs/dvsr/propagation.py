"""DVSR's passes over time: those of BasicVSR++ (Chan et al., CVPR 2022), truly recurrent."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import ResidualTrunk
from stdnet_arch.archs.shared.flow import FlowGuidedAlignment
from stdnet_arch.ops.warp import flow_sample

DIRECTIONS = ("backward", "forward")


class Propagation(nn.Module):
    """One pass: the features of each frame, from its own and its two predecessors' in the pass.

    Args:
        num_feat: channels.
        direction: ``backward`` starts at the last frame, ``forward`` at the first.
        num_earlier: passes before this one, whose features it reads.
        num_block: residual blocks.
        groups: offset groups of the alignment.

    Raises:
        ValueError: unknown ``direction``.
    """

    def __init__(
        self, num_feat: int, direction: str, num_earlier: int, num_block: int, groups: int = 16
    ) -> None:
        super().__init__()
        if direction not in DIRECTIONS:
            raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, got {direction!r}")
        self.direction = direction
        self.alignment = FlowGuidedAlignment(num_feat, groups)
        self.trunk = ResidualTrunk((2 + num_earlier) * num_feat, num_feat, num_block)

    def forward(self, current: Tensor, earlier: Sequence[Tensor], flow: Tensor) -> Tensor:
        """Run over a clip.

        Args:
            current: features of each frame by itself, ``(b, t, c, h, w)``.
            earlier: those of the earlier passes, each ``(b, t, c, h, w)``.
            flow: flow of the frames that have a predecessor, to that predecessor, in the order
                of the frames: ``(b, t - 1, 2, h, w)``, px. The predecessor of a ``backward`` pass
                is the next frame.

        Returns:
            ``(b, t, c, h, w)``.
        """
        seen = torch.cat((current, *earlier), 2)
        if self.direction == "backward":
            return self._run(current.flip(1), seen.flip(1), flow.flip(1)).flip(1)
        return self._run(current, seen, flow)

    def _run(self, current: Tensor, seen: Tensor, flow: Tensor) -> Tensor:
        done: list[Tensor] = []
        for i in range(current.shape[1]):
            if i == 0:
                state = torch.zeros_like(current[:, 0])
            else:
                state = self._align(current[:, i], done, flow[:, max(i - 2, 0) : i])
            done.append(state + self.trunk(torch.cat((seen[:, i], state), 1)))
        return torch.stack(done, 1)

    def _align(self, current: Tensor, done: Sequence[Tensor], flow: Tensor) -> Tensor:
        """The last two of ``done`` aligned with the current frame.

        ``flow`` is ``(b, 2, 2, h, w)``, of the frame before and of this one; or ``(b, 1, ...)`` for
        the second frame, which has but one predecessor.
        """
        flow_1, before = flow[:, -1], done[-1]
        if flow.shape[1] == 1:
            flow_2, second = torch.zeros_like(flow_1), torch.zeros_like(before)
        else:
            flow_2 = flow_1 + flow_sample(flow[:, 0], flow_1)
            second = done[-2]
        condition = torch.cat(
            (flow_sample(before, flow_1), current, flow_sample(second, flow_2)), 1
        )
        return self.alignment(torch.cat((before, second), 1), condition, flow_1, flow_2)
