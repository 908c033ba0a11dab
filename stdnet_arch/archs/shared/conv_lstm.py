"""A convolutional LSTM (Shi et al., NeurIPS 2015, without peepholes)."""

import torch
from torch import Tensor, nn


def lstm_step(gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """One step of an LSTM from what its gates were computed to be.

    Args:
        gates: input, forget, output gate and candidate before their nonlinearities,
            ``(b, 4c, h, w)``.
        memory: the cell before the step, ``(b, c, h, w)``.

    Returns:
        State and memory after the step, ``(b, c, h, w)`` each.
    """
    into, forget, out, candidate = gates.chunk(4, dim=1)
    memory = forget.sigmoid() * memory + into.sigmoid() * candidate.tanh()
    return out.sigmoid() * memory.tanh(), memory


class ConvLSTM(nn.Module):
    """Reads a clip of features frame by frame; state and memory start at zero.

    Args:
        in_feat: channels of the features.
        num_feat: channels of state and memory.
        kernel: side of the convolution, odd.

    Raises:
        ValueError: ``kernel`` is even.
    """

    def __init__(self, in_feat: int, num_feat: int = 32, kernel: int = 3) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd and at least 1, got {kernel}")
        self.num_feat = num_feat
        self.gates = nn.Conv2d(in_feat + num_feat, 4 * num_feat, kernel, padding=kernel // 2)

    def forward(self, feat: Tensor) -> tuple[Tensor, Tensor]:
        """State and memory after the last frame.

        Args:
            feat: ``(b, t, in_feat, h, w)``, at least one frame.

        Returns:
            ``(b, num_feat, h, w)`` each.
        """
        b, _, _, h, w = feat.shape
        state = memory = feat.new_zeros(b, self.num_feat, h, w)
        for frame in feat.unbind(1):
            state, memory = lstm_step(self.gates(torch.cat((frame, state), 1)), memory)
        return state, memory
