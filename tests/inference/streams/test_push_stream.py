"""What a stream keeps can leave the network's device between two pushes."""

import pytest
import torch
from basicsr.archs import build_network
from test_streaming import STDNET, Smooth

from stdnet_arch.inference import open_stream
from stdnet_arch.inference.streams.push_stream import device_of


def kept_devices(opened):
    """Where the tensors are that a stream keeps."""
    inner = getattr(opened, "inner", None)
    if inner is None:
        return {x.device.type for x in (*opened.lq, *opened.guide)}
    states = [s for stage in (inner.coarse, inner.fine) for p in stage.passes for s in p.kept]
    maps = [x for s in states for x in (s.base, s.guide_feat, s.attention, *s.lists)]
    waiting = [x for maps in inner.waiting for x in maps]
    return {x.device.type for x in (*maps, *waiting)}


@pytest.mark.parametrize("make", [lambda: build_network(STDNET), Smooth])
def test_all_that_is_kept_moves(make):
    opened = open_stream(make())
    for _ in range(12):
        opened.push(torch.rand(1, 2, 3), torch.rand(3, 8, 12))
    assert kept_devices(opened) == {"cpu"}
    opened.move("meta")
    assert kept_devices(opened) == {"meta"}


@pytest.mark.parametrize("make", [lambda: build_network(STDNET), Smooth])
def test_a_stream_that_was_moved_goes_on_as_before(clip, make):
    net, (lq, guide) = make(), clip(4, 1, 13, 2, 3)
    with torch.no_grad():
        whole = net(lq, guide)["pred"][0]
    opened, preds = open_stream(net), []
    for frame in zip(lq[0], guide[0], strict=True):
        preds += opened.push(*frame)
        opened.move("cpu")
    torch.testing.assert_close(torch.stack(preds + opened.flush()), whole, atol=1e-5, rtol=0)


def test_a_network_without_parameters_is_where_its_frames_are():
    assert device_of(Smooth(), "meta") == "meta"
    assert device_of(build_network(STDNET), "meta") == torch.device("cpu")
