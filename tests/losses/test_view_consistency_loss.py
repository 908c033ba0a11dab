"""Consistency over time and views: the eleven terms by hand, masks, and the form for depth."""

import numpy as np
import pytest
import torch
from basicsr.losses import build_loss

from stdnet_arch.losses.view_consistency_loss import (
    ViewTemporalConsistencyLoss,
    consistency_pairs,
)

FLOW_PX = (2, -1)
L, R = 0, 1


class Constant(torch.nn.Module):
    """The same whole-pixel motion everywhere."""

    def forward(self, frame, other):
        flow = torch.tensor(FLOW_PX, dtype=torch.float64).view(1, 2, 1, 1)
        return flow.expand(len(frame), 2, *frame.shape[-2:])


def make(**options):
    loss = ViewTemporalConsistencyLoss(**{"loss_weight": 1.0, **options})
    loss.flow = Constant()
    return loss


def clip(t=3, channels=6, H=5, W=7):
    gt = torch.rand(2, t, channels, H, W, dtype=torch.float64)
    return {"pred": torch.rand_like(gt)}, gt


def term(here, there, frame, other, valid=None, sums_channels=False):
    """One term pixel by pixel; maps ``(b, c, H, W)``."""
    dx, dy = FLOW_PX
    total = count = 0
    b, c, H, W = here.shape
    for n, k, y, x in np.ndindex(b, c, H, W):
        v, u = y + dy, x + dx
        if not (
            0 <= v < H
            and 0 <= u < W
            and (valid is None or (valid[0][n, k, y, x] and valid[1][n, k, v, u]))
        ):
            continue
        change = frame[n, :, y, x] - other[n, :, v, u]
        square = change.sum() ** 2 if sums_channels else (change**2).sum()
        total += (np.exp(-50 * square) * (here[n, k, y, x] - there[n, k, v, u])) ** 2
        count += 1
    return total / count


def by_hand(pred, gt, pairs, **options):
    def at(x, place):
        return x[:, place[0], 3 * place[1] : 3 * place[1] + 3].numpy()

    return sum(term(at(pred, a), at(pred, b), at(gt, a), at(gt, b), **options) for a, b in pairs)


def test_the_eleven_terms_are_those_of_the_paper():
    over_time = [((1, L), (0, L)), ((2, L), (1, L)), ((1, R), (0, R)), ((2, R), (1, R))]
    across = [((0, L), (0, R)), ((1, L), (1, R)), ((2, L), (2, R))]
    both = [((1, L), (0, R)), ((1, L), (2, R)), ((1, R), (0, L)), ((1, R), (2, L))]
    assert consistency_pairs(3, 2) == over_time + across + both
    assert consistency_pairs(3, 1) == over_time[:2]


@pytest.mark.parametrize("sums_channels", [False, True])
def test_the_loss_is_their_sum(sums_channels):
    out, gt = clip()
    expected = by_hand(out["pred"], gt, consistency_pairs(3, 2), sums_channels=sums_channels)
    got = make(sums_channels=sums_channels, loss_weight=0.5)(out, gt)
    assert got.item() == pytest.approx(0.5 * expected, rel=1e-6)


def test_depth_is_compared_by_its_difference_along_the_flow_of_the_guide():
    out, gt = clip(t=2, channels=1)
    guide = torch.rand(2, 2, 3, 5, 7, dtype=torch.float64)
    valid = torch.rand(gt.shape) < 0.8
    error = (out["pred"] - gt).numpy()
    known = [valid[:, 1].numpy(), valid[:, 0].numpy()]
    frames = guide.numpy()
    expected = term(error[:, 1], error[:, 0], frames[:, 1], frames[:, 0], valid=known)
    got = make(num_view=1, form="difference")(out, gt, valid, guide)
    assert got.item() == pytest.approx(expected, rel=1e-6)


def test_the_truth_costs_nothing_in_the_difference_form():
    _, gt = clip()
    assert make(form="difference")({"pred": gt}, gt) == 0
    assert make()({"pred": gt}, gt) > 0


def test_where_rgb_disagrees_nothing_is_compared():
    out, gt = clip()
    gt[:] = (torch.arange(3) % 2).view(1, 3, 1, 1, 1)  # white after black
    loss = make(num_view=1)
    assert loss({"pred": out["pred"][:, :, :3]}, gt[:, :, :3]) < 1e-20
    assert loss({"pred": out["pred"][:, :, :3]}, gt[:, :, :3].clone().fill_(0.5)) > 0.01


def test_invalid_pixels_do_not_count():
    out, gt = clip(t=2, channels=1)
    guide = torch.rand(2, 2, 3, 5, 7, dtype=torch.float64)
    valid = torch.rand(gt.shape) < 0.7
    loss = make(num_view=1, form="difference")
    worse = {"pred": out["pred"].where(valid, 1e6)}
    broken = gt.where(valid, torch.nan)
    expected = loss(out, gt, valid, guide)
    torch.testing.assert_close(loss(worse, broken, valid, guide), expected)


@pytest.mark.parametrize(("t", "pairs"), [(1, 1), (2, 4), (4, 18)])
def test_clips_of_other_lengths_have_the_pairs_that_exist(t, pairs):
    assert len(consistency_pairs(t, 2)) == pairs
    assert consistency_pairs(1, 1) == []


def test_gradients_are_those_of_finite_differences():
    out, gt = clip(t=2, channels=3, H=2, W=4)
    loss = make(sharpness=1.0, num_view=1)
    assert torch.autograd.gradcheck(lambda x: loss({"pred": x}, gt), out["pred"].requires_grad_())


def test_flow_is_estimated_on_rgb_and_one_frame_has_no_pair():
    loss = build_loss({"type": "ViewTemporalConsistencyLoss", "num_view": 1})
    gt = torch.rand(1, 1, 3, 20, 24)
    pred = torch.rand_like(gt).requires_grad_()
    assert loss({"pred": pred}, gt) == 0
    two = torch.rand(1, 2, 3, 20, 24)
    assert loss({"pred": two + 0.1 * torch.rand_like(two)}, two).isfinite()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_view": 3}, "num_view must be 1 or 2, got 3"),
        ({"form": "depth"}, "one of direct, difference, got 'depth'"),
        ({"sharpness": -1}, "at least 0, got -1"),
        ({"flow": "spynet"}, "flow must be one of"),
    ],
)
def test_options_that_do_not_exist_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ViewTemporalConsistencyLoss(**options)


def test_depth_without_rgb_is_refused():
    out, gt = clip(channels=2)
    with pytest.raises(
        ValueError, match=r"2 views: RGB \(guide, or gt\) must have 6 channels, got"
    ):
        make(form="difference")(out, gt)
