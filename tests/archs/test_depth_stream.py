"""DFlowDepth on a stream: the whole clip's result, at once, and nothing kept that grows."""

import pytest
import torch
from basicsr.archs import build_network
from torch import nn

from stdnet_arch.inference import open_stream, stream


@pytest.fixture
def net(request):
    options = {"type": "DFlowDepth", "scale": 4, "num_feat": 8, **getattr(request, "param", {})}
    made = build_network(options).eval()
    for flow in (made.forward_flow, getattr(made, "backward_flow", None)):
        if flow is not None:  # zero flow and a zero residual would hide a mistake
            nn.init.normal_(flow.initial.conv_flow.weight, std=2)
    nn.init.normal_(made.head.conv_last.weight, std=0.1)
    return made


def frames_of(lq, guide):
    return list(zip(lq[0], guide[0], strict=True))


@pytest.mark.parametrize("net", [{}, {"scale": 8}, {"scale": 2}], indirect=True)
@pytest.mark.parametrize(("t", "chunk"), [(1, 1), (5, 1), (7, 3)])
def test_a_stream_equals_the_whole_clip(net, clip, t, chunk):
    lq, guide = clip(net.scale, 1, t, 4, 6)
    streamed = torch.stack(list(stream(net, frames_of(lq, guide), chunk)))
    with torch.no_grad():
        whole = net(lq, guide)["pred"][0]
    torch.testing.assert_close(streamed, whole, atol=1e-5, rtol=0)
    assert (whole - nn.functional.interpolate(lq[0], scale_factor=net.scale)).abs().max() > 0.01


def test_each_prediction_comes_with_its_frame(net, clip):
    opened = open_stream(net)
    assert [len(opened.push(*frame)) for frame in frames_of(*clip(4, 1, 3, 4, 6))] == [1, 1, 1]
    assert opened.flush() == []


def test_later_frames_change_nothing(net, clip):
    lq, guide = clip(4, 1, 4, 4, 6)
    moved = torch.cat((lq[:, :3], 1 - lq[:, 3:]), 1)
    with torch.no_grad():
        change = (net(moved, guide)["pred"] - net(lq, guide)["pred"]).abs().amax((0, 2, 3, 4))
    assert not change[:3].any()
    assert change[3] > 0


def test_the_first_frame_reaches_the_last(net, clip):
    lq, guide = clip(4, 1, 4, 4, 6)
    moved = torch.cat((1 - lq[:, :1], lq[:, 1:]), 1)
    with torch.no_grad():
        change = (net(moved, guide)["pred"] - net(lq, guide)["pred"])[:, 3].abs().max()
    assert change > 0


def test_what_is_kept_does_not_grow(net, clip):
    opened, sizes = net.open_stream(), []
    lq, guide = clip(4, 2, 1, 4, 6)
    for _ in range(5):
        opened.push([lq[:, 0]], [guide[:, 0]])
        kept = (opened.memory.frame, opened.memory.state)
        sizes.append(sum(x.untyped_storage().nbytes() // x.element_size() for x in kept))
    assert sizes == [2 * (3 + 8) * 4 * 6] * 5


def test_a_stream_can_be_put_aside(net, clip):
    frames = frames_of(*clip(4, 1, 3, 4, 6))
    opened, never = open_stream(net), open_stream(net)
    for frame in frames:
        (got,), (expected,) = opened.push(*frame), never.push(*frame)
        opened.move("cpu")
        torch.testing.assert_close(got, expected, atol=0, rtol=0)


@pytest.mark.parametrize("net", [{"bidirectional": True}], indirect=True)
def test_two_passes_need_the_whole_clip(net, clip):
    with pytest.raises(ValueError, match="DFlowDepth needs the whole clip"):
        open_stream(net)
    with pytest.raises(ValueError, match="of one pass, got bidirectional: true"):
        net.open_stream()
    with pytest.warns(UserWarning, match="3 frames of context: not equal"):
        cut = list(stream(net, frames_of(*clip(4, 1, 3, 4, 6)), overlap=3))
    assert len(cut) == 3
