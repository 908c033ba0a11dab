"""Streams of unknown length give what the whole clip gives, for every kind of network."""

import itertools
import weakref

import pytest
import torch
from basicsr.archs import build_network
from torch import nn

from stdnet_arch.inference import open_stream, stream

STDNET = {"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16, "init": "balanced"}


class Smooth(nn.Module):
    """Averages frames i-1 .. i+1 of those that exist: a network with a halo and no stream."""

    scale, multiple_of, halo = 4, 1, 1

    def forward(self, lq, guide):
        t = lq.shape[1]
        frames = [lq[:, max(i - 1, 0) : i + 2].mean(1) for i in range(t)]
        up = torch.stack(frames, 1).repeat_interleave(4, -1).repeat_interleave(4, -2)
        return {"pred": up + guide.mean(2, keepdim=True)}


class Trailing(Smooth):
    """Averages frames i-1 and i: a causal network without a stream of its own."""

    causal = True

    def forward(self, lq, guide):
        before = torch.cat((lq[:, :1], lq[:, :-1]), dim=1)
        up = ((lq + before) / 2).repeat_interleave(4, -1).repeat_interleave(4, -2)
        return {"pred": up + guide.mean(2, keepdim=True)}


class Everything(Smooth):
    """Says that it needs the whole clip."""

    halo = None


def frames_of(lq, guide):
    return zip(lq[0], guide[0], strict=True)


@pytest.fixture(scope="module")
def whole():
    """A function that gives a network, a clip and the whole clip's prediction; each runs once."""
    done = {}

    def run(name, t):
        if (name, t) not in done:
            net = build_network(STDNET) if name == "STDNet" else Smooth()
            lq, guide = torch.rand(1, t, 1, 2, 3), torch.rand(1, t, 3, 8, 12)
            with torch.no_grad():
                done[name, t] = net, lq, guide, net(lq, guide)["pred"][0]
        return done[name, t]

    return run


@pytest.mark.parametrize(
    ("t", "chunk"),
    [
        *((t, 5) for t in range(1, 41)),
        *itertools.product((1, 2, 3, 17, 24), (1, 2)),
        *itertools.product((2, 9, 40), (8, 50)),
    ],
)
@pytest.mark.parametrize("name", ["STDNet", "Smooth"])
def test_a_stream_equals_the_whole_clip(whole, name, t, chunk):
    net, lq, guide, expected = whole(name, t)
    streamed = torch.stack(list(stream(net, frames_of(lq, guide), chunk)))
    torch.testing.assert_close(streamed, expected, atol=1e-5, rtol=0)


def test_predictions_come_before_the_clip_ends(clip):
    lq, guide = clip(4, 1, 1, 3, 4)
    endless = itertools.repeat((lq[0, 0], guide[0, 0]))
    first = next(stream(build_network(STDNET), endless))
    assert first.shape == (1, 12, 16)


@pytest.mark.parametrize("make", [lambda: build_network(STDNET), Smooth])
def test_frames_are_let_go(make):
    opened, references = open_stream(make()), []
    for _ in range(30):
        lq, guide = torch.rand(1, 3, 4), torch.rand(3, 12, 16)
        references.append(weakref.ref(guide))
        opened.push(lq, guide)
    del lq, guide
    assert sum(reference() is not None for reference in references) <= 3


def test_a_camera_loop_pushes_and_flushes(clip):
    lq, guide = clip(4, 1, 4, 3, 4)
    net = build_network(STDNET)
    opened = open_stream(net)
    early = [opened.push(*frame) for frame in frames_of(lq, guide)]
    assert early == [[]] * 4
    with torch.no_grad():
        whole = net(lq, guide)["pred"][0]
    torch.testing.assert_close(torch.stack(opened.flush()), whole, atol=1e-5, rtol=0)


def test_whole_clip_networks_are_cut_only_on_request_and_with_a_warning(clip):
    lq, guide = clip(4, 1, 9, 3, 4)
    with pytest.raises(
        ValueError, match=r"Everything needs the whole clip.*no finite halo.*overlap=N"
    ):
        open_stream(Everything())
    with pytest.warns(UserWarning, match="2 frames of context: not equal"):
        cut = list(stream(Everything(), frames_of(lq, guide), chunk=3, overlap=2))
    torch.testing.assert_close(torch.stack(cut), Smooth()(lq, guide)["pred"][0])


def test_frames_of_another_size_are_named():
    opened = open_stream(build_network(STDNET))
    opened.push(torch.rand(1, 3, 4), torch.rand(3, 12, 16))
    with pytest.raises(ValueError, match=r"\(1, 3, 4\) and \(3, 12, 16\); got \(1, 3, 5\)"):
        opened.push(torch.rand(1, 3, 5), torch.rand(3, 12, 20))


def test_chunks_without_frames_are_refused(clip):
    with pytest.raises(ValueError, match="at least 1 frame, got 0"):
        list(stream(Smooth(), frames_of(*clip(4, 1, 2, 3, 4)), chunk=0))


TINY_STDAN = {"type": "STDAN", "num_feat": 8, "embed_feat": 24, "num_group": (1, 1), "num_block": 1}


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({**TINY_STDAN, "modality": "depth"}, r"STDAN makes the frames between.*SpaceTimeModel"),
        (TINY_STDAN, r"STDAN takes 3 channels \(RGB\) instead of depth and makes.*SpaceTimeModel"),
        ({**TINY_STDAN, "interpolate": False}, r"STDAN takes 3 channels.*stdnet_arch.test -opt$"),
        ({"type": "Interpolation", "scale": 4, "time_scale": 2}, "Interpolation makes.*SpaceTime"),
    ],
)
@pytest.mark.parametrize("tile", [None, 8])
def test_networks_that_no_stream_can_run_say_what_does(options, what, tile):
    with pytest.raises(ValueError, match=what):
        open_stream(build_network(dict(options)), overlap=4, tile=tile)


