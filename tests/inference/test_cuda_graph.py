"""Networks recorded as CUDA graphs."""

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.inference.cuda_graph import GraphedNetwork


@pytest.fixture
def net():
    options = {"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16}
    return build_network(options).eval()


def test_a_cpu_is_refused(net, clip):
    with pytest.raises(ValueError, match="needs tensors on CUDA, got cpu"):
        GraphedNetwork(net, *clip(4, 1, 2, 3, 4))


@pytest.mark.gpu
def test_replays_give_what_the_network_gives(net, clip):
    net = net.cuda()
    graph = GraphedNetwork(net, *clip(4, 1, 3, 5, 6, "cuda"))
    other = clip(4, 1, 3, 5, 6, "cuda")
    with torch.no_grad():
        torch.testing.assert_close(graph(*other), net(*other)["pred"], atol=1e-5, rtol=0)


@pytest.mark.gpu
def test_another_size_is_refused(net, clip):
    graph = GraphedNetwork(net.cuda(), *clip(4, 1, 3, 5, 6, "cuda"))
    with pytest.raises(ValueError, match="record another one"):
        graph(*clip(4, 1, 3, 5, 7, "cuda"))
