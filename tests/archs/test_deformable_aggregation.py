"""STDAN's aggregation against the published form, pair by pair."""

import pytest
import torch
from torch import nn

from stdnet_arch.archs.stdan.deformable_aggregation import DeformableAggregation
from stdnet_arch.evaluation.published_forms import published_aggregation


@pytest.fixture
def module():
    """An aggregation that looks around: offsets of a pixel or two."""
    made = DeformableAggregation(num_feat=5, embed_feat=6, groups=2).double()
    nn.init.normal_(made.conv_offset.weight, std=0.5)
    nn.init.normal_(made.conv_offset.bias)
    return made


@pytest.mark.parametrize("t", [2, 3, 4])
def test_it_is_the_published_computation(module, t):
    feat = torch.randn(2, t, 5, 7, 9, dtype=torch.float64)
    torch.testing.assert_close(
        module(feat), published_aggregation(module, feat), rtol=0, atol=1e-12
    )


def test_gradients_are_those_of_the_published_computation(module):
    feat = torch.randn(1, 3, 5, 4, 6, dtype=torch.float64)
    wanted = list(module.parameters())
    ours, published = (
        torch.autograd.grad(form.square().sum(), wanted)
        for form in (module(feat), published_aggregation(module, feat))
    )
    torch.testing.assert_close(ours, published, rtol=1e-9, atol=1e-9)


def test_a_frame_takes_nothing_from_itself(module):
    # Of two frames, what the first gathers depends on its own values only through the query: with
    # queries that are all alike it does not depend on them at all.
    nn.init.zeros_(module.query.weight)
    nn.init.zeros_(module.conv_last.weight[:, 1:])
    feat = torch.randn(1, 2, 5, 4, 6, dtype=torch.float64)
    moved = feat.clone()
    moved[:, 0] += 1
    taken = (module(x)[:, 0] - x[:, 0] for x in (feat, moved))
    torch.testing.assert_close(*taken)
