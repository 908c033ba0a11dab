"""The ConvLSTM against loops over pixels, taps and channels."""

import numpy as np
import pytest
import torch

from stdnet_arch.archs.shared.conv_lstm import ConvLSTM, lstm_step


def convolve(x, weight, bias):
    """A 3x3 convolution with zero padding of ``(c, h, w)``, tap by tap."""
    h, w = x.shape[1:]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    out = np.tile(bias[:, None, None], (1, h, w))
    for dy, dx in np.ndindex(3, 3):
        seen = padded[:, dy : dy + h, dx : dx + w]
        out += np.einsum("oi,ihw->ohw", weight[:, :, dy, dx], seen)
    return out


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def read_by_numpy(net, clip):
    weight, bias = (p.detach().numpy() for p in (net.gates.weight, net.gates.bias))
    state = memory = np.zeros((net.num_feat, *clip.shape[-2:]))
    for frame in clip.numpy():
        gates = convolve(np.concatenate([frame, state]), weight, bias)
        into, forget, out, candidate = np.split(gates, 4)
        memory = sigmoid(forget) * memory + sigmoid(into) * np.tanh(candidate)
        state = sigmoid(out) * np.tanh(memory)
    return state, memory


def test_state_and_memory_are_the_formulas():
    net = ConvLSTM(3, num_feat=5).double()
    clips = torch.randn(2, 4, 3, 6, 7, dtype=torch.float64)
    state, memory = net(clips)
    expected = [read_by_numpy(net, clip) for clip in clips]
    np.testing.assert_allclose(state.detach(), np.stack([s for s, _ in expected]), atol=1e-12)
    np.testing.assert_allclose(memory.detach(), np.stack([m for _, m in expected]), atol=1e-12)


def test_a_closed_input_gate_keeps_the_memory():
    gates = torch.zeros(1, 8, 3, 4)
    gates[:, :2], gates[:, 2:4] = -100, 100
    memory = torch.rand(1, 2, 3, 4)
    torch.testing.assert_close(lstm_step(gates, memory)[1], memory)


@pytest.mark.parametrize("kernel", [0, 2])
def test_an_even_kernel_is_refused(kernel):
    with pytest.raises(ValueError, match=f"kernel must be odd and at least 1, got {kernel}"):
        ConvLSTM(3, kernel=kernel)
