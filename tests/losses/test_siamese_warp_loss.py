"""The siamese losses against loops written from the formulas."""

import math

import pytest
import torch
from basicsr.losses import build_loss
from flow_loop import look_up

from stdnet_arch.losses.flow import NeighborFlow
from stdnet_arch.losses.siamese_warp_loss import (
    SiameseWarpLoss,
    SiameseWarpPixelLoss,
    warp_errors,
)


def clips(b=2, t=3, h=5, w=7, c=1):
    """Prediction, truth, mask and flow; double, all sizes differ."""
    pred, gt = (torch.rand(b, t, c, h, w, dtype=torch.float64) for _ in range(2))
    flow = torch.randn(b, t - 1, 2, h, w, dtype=torch.float64)
    return pred, gt, torch.rand(b, t, 1, h, w) > 0.15, flow


def by_loop(pred, gt, valid, flow, form):
    """Means of the squares of both errors over the pixels that count."""
    sums, count = [0.0, 0.0], 0
    for i, k, y, x in torch.nonzero(valid[:, :-1, 0]).tolist():
        later, later_gt = (
            look_up(v[i, k + 1, 0], valid[i, k + 1, 0], flow[i, k], y, x) for v in (pred, gt)
        )
        if later is None:
            continue
        p, g = pred[i, k, 0, y, x].item(), gt[i, k, 0, y, x].item()
        change = g - later_gt if form == "difference" else 0
        sums[0] += (p - later - change) ** 2
        sums[1] += (g - later - change) ** 2
        count += 1
    return [s / count for s in sums]


def pixel_by_loop(pred, gt, valid):
    """Mean over pairs of the squared errors of the one frame and of the other, added."""
    total = 0.0
    for frames in (range(pred.shape[1] - 1), range(1, pred.shape[1])):
        squares = [
            (pred[i, k, 0, y, x] - gt[i, k, 0, y, x]).item() ** 2
            for i, k, y, x in torch.nonzero(valid[:, :, 0]).tolist()
            if k in frames
        ]
        total += sum(squares) / len(squares)
    return total


def test_alpha_weighs_the_sum_of_both_frames():
    # ToSR: L = alpha (|I_t - P_t|^2 + |I_t+1 - P_t+1|^2) + beta ... + gamma ...: one off in red of
    # the first frame, two off in green and blue of the second is 1 + 4 + 4 for every pixel.
    target = torch.full((1, 2, 3, 16, 20), 0.5)
    error = torch.tensor([[1.0, 0, 0], [0, 2, 2]]).view(1, 2, 3, 1, 1)
    loss = SiameseWarpPixelLoss(pixel_weight=1, warp_sr_weight=0, warp_hr_weight=0)
    assert loss(target + error, target).item() == pytest.approx(9)


def test_the_channels_of_every_term_are_summed():
    target = torch.full((1, 2, 3, 16, 20), 0.5)  # nothing moves
    pred = target + torch.tensor([[1.0, 2, 3], [0, 0, 5]]).view(1, 2, 3, 1, 1)
    beta = SiameseWarpPixelLoss(pixel_weight=0, warp_sr_weight=1, warp_hr_weight=0)
    gamma = SiameseWarpPixelLoss(pixel_weight=0, warp_sr_weight=0, warp_hr_weight=1)
    assert beta(pred, target).item() == pytest.approx(1 + 4 + 4)
    assert gamma(pred, target).item() == pytest.approx(25)


def test_a_pixel_of_rgb_counts_if_all_its_channels_do():
    pred, gt, _, flow = clips(c=3)
    valid = torch.rand(gt.shape) > 0.1
    loss = SiameseWarpLoss(pixel_weight=1, criterion="l2")
    whole = valid.all(2, keepdim=True).expand_as(valid)
    reference = loss({"pred": pred}, gt, whole, flow_px=flow)
    torch.testing.assert_close(loss({"pred": pred}, gt, valid, flow_px=flow), reference)


@pytest.mark.parametrize("form", ["difference", "constant"])
def test_the_terms_are_the_formulas(form):
    pred, gt, valid, flow = clips()
    loss = SiameseWarpLoss(
        2, pixel_weight=3, warp_sr_weight=5, warp_hr_weight=7, form=form, criterion="l2"
    )
    sr, hr = by_loop(pred, gt, valid, flow, form)
    pixel = pixel_by_loop(pred, gt, valid)
    got = loss({"pred": pred}, gt, valid, flow_px=flow)
    assert got.item() == pytest.approx(2 * (3 * pixel + 5 * sr + 7 * hr))


def test_the_default_weights_are_the_paper_s():
    loss = SiameseWarpPixelLoss()
    assert (loss.pixel_weight, loss.warp_sr_weight, loss.warp_hr_weight) == (1, 0.8, 0.1)
    assert loss.form == "constant"


