"""View-temporal attention against sums over single pixels."""

import math

import pytest
import torch

from stdnet_arch.archs.svsrnet.attention import (
    GlobalAttention,
    ParallaxAttention,
    ViewTemporalAttention,
    WindowCrossAttention,
)

B, C, H, W = 2, 3, 5, 7


def maps(count=3):
    return [torch.randn(B, C, H, W, dtype=torch.float64) for _ in range(count)]


def attended(query, key, value, looks, scale=1.0):
    """Each pixel's softmax-weighted mean over the pixels it may look at; query, ... (c, h, w)."""
    out = torch.empty_like(value)
    for y, x in torch.cartesian_prod(torch.arange(H), torch.arange(W)).tolist():
        places = [
            p
            for p in torch.cartesian_prod(torch.arange(H), torch.arange(W)).tolist()
            if looks((y, x), p)
        ]
        scores = torch.stack([scale * (query[:, y, x] * key[:, v, u]).sum() for v, u in places])
        share = scores.exp() / scores.exp().sum()
        out[:, y, x] = sum(s * value[:, v, u] for s, (v, u) in zip(share, places, strict=True))
    return out


@pytest.mark.parametrize(
    ("layer", "looks", "scale"),
    [
        (ParallaxAttention(C), lambda p, q: p[0] == q[0], 1.0),
        (GlobalAttention(C), lambda p, q: True, 1.0),
        (
            WindowCrossAttention(C, 3),
            lambda p, q: (p[0] // 3, p[1] // 3) == (q[0] // 3, q[1] // 3),
            1 / math.sqrt(C),
        ),
    ],
    ids=["parallax", "global", "window"],
)
def test_pixels_gather_from_where_they_may_look(layer, looks, scale):
    query, key, value = maps()
    got = layer.gather(query, key, value)[0]
    expected = [attended(*x, looks, scale) for x in zip(query, key, value, strict=True)]
    torch.testing.assert_close(got, torch.stack(expected), atol=1e-10, rtol=0)


def test_a_pixel_is_seen_if_the_other_view_looks_at_it():
    query, key, value = (3 * x for x in maps())
    seen = ParallaxAttention(C, tidies=False).gather(query, key, value)[1]
    for b, y, x in torch.cartesian_prod(*map(torch.arange, (B, H, W))).tolist():
        # Pixel u of the other view spreads an attention of 1 over its row of this view.
        scores = [(query[b, :, y, :] * key[b, :, y, u, None]).sum(0).exp() for u in range(W)]
        assert seen[b, 0, y, x] == (sum(s[x] / s.sum() for s in scores) > 0.1)
    assert 0 < seen.mean() < 1


def test_parallax_finds_what_was_shifted():
    left = 30 * torch.nn.functional.one_hot(torch.arange(W), W).double().T.view(1, W, 1, W)
    right = left.roll(-2, dims=-1)  # what is at x on the left is at x - 2 on the right
    warped, _ = ParallaxAttention(W, tidies=False).gather(left, right, right)
    torch.testing.assert_close(warped[..., 2:], left[..., 2:])


def test_windows_and_their_sizes_do_not_change_with_the_batch():
    layer = WindowCrossAttention(C, 4).double()
    feat, other = maps(2)
    together = layer(feat, other)[0]
    alone = layer(feat[1:], other[1:])[0]
    torch.testing.assert_close(together[1:], alone)


def fusion(**options):
    times = [GlobalAttention(C), GlobalAttention(C)]
    return ViewTemporalAttention(C, ParallaxAttention(C), times, has_mask=True, **options)


def test_the_released_form_has_one_fusing_convolution_less():
    ours, released = fusion(), fusion(shares_fusion=True)
    missing = ours.state_dict().keys() - released.state_dict().keys()
    assert missing == {"conv_all.weight", "conv_all.bias"}


def test_both_forms_agree_where_the_convolutions_do():
    ours, released = fusion().double(), fusion(shares_fusion=True).double()
    released.load_state_dict(ours.state_dict(), strict=False)
    ours.conv_all.load_state_dict(ours.conv_times.state_dict())
    center, same, *others = maps(4)
    torch.testing.assert_close(ours(center, same, others), released(center, same, others))
