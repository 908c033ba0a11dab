"""Guidance from outside: as if the guide were concatenated, in the order of the calls."""

import pytest
import torch
import torch.nn.functional as F
from basicsr.archs.arch_util import DCNv2Pack
from torch import nn

from stdnet_arch.archs.toolbox.guided_convolution import (
    GuidedConv,
    GuidedFlow,
    handing_out,
    use_own_deformation,
)


def test_a_guided_convolution_is_that_of_both_concatenated():
    guided = GuidedConv(nn.Conv2d(3, 5, 3, padding=1), 4)
    x, guide = torch.rand(2, 3, 6, 7), torch.rand(2, 4, 6, 7)
    weight = torch.cat((guided.conv.weight, guided.guide_conv.weight), 1)
    expected = F.conv2d(torch.cat((x, guide), 1), weight, guided.conv.bias, padding=1)
    with handing_out(nn.Sequential(guided), {"0": [guide]}):
        torch.testing.assert_close(guided(x), expected, atol=1e-5, rtol=0)


def test_each_call_gets_its_own_guide():
    net = nn.Sequential(GuidedConv(nn.Conv2d(1, 1, 1), 1))
    x, guides = torch.rand(1, 1, 2, 3), torch.rand(2, 1, 1, 2, 3)
    with handing_out(net, {"0": guides.unbind()}):
        one, two = net(x), net(x)
    difference = net[0].guide_conv(guides[1] - guides[0])
    torch.testing.assert_close(two - one, difference, atol=1e-6, rtol=0)


def test_guides_that_nobody_asked_for_are_an_error():
    net = nn.Sequential(GuidedConv(nn.Conv2d(1, 1, 1), 1))
    with pytest.raises(RuntimeError, match=r"did not ask.*\['0'\]"), handing_out(net, {"0": [1]}):
        pass


def test_nothing_is_left_in_line_by_a_failure():
    net = nn.Sequential(GuidedConv(nn.Conv2d(1, 1, 1), 1))
    with pytest.raises(ValueError, match="elsewhere"), handing_out(net, {"0": [1, 2]}):
        raise ValueError("elsewhere")
    assert not net[0].waiting


def test_flow_is_of_the_pair_in_line():
    flow = GuidedFlow(nn.Bilinear(3, 3, 2))
    depth, (one, two) = torch.rand(1, 3), torch.rand(2, 1, 3)
    with handing_out(nn.Sequential(flow), {"0": [(one, two)]}):
        assert torch.equal(flow(depth, depth), flow.estimator(one, two))
    assert torch.equal(flow(depth, depth), flow.estimator(depth, depth))


def test_our_deformable_convolution_computes_what_the_toolboxs_does():
    theirs = DCNv2Pack(8, 6, 3, padding=1, deformable_groups=4)
    nn.init.normal_(theirs.conv_offset.weight, std=0.1)
    x, feat = torch.rand(2, 2, 8, 5, 7)
    expected = theirs(x, feat)
    net = nn.Sequential(theirs)
    use_own_deformation(net)
    assert type(net[0]) is not DCNv2Pack
    torch.testing.assert_close(net[0](x, feat), expected, atol=1e-5, rtol=0)
