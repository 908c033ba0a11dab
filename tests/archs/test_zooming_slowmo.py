"""Zooming Slow-Mo: the authors' size, its recurrence against the formula, its errors."""

import pytest
import torch
from basicsr.archs import build_network
from torch import nn

from stdnet_arch.archs.zooming_slowmo_arch import DeformableConvLSTM, ZoomingSlowMo


def test_it_has_the_authors_number_of_parameters():
    net = build_network({"type": "ZoomingSlowMo"})
    assert sum(p.numel() for p in net.parameters()) == 11_102_771


def test_between_two_frames_is_one_more():
    net = ZoomingSlowMo(4, num_feat=8, num_extract=1, num_recon=1)
    assert net(torch.rand(2, 3, 3, 4, 8))["pred"].shape == (2, 5, 3, 16, 32)


def test_the_recurrence_is_a_convlstm_of_aligned_states(monkeypatch):
    lstm = DeformableConvLSTM(2, groups=1).double()
    aligned = []
    for name in ("align_state", "align_memory"):
        part = getattr(lstm, name)
        monkeypatch.setattr(
            part, "forward", lambda feat, state: aligned.append(0) or 0.5 * state + feat
        )
    feat = torch.randn(1, 3, 2, 4, 8, dtype=torch.float64)
    state = memory = torch.zeros_like(feat[:, 0])
    for i in range(3):
        state, memory = 0.5 * state + feat[:, i], 0.5 * memory + feat[:, i]
        made = nn.functional.conv2d(
            torch.cat((feat[:, i], state), 1), lstm.gates.weight, lstm.gates.bias, padding=1
        )
        memory = made[:, 2:4].sigmoid() * memory + made[:, :2].sigmoid() * made[:, 6:].tanh()
        state = made[:, 4:6].sigmoid() * memory.tanh()
    torch.testing.assert_close(lstm(feat)[:, 2], state)
    assert len(aligned) == 6


def test_time_reversed_is_the_prediction_of_the_reversed_clip():
    # Both directions share their weights; only the fusion and the pairs know them apart.
    net = ZoomingSlowMo(4, num_feat=8, num_extract=1, num_recon=1).double()
    with torch.no_grad():
        ahead, back = net.fusion.weight.chunk(2, dim=1)
        back.copy_(ahead)
        net.pair.second.load_state_dict(net.pair.first.state_dict())
        one, two = net.pair.fusion.weight.chunk(2, dim=1)
        two.copy_(one)
    lq = torch.rand(1, 3, 3, 4, 8, dtype=torch.float64)
    torch.testing.assert_close(net(lq.flip(1))["pred"], net(lq)["pred"].flip(1))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 1, 3, 4, 4), "at least 2 frames, got t = 1"),
        ((1, 2, 3, 4, 6), "multiples of 4, got 4x6"),
        ((1, 2, 1, 4, 4), r"lq must be \(b, t, 3, h, w\)"),
    ],
)
def test_a_clip_that_does_not_fit_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        ZoomingSlowMo(4, 8, 1, 1)(torch.rand(shape))
