"""TV-L1 flow on images whose motion is known."""

import pytest
import torch
import torch.nn.functional as F

from stdnet_arch.data.synthetic.source import Synthetic
from stdnet_arch.ops.matching.tvl1_flow import _divergence, _forward, tvl1_flow
from stdnet_arch.ops.warp import flow_warp


def texture(channels=3):
    return F.interpolate(torch.rand(1, channels, 10, 12), size=(60, 72), mode="bicubic")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("move", [(1.5, -0.75), (-3.0, 2.0)])
def test_a_shift_is_found_to_a_twentieth_of_a_pixel(move, channels):
    other = texture(channels)
    flow = torch.tensor(move).view(1, 2, 1, 1).expand(1, 2, 60, 72)
    found = tvl1_flow(flow_warp(other, flow)[0], other)
    inner = (found - flow)[..., 8:-8, 8:-8]
    assert inner.norm(dim=1).mean() < 0.05


def test_equal_frames_do_not_move():
    frame = texture()
    torch.testing.assert_close(tvl1_flow(frame, frame), torch.zeros(1, 2, 60, 72))


def test_images_of_a_batch_do_not_mix():
    frames, others = (torch.cat((texture(), texture())) for _ in range(2))
    both = tvl1_flow(frames, others, steps=3)
    torch.testing.assert_close(both[1:], tvl1_flow(frames[1:], others[1:], steps=3))


def test_motion_of_a_rendered_room_is_mostly_found():
    room = Synthetic(num_clips=1, num_frame=2, size=[96, 128])
    (clip,) = room.clips()
    frames = [torch.tensor(room.guide(clip, i)).permute(2, 0, 1)[None] / 255 for i in (0, 1)]
    true, seen = (torch.from_numpy(x) for x in room.flow_px(clip, 0))
    error = (tvl1_flow(*frames)[0] - true).norm(dim=0)[seen].mean()
    assert error < 0.5 * true.norm(dim=0)[seen].mean()


def test_the_divergence_is_minus_the_transpose_of_the_differences():
    x = torch.randn(2, 2, 5, 7, dtype=torch.float64, requires_grad=True)
    dual = torch.randn(2, 2, 2, 5, 7, dtype=torch.float64)
    (_forward(x) * dual).sum().backward()
    torch.testing.assert_close(-x.grad, _divergence(dual))


@pytest.mark.parametrize("shape", [(1, 2, 20, 20), (3, 20, 20)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"two frames \(b, 1 or 3, H, W\) of one shape, got"):
        tvl1_flow(torch.rand(shape), torch.rand(shape))
