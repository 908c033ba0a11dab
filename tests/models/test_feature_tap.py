"""Looking into networks by the names of their modules."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from stdnet_arch.models.feature_tap import FeatureTap


class Net(nn.Module):
    """A clip at once, then frame by frame, then something that is no map."""

    def __init__(self):
        super().__init__()
        self.whole = nn.Conv2d(1, 3, 1)
        self.each = nn.Conv2d(3, 2, 1)
        self.pair = Pair()

    def forward(self, x):
        feat = self.whole(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        frames = [self.each(frame) for frame in feat.unbind(1)]
        return self.pair(torch.stack(frames, 1))


class Pair(nn.Module):
    def forward(self, x):
        return x, x


def seen(layer, net=None, clip=(2, 3)):
    net, x = net or Net(), torch.rand(2, 3, 1, 4, 5)
    tap = FeatureTap(net, layer, "distill.student_layer")
    with tap:
        out = net(x)[0]
    return net, x, out, tap.clip(*clip)


def test_a_batch_of_frames_becomes_a_clip():
    net, x, _, feat = seen("whole")
    torch.testing.assert_close(feat[1, 2], net.whole(x[1, 2]))


def test_calls_frame_by_frame_become_a_clip():
    _, _, out, feat = seen("each")
    torch.testing.assert_close(feat, out)


def test_a_clip_stays_one():
    net = Net()
    net.pair = nn.Sequential(nn.Identity())
    net.forward = lambda x: (net.pair(x),)
    _, x, _, feat = seen("pair.0", net)
    assert feat is x


def test_a_name_that_is_not_there_comes_with_those_that_are_near():
    with pytest.raises(
        ValueError, match=r"student_layer: Net has no module 'eech'; there are each"
    ):
        seen("eech")


def test_an_output_that_is_no_map_is_refused():
    with pytest.raises(ValueError, match=r"student_layer 'pair' of Net must give maps.*'tuple'"):
        seen("pair")


def test_a_module_that_does_not_run_is_refused():
    net = Net()
    net.spare = nn.Conv2d(1, 1, 1)
    with pytest.raises(ValueError, match="no call at all"):
        seen("spare", net)


def test_another_number_of_frames_is_refused():
    with pytest.raises(ValueError, match=r"b = 2, t = 4; got 3 outputs of \[\(2, 2, 4, 5\)"):
        seen("each", clip=(2, 4))


def test_outside_of_the_context_nothing_is_kept_or_copied():
    net, x, _, _ = seen("each")
    tap = FeatureTap(net, "each", "layer")
    net(x)
    assert tap.outputs == []
    assert not deepcopy(net).each._forward_hooks


def test_a_failing_forward_leaves_no_hook():
    net = Net()
    with pytest.raises(RuntimeError), FeatureTap(net, "each", "layer"):
        net(torch.rand(2, 3, 2, 4, 5))
    assert not net.each._forward_hooks
