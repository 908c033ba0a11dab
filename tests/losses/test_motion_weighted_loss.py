"""The motion-weighted error against loops written from the formula."""

import math

import pytest
import torch
from basicsr.losses import build_loss
from flow_loop import look_up

from stdnet_arch.losses.flow import NeighborFlow
from stdnet_arch.losses.motion_weighted_loss import (
    MotionWeightedLoss,
    MotionWeightedPixelLoss,
    motion_amount,
    motion_weight,
)


def clips(b=2, t=3, c=1, h=5, w=7):
    """Prediction, truth, mask and flow; double, all sizes differ."""
    pred, gt = (torch.rand(b, t, c, h, w, dtype=torch.float64) for _ in range(2))
    flow = 1.5 * torch.randn(b, t - 1, 2, h, w, dtype=torch.float64)
    return pred, gt, torch.rand(b, t, c, h, w) > 0.3, flow


def length(flow, i, k, y, x):
    return math.hypot(*flow[i, k, :, y, x].tolist())


def test_the_paper_s_weighted_error_is_the_sum_over_pixels():
    pred, gt, valid, flow = clips()
    pairs = (x[:, :2] for x in (pred, gt, valid))
    pred, gt, valid = pairs
    flow = torch.cat((flow[:, :1], flow[:, :1]), 1)  # two frames and, for the last, none
    loss = MotionWeightedLoss(criterion="l2", floor=0, normalize=False)
    total = 0.0
    for i, k, y, x in torch.nonzero(valid[:, :, 0]).tolist():
        error = (pred - gt)[i, k, 0, y, x].item()
        told = [length(flow, i, 0, *p) for p in torch.nonzero(valid[i, 0, 0]).tolist()]
        weight = length(flow, i, 0, y, x) if k == 0 else sum(told) / len(told)
        total += weight * error**2
    got = loss({"pred": pred}, gt, valid, flow_px=flow[:, :1])
    assert got.item() == pytest.approx(total / valid.sum().item())


def test_the_channels_of_a_pixel_are_summed():
    # SoSR's |I(p) - P(p)|^2 of a colour: 0.1, 0.2, 0.3 off is 0.14, and a motion of 5 px weighs 5.
    gt = torch.zeros(1, 2, 3, 4, 6, dtype=torch.float64)
    pred = gt + torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64).view(1, 1, 3, 1, 1)
    flow = torch.tensor([3.0, -4.0], dtype=torch.float64).view(1, 1, 2, 1, 1).expand(1, 1, 2, 4, 6)
    loss = MotionWeightedLoss(criterion="l2", floor=0, normalize=False)
    assert loss({"pred": pred}, gt, flow_px=flow).item() == pytest.approx(5 * 0.14)


def test_floor_and_normalization_are_the_formula():
    amount = torch.rand(2, 3, 1, 4, 5, dtype=torch.float64)
    known = torch.rand(amount.shape) > 0.4
    weight = motion_weight(amount, known, 0.25, normalize=True)
    for i in range(2):
        told = amount[i][known[i]]
        expected = (amount[i] + 0.25 * told.mean()) / (1.25 * told.mean())
        torch.testing.assert_close(weight[i], expected)
        assert weight[i][known[i]].mean().item() == pytest.approx(1)


def test_what_stands_still_keeps_the_floor():
    amount = torch.tensor([0.0, 0.0, 0.0, 4.0]).view(1, 1, 1, 1, 4)
    weight = motion_weight(amount, torch.ones_like(amount, dtype=torch.bool), 1.0, normalize=True)
    assert weight.flatten().tolist() == pytest.approx([0.5, 0.5, 0.5, 2.5])


def test_a_clip_without_motion_weighs_everything_alike():
    still = torch.zeros(2, 3, 1, 4, 5)
    known = torch.ones_like(still, dtype=torch.bool)
    assert torch.equal(motion_weight(still, known, 0.25, normalize=True), torch.ones_like(still))


def test_an_unknown_amount_counts_as_the_mean():
    amount = torch.tensor([2.0, 4.0, math.nan]).view(1, 1, 1, 1, 3)
    known = torch.ones_like(amount, dtype=torch.bool)
    assert motion_weight(amount, known, 0, normalize=False).flatten().tolist() == [2, 4, 3]


def test_the_last_frame_moves_by_the_flow_back_if_that_is_known():
    _, gt, valid, flow = clips()
    back = torch.randn_like(flow)
    amount = motion_amount("flow", gt, valid, NeighborFlow(flow, back))
    assert amount[1, 2, 0, 3, 4].item() == pytest.approx(length(back, 1, 1, 3, 4))
    assert amount[1, 1, 0, 3, 4].item() == pytest.approx(length(flow, 1, 1, 3, 4))


