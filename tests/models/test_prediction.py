"""Running networks on whole clips: padding, exact chunks, the windows of space-time prediction."""

import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from model_parts import Repeat
from torch import nn

from stdnet_arch.models.prediction import (
    FramePrediction,
    SpaceTimePrediction,
    given_frames,
    predict_padded,
)


def test_sides_are_padded_by_replication_and_cropped(clip):
    lq, guide = clip(2, b=1, t=3, h=5, w=7)
    net = Repeat()
    pred = predict_padded(net, lq, guide)
    seen_lq, seen_guide, *_ = net.seen
    assert seen_lq.shape == (1, 3, 1, 8, 8)
    assert seen_guide.shape == (1, 3, 3, 16, 16)
    torch.testing.assert_close(seen_lq, torch.from_numpy(pad_edge(lq, 3, 1)), rtol=0, atol=0)
    torch.testing.assert_close(seen_guide, torch.from_numpy(pad_edge(guide, 6, 2)), rtol=0, atol=0)
    assert torch.equal(pred, lq.repeat_interleave(2, -1).repeat_interleave(2, -2))


def pad_edge(x, bottom, right):
    return np.pad(x.numpy(), [(0, 0)] * 3 + [(0, bottom), (0, right)], mode="edge")


@pytest.mark.parametrize("chunk_frames", [1, 3, 99])
def test_chunks_with_their_context_give_the_result_of_the_whole_clip(clip, chunk_frames):
    options = {"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16, "init": "balanced"}
    net = build_network(options)
    lq, guide = clip(4, 1, 20, 2, 3)
    whole = predict_padded(net, lq, guide)
    chunked = FramePrediction(chunk_frames)(net, lq, guide, 20)
    torch.testing.assert_close(chunked, whole, atol=1e-5, rtol=0)


def test_a_network_that_needs_whole_clips_is_not_cut(clip):
    with pytest.raises(ValueError, match="Conv3d needs whole clips"):
        FramePrediction(2)(nn.Conv3d(1, 1, 1), *clip(4, 1, 5, 2, 3), 5)


@pytest.mark.parametrize("training", [True, False])
def test_prediction_is_without_gradient_and_restores_the_mode(clip, training):
    net = Repeat().train(training)
    predict_padded(net, *clip(2, b=1, t=1, h=4, w=4))
    assert net.seen[2:] == (False, False)
    assert net.training is training


class Twice(nn.Module):
    """Makes between two frames what is 100 more than the earlier one; says what it was given."""

    time_scale = 2
    scale = 1
    multiple_of = 2

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, lq, guide):
        self.seen.append(lq[0, :, 0, 0, 0].tolist())
        made = torch.stack((lq, lq + 100), 2).flatten(1, 2)[:, :-1]
        return {"pred": made}


def numbered(frames):
    """A clip whose pixels are the number of their frame."""
    return torch.tensor(frames, dtype=torch.float32).view(1, -1, 1, 1, 1).expand(1, -1, 1, 2, 2)


@pytest.mark.parametrize(
    ("length", "size", "seen", "made"),
    [
        (7, 7, [[0, 2, 4, 6]], [1, 3, 5]),
        (13, 7, [[0, 2, 4, 6], [6, 8, 10, 12]], [1, 3, 5, 7, 9, 11]),
        (9, 7, [[0, 2, 4, 6], [2, 4, 6, 8]], [1, 3, 5, 7]),
        # The last window covers the end: other frames are given to it than counting on would give.
        (10, 7, [[0, 2, 4, 6], [3, 5, 7, 9]], [1, 3, 5, 8]),
        (4, 7, [[0, 2], [1, 3]], [1]),
        (5, None, [[0, 2, 4]], [1, 3]),
    ],
)
def test_windows_are_those_of_the_published_protocol(length, size, seen, made):
    net, way = Twice(), SpaceTimePrediction(size)
    pred = way(net, numbered(range(length)), None, length)[0, :, 0, 0, 0]
    assert net.seen == seen
    assert [i for i in range(length) if not way.given(length)[i]] == made
    expected = [i - 1 + 100 if i in made else i for i in range(length)]
    assert pred.tolist() == expected


def test_every_second_frame_alone_gives_the_same_prediction():
    way, whole = SpaceTimePrediction(3), numbered(range(9))
    expected = way(Twice(), whole, None, 9)
    assert torch.equal(way(Twice(), whole[:, ::2], None, 9), expected)


def test_the_guide_is_cut_with_its_window(clip):
    class Guided(Twice):
        def forward(self, lq, guide):
            return {"pred": guide[:, :, :1]}

    lq, guide = clip(1, 1, 10, 2, 4)
    pred = SpaceTimePrediction(5)(Guided(), lq, guide, 10)
    assert torch.equal(pred, guide[:, :, :1])


def test_zeros_can_be_padded_as_in_the_paper():
    class LastRow(Twice):
        def forward(self, lq, guide):
            return {"pred": lq[:, [0, 0, 1], :, -1:].expand(-1, -1, -1, 4, -1)}

    pred = SpaceTimePrediction(pad="zeros")(LastRow(), torch.ones(1, 2, 1, 3, 2), None, 3)
    assert pred.shape == (1, 3, 1, 3, 2)
    assert not pred.any()  # the last row the network saw was padding


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SpaceTimePrediction(4), "window_frames must be odd and at least 3.*4"),
        (
            lambda: SpaceTimePrediction(pad="reflect"),
            "pad must be one of.*reflect",
        ),
        (lambda: FramePrediction(0), "chunk_frames must be a number of frames >= 1.*0"),
        (lambda: SpaceTimePrediction()(Twice(), numbered([0, 2]), None, 2), "clip of 3 frames.*2"),
        (lambda: SpaceTimePrediction()(Repeat(), numbered([0]), None, 3), "Repeat.*time_scale 1"),
        (lambda: given_frames(numbered([0, 1, 2]), 7), "all 7 frames.*got 3"),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_so(call, message):
    with pytest.raises(ValueError, match=message):
        call()


class WithError(torch.nn.Module):
    """Depth and an error that depend on the frame alone."""

    halo, multiple_of = 1, 2

    def forward(self, lq, guide):
        pred = lq.repeat_interleave(2, -1).repeat_interleave(2, -2) + guide[:, :, :1]
        return {"pred": pred, "error": 2 * pred, "candidates": lq}


def test_outputs_of_the_guides_size_come_cropped_and_chunked():
    lq, guide = torch.rand(1, 5, 1, 3, 5), torch.rand(1, 5, 3, 6, 10)
    whole = FramePrediction().outputs(WithError(), lq, guide)
    parts = FramePrediction(2).outputs(WithError(), lq, guide)
    assert set(whole) == {"pred", "error"}
    assert whole["error"].shape == (1, 5, 1, 6, 10)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