def test_the_truth_costs_nothing_even_where_its_depth_changes():
    _, gt, valid, flow = clips()
    assert SiameseWarpLoss()({"pred": gt}, gt, valid, flow_px=flow).item() == pytest.approx(0)
    assert SiameseWarpLoss(form="constant")({"pred": gt}, gt, valid, flow_px=flow).item() > 0.01


def test_an_error_that_goes_along_with_a_thing_does_not_flicker():
    gt = torch.rand(1, 2, 1, 6, 9, dtype=torch.float64)
    gt[:, 1] = gt[:, 0].roll(2, -1)
    flow = torch.tensor([2.0, 0.0], dtype=torch.float64).view(1, 1, 2, 1, 1).expand(1, 1, 2, 6, 9)
    error = torch.rand(1, 1, 1, 6, 9, dtype=torch.float64)
    pred = gt + torch.cat((error, error.roll(2, -1)), 1)
    valid = torch.ones_like(gt, dtype=torch.bool)
    sr, hr, counted = warp_errors(pred, gt, valid, NeighborFlow(flow, None), "difference")
    torch.testing.assert_close(sr, torch.zeros_like(sr))
    assert counted[..., :7].all()
    assert not counted[..., 7:].any()
    torch.testing.assert_close(hr[..., :7], -error[..., :7])


def test_what_is_hidden_in_the_next_frame_does_not_count():
    _, gt, valid, flow = clips()
    there = torch.zeros_like(flow)
    back = torch.zeros_like(flow)
    back[1, 0, 0, 2, 3] = 5  # what comes to this pixel is something else
    *_, counted = warp_errors(gt, gt, valid | True, NeighborFlow(there, back), "constant")
    assert torch.nonzero(~counted[:, :, 0]).tolist() == [[1, 0, 2, 3]]


@pytest.mark.parametrize("form", ["difference", "constant"])
def test_invalid_pixels_do_not_count(form):
    pred, gt, valid, flow = clips()
    loss = SiameseWarpLoss(form=form, pixel_weight=1)
    reference = loss({"pred": pred}, gt, valid, flow_px=flow)
    pred, gt = pred.where(valid, 1e6), gt.where(valid, math.nan)
    torch.testing.assert_close(loss({"pred": pred}, gt, valid, flow_px=flow), reference)


def test_gradients_are_those_of_finite_differences():
    pred, gt, valid, flow = clips(b=1, h=3, w=4)
    loss = SiameseWarpLoss(pixel_weight=0.3)

    def of(pred):
        return loss({"pred": pred}, gt, valid, flow_px=0.4 * flow)

    assert torch.autograd.gradcheck(of, (pred.requires_grad_(),))


def test_nothing_known_costs_nothing_and_pulls_nowhere():
    pred, gt, valid, flow = clips()
    pred.requires_grad_()
    loss = SiameseWarpLoss()({"pred": pred}, gt, valid, flow_px=flow + 100)
    loss.backward()
    assert loss.item() == 0
    assert not pred.grad.any()


def test_one_frame_has_no_pair():
    pred, gt, valid, _ = (x[:, :1] for x in clips())
    assert SiameseWarpLoss()({"pred": pred}, gt, valid).item() == 0


def test_a_guide_gives_the_flow_where_the_batch_has_none():
    pred, gt = torch.rand(1, 2, 1, 16, 20), torch.rand(1, 2, 1, 16, 20)
    guide = torch.full((1, 2, 3, 16, 20), 0.5)
    loss = SiameseWarpLoss(flow="tvl1", criterion="l2", warp_hr_weight=0)
    error = pred - gt  # nothing moves: the flow is zero
    expected = 0.8 * (error[:, 0] - error[:, 1]).square().mean()
    torch.testing.assert_close(loss({"pred": pred}, gt, guide=guide), expected)


def test_the_toolbox_s_form_is_the_paper_s_whole_loss():
    target = torch.full((1, 2, 3, 16, 20), 0.5)  # nothing moves
    pred = torch.rand(1, 2, 3, 16, 20)
    expected = 0.0
    for y in range(16):
        for x in range(20):
            (i_1, i_2), (p_1, p_2) = target[0, :, :, y, x], pred[0, :, :, y, x]
            alpha = (i_1 - p_1).square().sum() + (i_2 - p_2).square().sum()
            beta, gamma = (p_1 - p_2).square().sum(), (i_1 - p_2).square().sum()
            expected += (1.0 * alpha + 0.8 * beta + 0.1 * gamma) / (16 * 20)
    got = build_loss({"type": "SiameseWarpPixelLoss"})(pred, target)
    torch.testing.assert_close(got, expected)


def test_the_toolbox_s_form_refuses_single_images():
    with pytest.raises(ValueError, match="Single images have no motion"):
        SiameseWarpPixelLoss()(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8))


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="form must be one of difference, constant, got 'equal'"):
        SiameseWarpLoss(form="equal")
