"""A causal network never looks ahead, and its stream gives each prediction with its frame."""

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.inference import open_stream
from stdnet_arch.models.prediction import FramePrediction


@pytest.fixture(params=["STDNet", "STDNetT"])
def net(request):
    sizes = {"num_feat": 16, "head_feat": 16} if request.param == "STDNet" else {}
    options = {"scale": 4, "init": "balanced", "causal": True, **sizes}
    made = build_network({"type": request.param, **options}).eval()
    for name, parameter in made.named_parameters():
        if "conv_offset_mask" in name:  # zero offsets would hide a mistake
            torch.nn.init.normal_(parameter, std=0.05)
    return made


@torch.no_grad()
def test_frames_to_come_change_nothing(net, clip):
    lq, guide = clip(4, 2, 7, 3, 4)
    before = net(lq, guide)["pred"][:, :4]
    lq[:, 4:], guide[:, 4:] = torch.rand_like(lq[:, 4:]), torch.rand_like(guide[:, 4:])
    torch.testing.assert_close(net(lq, guide)["pred"][:, :4], before, atol=0, rtol=0)


@torch.no_grad()
def test_a_clip_that_ends_earlier_predicts_the_same(net, clip):
    lq, guide = clip(4, 1, 6, 3, 4)
    whole, part = net(lq, guide)["pred"], net(lq[:, :4], guide[:, :4])["pred"]
    torch.testing.assert_close(part, whole[:, :4], atol=1e-5, rtol=0)


@torch.no_grad()
def test_each_push_gives_its_own_frame(net, clip):
    t = net.halo + 6
    lq, guide = clip(4, 1, t, 3, 4)
    whole = net(lq, guide)["pred"][0]
    camera = open_stream(net)
    given = [camera.push(*frame) for frame in zip(lq[0], guide[0], strict=True)]
    assert [len(preds) for preds in given] == [1] * t
    assert camera.flush() == []
    pushed = torch.stack([preds[0] for preds in given])
    torch.testing.assert_close(pushed, whole, atol=1e-5, rtol=0)


def test_what_is_kept_does_not_grow(net, clip):
    lq, guide = clip(4, 1, 1, 3, 4)
    stream, kept = net.open_stream(), []
    for _ in range(net.halo + 12):
        stream.push([lq[:, 0]], [guide[:, 0]])
        passes = [*stream.coarse.passes, *stream.fine.passes]
        kept.append(sum(len(item.kept) for item in passes) + len(stream.waiting))
    assert max(kept) == kept[3] == 2 * len(passes)


@torch.no_grad()
def test_chunks_with_frames_before_them_are_the_whole_clip(net, clip):
    lq, guide = clip(4, 1, 13, 3, 4)
    whole = net(lq, guide)["pred"]
    chunked = FramePrediction(chunk_frames=2)(net, lq, guide, 13)
    torch.testing.assert_close(chunked, whole, atol=1e-5, rtol=0)
