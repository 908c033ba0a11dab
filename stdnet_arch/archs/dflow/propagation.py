"""DFlow's recurrence: a state that each frame moves by its flow and then changes."""

import torch
from torch import Tensor, nn

from stdnet_arch.ops.warp import flow_sample


def propagate(
    trunk: nn.Module, frames: Tensor, flow: Tensor, state: Tensor, earlier: Tensor | None = None
) -> Tensor:
    """One pass over a clip, in the order of ``frames``.

    Args:
        trunk: ``[frame, moved state, earlier]``, joined by channels, to the next state.
        frames: ``(b, t, k, h, w)``.
        flow: from each frame to the one before [px], (dx, dy), ``(b, t, 2, h, w)``; without one of
            the first frame, ``(b, t - 1, 2, h, w)``, ``state`` meets it unmoved.
        state: before the first frame, ``(b, c, h, w)``.
        earlier: states of an earlier pass, ``(b, t, c, h, w)``.

    Returns:
        The state after each frame, ``(b, t, c, h, w)``.
    """
    t = frames.shape[1]
    unmoved = t - flow.shape[1]
    states = []
    for i in range(t):
        if i >= unmoved:
            state = flow_sample(state, flow[:, i - unmoved])
        seen = [frames[:, i], state] + ([] if earlier is None else [earlier[:, i]])
        state = trunk(torch.cat(seen, 1))
        states.append(state)
    return torch.stack(states, 1)
