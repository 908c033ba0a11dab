"""Weights with channels side by side."""

import torch

from stdnet_arch.utils.channels_last import channels_last


def test_only_convolutions_in_two_dimensions_change_their_layout():
    net = torch.nn.ModuleList([torch.nn.Conv2d(3, 5, 3), torch.nn.Conv3d(3, 5, 3)])
    net.append(torch.nn.Linear(4, 6))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert channels_last(net) is net
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert net[1].weight.is_contiguous()
    assert net[2].weight.is_contiguous()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_maps_follow_the_weights():
    net = channels_last(torch.nn.Conv2d(3, 5, 3))
    assert net(torch.rand(2, 3, 6, 7)).is_contiguous(memory_format=torch.channels_last)
