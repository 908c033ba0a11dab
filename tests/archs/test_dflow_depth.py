"""DFlowDepth: interpolation at first, the same for near and far, its extras as promised."""

import pytest
import torch
import torch.nn.functional as F
from basicsr.archs import build_network
from torch import nn

SMALL = {"type": "DFlowDepth", "scale": 4, "num_feat": 8}


@pytest.mark.parametrize("scale", [2, 4, 8, 16])
def test_an_untrained_network_interpolates(scale, clip):
    lq, guide = clip(scale, 2, 3, 4, 6)
    pred = build_network({**SMALL, "scale": scale})(lq, guide)["pred"]
    expected = F.interpolate(lq.flatten(0, 1), scale_factor=scale, mode="bilinear")
    torch.testing.assert_close(pred.flatten(0, 1), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_one_size_serves_all_scales_from_4_on(bidirectional):
    with torch.device("meta"):
        nets = [
            build_network({**SMALL, "scale": scale, "bidirectional": bidirectional})
            for scale in (4, 8, 16)
        ]
    shapes = [{name: x.shape for name, x in net.state_dict().items()} for net in nets]
    assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize(
    ("bidirectional", "flows"),
    [(False, {"flow_to_before"}), (True, {"flow_to_before", "flow_to_next"})],
)
def test_flows_are_those_of_the_small_rgb(bidirectional, flows, clip):
    lq, guide = clip(8, 2, 3, 4, 5)
    out = build_network({**SMALL, "scale": 8, "bidirectional": bidirectional})(lq, guide)
    assert out.keys() == {"pred", "frames"} | flows
    assert {out[name].shape for name in flows} == {(2, 2, 2, 8, 10)}
    block = guide[1, 2, :, 4:8, 12:16].mean((1, 2))
    torch.testing.assert_close(out["frames"][1, 2, :, 1, 3], block)


def test_depth_alone_has_no_say_in_the_flow(clip):
    net = build_network(SMALL)
    nn.init.normal_(net.forward_flow.initial.conv_flow.weight)
    lq, guide = clip(4, 1, 3, 4, 6)
    first, second = (net(x, guide)["flow_to_before"] for x in (lq, 1 - lq))
    assert first.abs().max() > 0
    assert torch.equal(first, second)


def test_adding_a_distance_adds_it_to_the_prediction(clip):
    net = build_network(SMALL)
    nn.init.normal_(net.head.conv_last.weight, std=0.1)
    lq, guide = clip(4, 1, 2, 6, 7)
    with torch.no_grad():
        near, far = (net(x, guide)["pred"] for x in (lq / 2, lq / 2 + 0.5))
    torch.testing.assert_close(far, near + 0.5, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"scale": 6}, "2 or a multiple of 4.*6"), ({"num_feat": 6}, "multiple of 4.*6")],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build_network({**SMALL, **options})


def test_odd_sides_at_x2_are_refused_with_advice(clip):
    with pytest.raises(ValueError, match="multiples of 2, got 3x4; pad it"):
        build_network({**SMALL, "scale": 2})(*clip(2, 1, 2, 3, 4))
