"""DFlow: its recurrence by a loop written from the description, and what it refuses."""

import pytest
import torch
import torch.nn.functional as F
from basicsr.archs import build_network
from basicsr.archs.arch_util import flow_warp

SMALL = {"type": "DFlow", "num_feat": 8, "num_block": 1}


def by_description(net, x):
    """States and flows of each frame, one after another; ``x (b, t, 3, h, w)``."""
    t, flow, back, ahead = x.shape[1], None, {}, {}
    state = x.new_zeros(x.shape[0], net.num_feat, *x.shape[-2:])
    for i in reversed(range(t)):
        if i == t - 2:
            flow = net.backward_flow.initial(x[:, i], x[:, i + 1])
        elif i < t - 2:
            flow = net.backward_flow.update(x[:, i], x[:, i + 1], flow)
        last = state if i == t - 1 else flow_warp(back[i + 1], flow.permute(0, 2, 3, 1))
        back[i] = net.backward_trunk(torch.cat((x[:, i], last), 1))
    for i in range(t):
        if i == 1:
            flow = net.forward_flow.initial(x[:, i], x[:, i - 1])
        elif i > 1:
            flow = net.forward_flow.update(x[:, i], x[:, i - 1], flow)
        last = state if i == 0 else flow_warp(ahead[i - 1], flow.permute(0, 2, 3, 1))
        ahead[i] = net.forward_trunk(torch.cat((x[:, i], last, back[i]), 1))
    return [torch.cat((back[i], ahead[i]), 1) for i in range(t)]


@pytest.mark.parametrize("t", [1, 2, 4])
def test_the_recurrence_is_the_described_one(t):
    net, lq = build_network(SMALL), torch.rand(2, t, 3, 15, 17)
    with torch.no_grad():
        frames = [net.head(net.upsample(net.fusion(x))) for x in by_description(net, lq)]
        base = [F.interpolate(x, scale_factor=4, mode="bilinear") for x in lq.unbind(1)]
        expected = torch.stack(frames, 1) + torch.stack(base, 1)
        got = net(lq)["pred"]
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_extras_are_frames_and_flows_between_neighbours():
    lq = torch.rand(2, 4, 3, 15, 16)
    out = build_network(SMALL)(lq)
    assert out["frames"] is lq
    assert out["flow_to_next"].shape == out["flow_to_before"].shape == (2, 3, 2, 15, 16)


def test_a_clip_run_backwards_exchanges_both_flows():
    net, lq = build_network(SMALL), torch.rand(2, 4, 3, 15, 16)
    for flow in (net.forward_flow, net.backward_flow):
        for parameter in flow.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    out = net(lq)
    net.forward_flow, net.backward_flow = net.backward_flow, net.forward_flow
    back = net(lq.flip(1))
    assert out["flow_to_next"].std() > 1e-3
    torch.testing.assert_close(back["flow_to_before"].flip(1), out["flow_to_next"])
    torch.testing.assert_close(back["flow_to_next"].flip(1), out["flow_to_before"])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"scale": 6}, "power of 2.*got 6"), ({"num_feat": 6}, "multiple of 4.*got 6")],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build_network({**SMALL, **options})


def test_depth_and_guides_are_refused():
    net, rgb = build_network(SMALL), torch.rand(1, 2, 3, 16, 16)
    with pytest.raises(TypeError, match="takes no guide"):
        net(rgb, rgb)
    with pytest.raises(ValueError, match=r"\(b, t, 3, h, w\), got \(1, 2, 1, 16, 16\)"):
        net(rgb[:, :, :1])