def test_change_of_depth_needs_no_flow():
    _, gt, valid, _ = clips()
    amount = motion_amount("depth_diff", gt, valid, None)
    for i, k, y, x in [(0, 0, 1, 2), (1, 1, 4, 6), (1, 2, 0, 0), (0, 2, 3, 3)]:
        pair = (k, k + 1) if k < 2 else (1, 2)
        both = valid[i, pair[0], 0, y, x] and valid[i, pair[1], 0, y, x]
        expected = (gt[i, pair[1], 0, y, x] - gt[i, pair[0], 0, y, x]).abs().item()
        assert amount[i, k, 0, y, x].item() == pytest.approx(
            expected if both else math.nan, nan_ok=True
        )


def test_motion_in_space_is_the_loop():
    _, gt, valid, flow = clips()
    amount = motion_amount("scene_flow", gt.where(valid, 0), valid, NeighborFlow(flow, None), 20.0)
    for i, k, y, x in torch.nonzero(valid[:, :2, 0]).tolist():
        later = look_up(gt[i, k + 1, 0], valid[i, k + 1, 0], flow[i, k], y, x)
        u, v = flow[i, k, :, y, x].tolist()
        now = gt[i, k, 0, y, x].item()
        moved = (math.nan,) if later is None else (later * u / 20, later * v / 20, later - now)
        expected = math.sqrt(sum(m**2 for m in moved))
        assert amount[i, k, 0, y, x].item() == pytest.approx(expected, nan_ok=True)
    assert amount[:, 2].isnan().all()


OPTIONS = [{}, {"weight": "depth_diff"}, {"weight": "scene_flow", "focal_px": 30.0}]


@pytest.mark.parametrize("options", OPTIONS)
def test_invalid_pixels_do_not_count(options):
    pred, gt, valid, flow = clips()
    loss = MotionWeightedLoss(**options)
    reference = loss({"pred": pred}, gt, valid, flow_px=flow)
    pred, gt = pred.where(valid, 1e6), gt.where(valid, math.nan)
    torch.testing.assert_close(loss({"pred": pred}, gt, valid, flow_px=flow), reference)


@pytest.mark.parametrize("options", OPTIONS)
def test_gradients_are_those_of_finite_differences(options):
    pred, gt, valid, flow = clips(b=1, t=2, h=2, w=3)
    loss = MotionWeightedLoss(**options)

    def of(pred):
        return loss({"pred": pred}, gt, valid, flow_px=flow)

    assert torch.autograd.gradcheck(of, (pred.requires_grad_(),))


def test_equal_clips_cost_nothing():
    _, gt, valid, flow = clips()
    assert MotionWeightedLoss()({"pred": gt}, gt, valid, flow_px=flow).item() == 0


def test_one_frame_is_an_ordinary_mean():
    pred, gt, valid, _ = (x[:, :1] for x in clips())
    loss = MotionWeightedLoss(criterion="l1")({"pred": pred}, gt, valid)
    assert loss.item() == pytest.approx((pred - gt).abs()[valid].mean().item())


def test_the_toolbox_s_form_takes_the_flow_from_the_truth():
    target = torch.rand(1, 2, 3, 16, 20).cumsum(-1) / 20
    target[:, 1] = target[:, 0].roll(1, -1)
    pred = target + 0.1
    loss = build_loss({"type": "MotionWeightedPixelLoss"})
    ours = MotionWeightedLoss(criterion="l2", floor=0, normalize=False, flow="tvl1")
    assert loss(pred, target).item() > 0
    torch.testing.assert_close(loss(pred, target), ours({"pred": pred}, target))


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 3, 1, 8, 8)])
def test_the_toolbox_s_form_refuses_what_is_no_rgb_clip(shape):
    with pytest.raises(ValueError, match="as VideoRecurrentModel has them; got"):
        MotionWeightedPixelLoss()(torch.rand(shape), torch.rand(shape))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": "motion"}, "weight must be one of flow, .*, got 'motion'"),
        ({"floor": -1}, "floor must be at least 0, got -1"),
        ({"weight": "scene_flow"}, "focal_px is required only for weight: scene_flow, got None"),
        ({"focal_px": 3.0}, "focal_px is required .* got 3.0 for flow"),
        ({"criterion": "mse"}, "criterion must be one of"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MotionWeightedLoss(**options)
