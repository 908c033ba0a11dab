"""Flow without weights, on frames whose motion is known."""

import pytest
import torch
import torch.nn.functional as F

from stdnet_arch.data.synthetic.source import Synthetic
from stdnet_arch.ops.matching.lucas_kanade import lucas_kanade


def texture(H=64, W=80):
    """Smooth noise, wider than what is looked at, ``(1, 3, H + 16, W + 16)``."""
    small = torch.rand(1, 3, (H + 16) // 4, (W + 16) // 4)
    return F.interpolate(small, size=(H + 16, W + 16), mode="bicubic", align_corners=False)


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (-3, 2), (0, -6)])
def test_whole_shifts_are_found(dx, dy):
    wide = texture()
    frame = wide[..., 8:-8, 8:-8]
    # What is at x in the frame is at x + dx in the other one.
    other = wide.roll((dy, dx), dims=(2, 3))[..., 8:-8, 8:-8]
    flow = lucas_kanade(frame, other)
    error = (flow - torch.tensor([dx, dy]).view(1, 2, 1, 1)).abs()
    assert error[..., 12:-12, 12:-12].max() < 0.2


def test_nothing_moves_where_nothing_moves():
    frame = texture()
    assert lucas_kanade(frame, frame).abs().max() < 1e-4
    flat = torch.full((1, 3, 40, 40), 0.5)
    assert lucas_kanade(flat, flat).abs().max() == 0


def test_disparity_of_a_rendered_room_is_found():
    views = [Synthetic(size=[96, 128], num_clips=1, view=view) for view in ("left", "right")]
    frames = [torch.tensor(v.guide("0000", 0)).permute(2, 0, 1)[None] / 255 for v in views]
    left = views[0]
    expected = (
        -left.intrinsics_px("0000")[0] * left.baseline_m / torch.tensor(left.depth_m("0000", 0))
    )
    flow = lucas_kanade(*frames)[0]
    # Half of the room is plain: there, flow comes from the outlines around.
    assert (flow[0] - expected).abs().median() < 0.25 * expected.abs().median()
    assert flow[1].abs().median() < 0.2


def test_frames_of_a_batch_do_not_mix():
    one, two = texture()[..., :40, :50], texture()[..., :40, :50]
    both = lucas_kanade(torch.cat((one, two)), torch.cat((two, one)))
    torch.testing.assert_close(both[1:], lucas_kanade(two, one), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("shape", "window", "message"),
    [
        ((1, 3, 8, 9), 7, r"must both be \(b, c, H, W\), got \(1, 3, 8, 8\) and"),
        ((1, 3, 8, 8), 4, "odd, got 4"),
    ],
)
def test_what_does_not_fit_is_refused(shape, window, message):
    with pytest.raises(ValueError, match=message):
        lucas_kanade(torch.rand(1, 3, 8, 8), torch.rand(shape), window=window)
