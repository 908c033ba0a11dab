"""A profile says which part of a network takes how long, and with what."""

import pytest
import torch
from torch import Tensor, nn

from stdnet_arch.evaluation.profiling import OperatorTimes, profile_operators, profile_table


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(16, 64, 5, padding=2)
        self.narrow = nn.Sequential(nn.Conv2d(64, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.narrow(self.wide(x)).exp() + 1


@pytest.fixture
def seconds():
    net, x = Two(), torch.rand(1, 16, 48, 48)
    return profile_operators(net, lambda: net(x), repeats=2)


def test_time_is_that_of_the_part_that_spends_it(seconds):
    assert {part for part, _ in seconds} == {"wide", "narrow", "itself"}
    assert seconds["wide", "convolution"] > seconds["narrow", "convolution"] > 0
    assert seconds["itself", "exp"] > 0


def test_the_table_adds_up(seconds):
    table = profile_table(seconds)
    *parts, whole = table.rows
    assert parts[0][0] == "wide"
    assert whole[1] == pytest.approx(1e3 * sum(seconds.values()))
    assert whole[1] == pytest.approx(sum(whole[2:]))
    column = table.columns.index("softmax, exp")
    assert sum(row[column] for row in parts) == pytest.approx(whole[column])


def test_hooks_are_gone_afterwards():
    net = Two()
    with pytest.raises(RuntimeError), OperatorTimes(net).parts():
        raise RuntimeError
    assert not net.wide._forward_hooks
    assert not net.wide._forward_pre_hooks
