"""CrossModalSTNet: depth asks, RGB answers, within windows and three frames."""

import pytest
import torch

from stdnet_arch.archs.cross_modal_arch import CrossModalSTNet
from stdnet_arch.archs.interpolation_arch import Interpolation

SMALL = {"num_feat": 8, "num_extract": 1, "num_recon": 1, "window": 4}


def without_head(**options):
    """A network that sees RGB only through its attention."""
    net = CrossModalSTNet(**{**SMALL, **options}).eval()
    for parameter in net.head.conv_guide.parameters():
        torch.nn.init.zeros_(parameter)
    return net


def test_it_adds_to_interpolation(clip):
    net = CrossModalSTNet(**SMALL)
    torch.nn.init.zeros_(net.head.conv_last.weight)
    torch.nn.init.zeros_(net.head.conv_last.bias)
    lq, guide = clip(4, 2, 3, 5, 6)
    torch.testing.assert_close(net(lq, guide)["pred"], Interpolation(4, "bilinear")(lq)["pred"])


@pytest.mark.parametrize(("frame", "seen"), [(0, [True, True, False]), (2, [False, True, True])])
def test_rgb_of_the_frames_around_is_seen(clip, frame, seen):
    net = without_head()
    lq, guide = clip(4, 1, 3, 8, 8)
    other = guide.clone()
    other[:, frame] = torch.rand_like(other[:, frame])
    with torch.no_grad():
        change = (net(lq, other)["pred"] - net(lq, guide)["pred"]).abs().amax(dim=(0, 2, 3, 4))
    assert (change > 0).tolist() == seen


def test_the_unit_of_depth_does_not_matter(clip):
    net = CrossModalSTNet(**SMALL).eval()
    lq, guide = clip(4, 1, 2, 6, 7)
    lq = 0.2 + 0.2 * lq
    torch.testing.assert_close(net(2 * lq, guide)["pred"], 2 * net(lq, guide)["pred"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 3}, "power of 2, got 3"),
        ({"window": 0}, "at least 1 pixel, got 0"),
        ({"num_feat": 12}, "multiple of 8"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CrossModalSTNet(**{**SMALL, **options})


def test_a_guide_of_another_size_is_refused(clip):
    lq, guide = clip(4, 1, 2, 6, 7)
    with pytest.raises(ValueError, match="guide must be 4x lq: lq is 6x7, guide is 24x24"):
        CrossModalSTNet(**SMALL)(lq, guide[..., :24])
