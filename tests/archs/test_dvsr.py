"""DVSR: its size as published, its passes as BasicVSR++'s, its flow where it should be."""

import pytest
import torch
from basicsr.archs import build_network
from basicsr.archs.basicvsrpp_arch import BasicVSRPlusPlus, SecondOrderDeformableAlignment
from torch import nn

from stdnet_arch.archs.dvsr.propagation import Propagation
from stdnet_arch.archs.dvsr.stage import quarter_flow

SMALL = {"type": "DVSR", "scale": 4, "num_feat": 8, "head_feat": 8, "num_block": 1}


@pytest.mark.parametrize("scale", [4, 8, 16])
def test_it_has_the_published_number_of_parameters(scale):
    with torch.device("meta"):
        net = build_network({"type": "DVSR", "scale": scale})
    assert sum(parameter.numel() for parameter in net.parameters()) == 15_494_556


def toolbox_branch(ours, name, num_feat, num_block):
    """The toolbox's BasicVSR++ with the weights of one of our passes."""
    net = BasicVSRPlusPlus(num_feat, num_block)
    net.cpu_cache, net.is_with_alignment = False, True
    alignment = SecondOrderDeformableAlignment(
        2 * num_feat, num_feat, 3, padding=1, deformable_groups=16
    )
    alignment.load_state_dict(ours.alignment.state_dict())
    net.deform_align[name] = alignment
    net.backbone[name].load_state_dict(ours.trunk.state_dict())
    return net


@pytest.mark.parametrize(
    ("name", "earlier"),
    [("backward_1", []), ("forward_2", ["backward_1", "forward_1", "backward_2"])],
)
@pytest.mark.parametrize("t", [2, 5])
def test_a_pass_is_the_toolboxs_with_the_same_weights(name, earlier, t):
    ours = Propagation(8, name.split("_")[0], len(earlier), num_block=2)
    nn.init.normal_(ours.alignment.conv_offset[-1].weight, std=0.02)
    net = toolbox_branch(ours, name, 8, 2)
    maps = torch.rand(1 + len(earlier), 2, t, 8, 6, 7)
    flow = torch.randn(2, t - 1, 2, 6, 7)
    feats = {key: list(x.unbind(1)) for key, x in zip(["spatial", *earlier], maps, strict=True)}
    expected = torch.stack(net.propagate({**feats, name: []}, flow, name)[name], 1)
    got = ours(maps[0], list(maps[1:]), flow)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_a_quarter_of_the_size_is_a_quarter_of_the_length():
    flow = torch.tensor([8.0, -2.0]).view(1, 1, 2, 1, 1).expand(1, 3, 2, 8, 12)
    small = quarter_flow(flow)
    assert small.shape == (1, 3, 2, 2, 3)
    torch.testing.assert_close(small[0, 1, :, 1, 2], torch.tensor([2.0, -0.5]))


def test_the_last_frame_reaches_the_first(clip):
    net = build_network(SMALL)
    lq, guide = clip(4, 1, 4, 2, 3)
    moved = torch.cat((lq[:, :3], 1 - lq[:, 3:]), 1)
    with torch.no_grad():
        change = (net(moved, guide)["pred"] - net(lq, guide)["pred"])[:, 0].abs().max()
    assert change > 0


def test_one_frame_alone_is_possible_and_knows_no_other_clip(clip):
    net = build_network(SMALL)
    lq, guide = clip(4, 2, 1, 2, 3)
    pred = net(lq, guide)["pred"]
    assert pred.shape == (2, 1, 1, 8, 12)
    torch.testing.assert_close(net(lq[1:], guide[1:])["pred"], pred[1:])


def test_flow_weights_reach_both_stages(tmp_path, clip):
    source = build_network(SMALL)
    torch.save(source.guided_stage.flow.spynet.state_dict(), tmp_path / "spynet.pth")
    net = build_network({**SMALL, "flow_weights": str(tmp_path / "spynet.pth")})
    expected = source.guided_stage.flow.state_dict()
    for stage in (net.guided_stage, net.refining_stage):
        torch.testing.assert_close(dict(stage.flow.state_dict()), dict(expected), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"scale": 6}, "multiple of 4.*6"), ({"num_feat": 12}, "multiple of 8.*12")],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build_network({**SMALL, **options})