WHOLE_CLIP = [
    {**TINY_STDAN, "modality": "depth", "interpolate": False, "drop_path": 0.0},
    {"type": "DVSR", "scale": 4, "num_feat": 8, "head_feat": 8, "num_block": 1},
    {
        "type": "ToolboxVSR",
        "scale": 4,
        "arch": "BasicVSR",
        "options": {"num_feat": 8, "num_block": 1},
    },
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("options", WHOLE_CLIP, ids=lambda options: options["type"])
def test_an_overlap_as_long_as_the_clip_is_the_whole_clip(options, clip):
    net, (lq, guide) = build_network(dict(options)).eval(), clip(4, 1, 3, 8, 16)
    cut = torch.stack(list(stream(net, frames_of(lq, guide), chunk=2, overlap=3)))
    with torch.no_grad():
        torch.testing.assert_close(cut, net(lq, guide)["pred"][0])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("chunk", [1, 2, 4])
@pytest.mark.parametrize("t", [2, 5])
def test_no_window_is_shorter_than_the_network_takes(t, chunk, clip):
    net, (lq, guide) = build_network(dict(WHOLE_CLIP[0])).eval(), clip(4, 1, t, 8, 8)
    assert len(list(stream(net, frames_of(lq, guide), chunk, overlap=1))) == t


def test_an_overlap_too_short_for_the_network_is_refused():
    with pytest.raises(ValueError, match="at least 2 frames at once: the overlap must be.*got 0"):
        open_stream(build_network(dict(WHOLE_CLIP[0])), overlap=0)


def test_a_causal_network_in_windows_has_no_delay(clip):
    net, (lq, guide) = Trailing(), clip(4, 1, 6, 2, 3)
    opened = open_stream(net)
    given = [opened.push(*frame) for frame in frames_of(lq, guide)]
    pushed = torch.stack([preds[0] for preds in given if len(preds) == 1])
    torch.testing.assert_close(pushed, net(lq, guide)["pred"][0], atol=1e-6, rtol=0)
