"""A stream gives the authors' whole-clip output of a clip longer than its memory."""

import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from golden_rule import golden, golden_clip, official_state

from stdnet_arch.archs.checkpoints.adapters import load_official
from stdnet_arch.inference import stream


@pytest.fixture(scope="module")
def net():
    """The network of the golden file, 16 features."""
    net = build_network({"type": "STDNet", "scale": 4, "num_feat": 16})
    load_official(net, official_state("stdnet_official_keys_c16.json"))
    return net


@pytest.mark.parametrize("chunk", [1, 5])
def test_a_stream_is_the_authors_whole_clip(net, chunk):
    stored = golden("4_long")
    lq, guide, _ = golden_clip(stored)
    frames = zip(lq[0], guide[0], strict=True)
    streamed = torch.stack(list(stream(net, frames, chunk)))[None, ..., 2::7, 1::5]
    np.testing.assert_allclose(streamed.numpy(), stored["depth"], rtol=0, atol=1e-5)
