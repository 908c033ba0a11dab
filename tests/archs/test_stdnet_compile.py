"""STDNet as one graph: nothing in it makes torch.compile stop and go back to Python."""

import pytest
import torch
from basicsr.archs import build_network


@pytest.fixture
def net():
    options = {"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16, "init": "balanced"}
    return build_network(options).eval()


@pytest.mark.slow
@pytest.mark.parametrize("folded", [False, True])
@torch.no_grad()
def test_one_graph_without_breaks_computes_the_same(net, clip, folded):
    given = clip(4, 1, 3, 3, 4)
    compiled = torch.compile(net.fuse(folded), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(*given)["pred"], net(*given)["pred"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("folded", [False, True])
@torch.no_grad()
def test_channels_last_computes_the_same(net, clip, folded):
    given, net = clip(4, 2, 4, 3, 5), net.fuse(folded)
    expected = net(*given)["pred"]
    net = net.to(memory_format=torch.channels_last)
    torch.testing.assert_close(net(*given)["pred"], expected, atol=1e-5, rtol=0)
