"""A stream gives the whole clip's result, when it should, and keeps no more than it must."""

import pytest
import torch
from basicsr.archs import build_network


@pytest.fixture
def net(request):
    scale = getattr(request, "param", 4)
    options = {"num_feat": 16, "head_feat": 16, "init": "balanced"}
    made = build_network({"type": "STDNet", "scale": scale, **options})
    for name, parameter in made.named_parameters():
        if "conv_offset_mask" in name:  # zero offsets would hide a mistake
            torch.nn.init.normal_(parameter, std=0.05)
    return made


def stream(net, lq, guide, chunk):
    """Predictions, and after how many frames each came."""
    open_stream = net.open_stream()
    out, came = [], []
    for start in range(0, lq.shape[1], chunk):
        part = slice(start, start + chunk)
        done = open_stream.push(lq[:, part].unbind(1), guide[:, part].unbind(1))
        came += [min(start + chunk, lq.shape[1])] * len(done)
        out += done
    done = open_stream.push([], [], last=True)
    return torch.stack(out + done, dim=1), came + [None] * len(done)


@pytest.mark.parametrize("t", [1, 2, 3, 4, 7, 8, 9, 10, 17, 24])
def test_any_length_equals_the_whole_clip(net, clip, t):
    lq, guide = clip(4, 2, t, 3, 4)
    with torch.no_grad():
        whole = net(lq, guide)["pred"]
    streamed, came = stream(net, lq, guide, chunk=1)
    torch.testing.assert_close(streamed, whole, atol=1e-5, rtol=0)
    # Frame i is complete when frame i + 8 has come, so after i + 9 frames.
    assert came == [i + 9 if i + 9 <= t else None for i in range(t)]


@pytest.mark.parametrize("chunk", [2, 5, 40])
@pytest.mark.parametrize("net", [4, 8], indirect=True)
def test_chunks_do_not_change_the_result(net, clip, chunk):
    lq, guide = clip(net.scale, 1, 13, 3, 4)
    one_by_one, _ = stream(net, lq, guide, chunk=1)
    torch.testing.assert_close(stream(net, lq, guide, chunk)[0], one_by_one, atol=1e-5, rtol=0)


def test_what_is_kept_does_not_grow(net, clip):
    lq, guide = clip(4, 1, 1, 3, 4)
    open_stream = net.open_stream()
    kept = []
    for _ in range(40):
        open_stream.push([lq[:, 0]], [guide[:, 0]])
        stages = (open_stream.coarse, open_stream.fine)
        frames = sum(len(run_pass.kept) for stage in stages for run_pass in stage.passes)
        kept.append(frames + len(open_stream.waiting))
    assert max(kept[12:]) == kept[12] <= 2 * 4 * 2 + 4
