"""Flow between frames: what the updates depend on, and the blocks against plain formulas."""

import pytest
import torch
import torch.nn.functional as F

from stdnet_arch.archs.dflow.motion import ClipFlow, FlowUpdate, LargeKernelAttention, PairFlow


def test_the_block_is_its_formula():
    block, x = LargeKernelAttention(4), torch.rand(2, 4, 6, 9)
    first, second, third = block.attention
    seen = F.gelu(F.conv2d(x, block.conv_in[0].weight, block.conv_in[0].bias))
    wide = F.conv2d(seen, first.weight, first.bias, padding=2, groups=4)
    wide = F.conv2d(wide, second.weight, second.bias, padding=9, dilation=3, groups=4)
    gate = F.conv2d(wide, third.weight, third.bias)
    expected = x + F.conv2d(seen * gate, block.conv_out.weight, block.conv_out.bias)
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(("is_linear", "same"), [(True, True), (False, False)])
def test_the_published_update_is_linear(is_linear, same):
    update = FlowUpdate(8, is_linear=is_linear)
    a, b = (torch.randn(1, 3, 5, 6) for _ in range(2))
    flow = torch.randn(1, 2, 5, 6)
    zero = update(torch.zeros_like(a), torch.zeros_like(a), torch.zeros_like(flow))
    once, twice = (update(k * a, k * b, k * flow) - zero for k in (1, 2))
    assert torch.allclose(twice, 2 * once, atol=1e-5) is same


def test_flows_of_pairs_do_not_depend_on_the_rest_of_the_clip():
    net, frames = PairFlow(4), torch.rand(2, 4, 3, 6, 7)
    torch.nn.init.normal_(net.initial.conv_flow.weight)
    torch.testing.assert_close(net(frames)[:, 2:], net(frames[:, 2:]), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", [ClipFlow, PairFlow])
def test_one_frame_has_no_flow(kind):
    assert kind(4)(torch.rand(2, 1, 3, 6, 7)).shape == (2, 0, 2, 6, 7)
