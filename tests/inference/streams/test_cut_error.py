"""What cutting costs is measured against one forward of the whole clip."""

import pytest
import torch
from torch import nn

from stdnet_arch.inference.streams.cut_error import Difference, crop_middle, measure_difference


class PlusMean(nn.Module):
    """Adds the mean of all frames that it is given at once, over time or over the frame."""

    multiple_of, scale = 1, 4

    def __init__(self, over, halo):
        super().__init__()
        self.over, self.halo = over, halo

    def forward(self, lq, guide):
        return {"pred": guide[:, :, :1] * 0 + lq.mean(self.over, keepdim=True)}


def ramp(t, h, w):
    """Depth that grows by 1 per frame and by 10 per column."""
    lq = torch.arange(t)[:, None, None, None] + 10.0 * torch.arange(w)
    return list(zip(lq.expand(t, 1, h, w), torch.zeros(t, 3, 4 * h, 4 * w), strict=True))


def test_an_overlap_is_compared_with_the_whole_clip():
    # Frames 0 to 3 in chunks of 2 without context: means 0.5 and 2.5 in place of 1.5.
    net = PlusMean((1, 3, 4), halo=None)
    with pytest.warns(UserWarning, match="0 frames of context"):
        found = measure_difference(net, ramp(4, 2, 1), chunk=2, overlap=0)
    assert found == Difference(4, (2, 1), 1.0, 1.0)


def test_tiles_are_compared_with_the_middle_of_the_frame():
    # Columns 2 to 5, mean 35, in tiles of two: means 25 and 45.
    net = PlusMean((3, 4), halo=0)
    found = measure_difference(net, ramp(1, 3, 8), tile=2, tile_overlap=0)
    assert found == Difference(1, (3, 4), 10.0, 10.0)


def test_the_middle_is_as_large_as_the_network_needs():
    # Two tiles of 4 that share 1 take 7 columns; the network takes multiples of 4.
    net = PlusMean((3, 4), halo=0)
    net.multiple_of = 4
    assert measure_difference(net, ramp(1, 12, 16), tile=4, tile_overlap=1).size == (8, 8)


def test_an_exact_stream_differs_by_nothing():
    found = measure_difference(PlusMean((3, 4), halo=0), ramp(5, 3, 4), chunk=2)
    assert found == Difference(5, (3, 4), 0.0, 0.0)


def test_the_middle_of_both_pictures_is_the_same():
    lq, guide = torch.rand(1, 6, 9), torch.rand(3, 24, 36)
    small, large = crop_middle((lq, guide), 4)
    torch.testing.assert_close(small, lq[:, 1:5, 2:6])
    torch.testing.assert_close(large, guide[:, 4:20, 8:24])


def test_words_are_centimetres():
    text = Difference(3, (96, 128), 0.01, 0.0005).in_words(10)
    assert text.startswith("largest difference 10 cm, mean 0.5 cm")
    assert text.endswith("(measured on 3 frames, 128x96 depth pixels)")
