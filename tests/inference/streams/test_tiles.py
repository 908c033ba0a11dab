"""Tiles cover a frame, blend to it, and say which of them failed."""

import pytest
import torch
from basicsr.archs import build_network
from torch import nn

from stdnet_arch.inference import open_stream, stream
from stdnet_arch.inference.streams.tiles import plan_spans, span_weights


class PixelByPixel(nn.Module):
    """Sees no neighbour, so that tiles change nothing; remembers what it was given."""

    halo, multiple_of, scale = 1, 2, 4

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, lq, guide):
        self.seen.append(tuple(lq.shape[-2:]))
        up = lq.repeat_interleave(4, -1).repeat_interleave(4, -2)
        return {"pred": 2 * up + guide.mean(2, keepdim=True)}


def frames_of(t, h, w):
    return list(zip(torch.rand(t, 1, h, w), torch.rand(t, 3, 4 * h, 4 * w), strict=True))


@pytest.mark.parametrize("length", [5, 8, 9, 13, 31, 64])
@pytest.mark.parametrize(("tile", "overlap"), [(8, 2), (8, 4), (6, 0), (12, 5)])
def test_spans_cover_a_side_and_share_enough(length, tile, overlap):
    spans = plan_spans(length, tile, overlap)
    assert (spans[0].start, spans[-1].stop) == (0, length)
    assert {stop - start for start, stop in spans} == {min(tile, length)}
    assert all(a.stop - b.start >= overlap for a, b in zip(spans, spans[1:], strict=False))


@pytest.mark.parametrize(("length", "tile", "overlap"), [(31, 8, 3), (9, 8, 4), (5, 8, 2)])
def test_weights_are_positive_and_sum_to_one(length, tile, overlap):
    spans = plan_spans(length, tile, overlap)
    total = [0.0] * (4 * length)
    for span, weight in zip(spans, span_weights(spans, 4), strict=True):
        assert (weight > 0).all()
        for i, value in enumerate(weight.tolist(), 4 * span.start):
            total[i] += value
    assert total == pytest.approx([1] * (4 * length))


def test_weights_rise_linearly_over_what_is_shared():
    first, second = span_weights(plan_spans(6, 4, 2), 2)
    # Four shared pixels at their centres: 1/8, 3/8, 5/8, 7/8 of the way.
    assert first.tolist() == pytest.approx([1, 1, 1, 1, 0.875, 0.625, 0.375, 0.125])
    assert second.tolist() == pytest.approx(first.tolist()[::-1])


@pytest.mark.parametrize("chunk", [1, 3])
@pytest.mark.parametrize("overlap", [0, 2, None])
def test_where_pixels_do_not_see_each_other_tiles_are_exact(chunk, overlap):
    net, frames = PixelByPixel(), frames_of(5, 10, 14)
    whole = torch.stack(list(stream(net, frames, chunk)))
    net.seen.clear()
    tiled = torch.stack(list(stream(net, frames, chunk, tile=6, tile_overlap=overlap)))
    torch.testing.assert_close(tiled, whole)
    assert set(net.seen) == {(6, 6)}


def test_one_tile_is_the_whole_frame():
    net = build_network({"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16})
    frames = frames_of(11, 4, 6)
    tiled = torch.stack(list(stream(net, frames, tile=6)))
    torch.testing.assert_close(tiled, torch.stack(list(stream(net, frames))))


def test_tiles_come_as_early_as_whole_frames():
    opened = open_stream(PixelByPixel(), tile=4)
    assert [len(opened.push(*frame)) for frame in frames_of(3, 4, 10)] == [0, 1, 1]
    assert len(opened.flush()) == 1
    assert open_stream(PixelByPixel(), tile=4).flush() == []


@pytest.mark.parametrize("kind", [RuntimeError, torch.OutOfMemoryError])
def test_a_failing_tile_is_named(monkeypatch, kind):
    def fail(self, lq, guide):
        raise kind("no luck")

    monkeypatch.setattr(PixelByPixel, "forward", fail)
    with pytest.raises(kind, match="tile of depth rows 0 to 4, columns 0 to 4 failed: no luck"):
        list(stream(PixelByPixel(), frames_of(2, 10, 10), tile=4))


@pytest.mark.parametrize(("tile", "overlap"), [(1, None), (3, 0), (8, 5), (8, -1), (-4, 0)])
def test_impossible_tiles_are_refused(tile, overlap):
    with pytest.raises(ValueError, match=rf"multiple of 2.*got side {tile}, overlap"):
        open_stream(PixelByPixel(), tile=tile, tile_overlap=overlap)
