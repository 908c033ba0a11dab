"""The plain form of STDNet is STDNet."""

import pytest
import torch

from stdnet_arch.evaluation.published_forms import published_stdnet
from stdnet_arch.evaluation.speed.checks import make_net, random_clip


@pytest.mark.parametrize("frames", [1, 2, 5])
@torch.no_grad()
def test_the_plain_form_equals_the_network(frames):
    net = make_net(16).double()
    lq, guide = (x.double() for x in random_clip(frames, (20, 28), torch.device("cpu")))
    pred = published_stdnet(net, lq, guide)
    for folded in (False, True):
        torch.testing.assert_close(net.fuse(folded)(lq, guide)["pred"], pred, atol=1e-10, rtol=0)
