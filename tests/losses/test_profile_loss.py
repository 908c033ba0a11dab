"""The profile gradient as a loss, against NumPy, and by what it must not see."""

import numpy as np
import pytest
import torch
from basicsr.losses import build_loss

from stdnet_arch.losses.profile_loss import ProfileGradientLoss


def clip(t=3, dtype=torch.float64):
    gt = torch.rand(2, t, 1, 4, 5, dtype=dtype)
    return {"pred": torch.rand_like(gt)}, gt, torch.rand(gt.shape) < 0.8


def by_numpy(pred, gt, valid, along_weight, time_weight, eps):
    means = []
    for axis in (4, 3):
        error = np.moveaxis((pred - gt)[:, :, 0], axis - 1, 3)
        known = np.moveaxis(valid[:, :, 0], axis - 1, 3)
        dx, dt = np.diff(error, axis=3), np.diff(error, axis=1)
        dx, dt = (dx[:, 1:] + dx[:, :-1]) / 2, (dt[..., 1:] + dt[..., :-1]) / 2
        both = known[:, 1:] & known[:, :-1]
        cells = both[..., 1:] & both[..., :-1]
        cost = np.sqrt(along_weight * dx**2 + time_weight * dt**2 + eps**2) - eps
        means.append(cost[cells].mean())
    return np.mean(means)


@pytest.mark.parametrize(("along", "time"), [(1, 1), (0, 2), (0.5, 0)])
def test_the_loss_is_the_formula(along, time):
    out, gt, valid = clip()
    got = ProfileGradientLoss(3, along, time, eps=0.01)(out, gt, valid)
    expected = by_numpy(out["pred"].numpy(), gt.numpy(), valid.numpy(), along, time, 0.01)
    assert got.item() == pytest.approx(3 * expected, rel=1e-9)


def test_an_error_that_stays_is_no_flicker():
    _, gt, valid = clip()
    out = {"pred": gt + torch.rand(1, 1, 1, 4, 5, dtype=torch.float64)}
    assert ProfileGradientLoss(along_weight=0)(out, gt, valid) == pytest.approx(0, abs=1e-12)
    assert ProfileGradientLoss(time_weight=0)(out, gt, valid) > 0.01


def test_invalid_pixels_do_not_count():
    out, gt, valid = clip()
    loss = ProfileGradientLoss()
    worse = {"pred": out["pred"].where(valid, 1e6)}
    torch.testing.assert_close(loss(worse, gt.where(valid, torch.nan), valid), loss(out, gt, valid))


@pytest.mark.parametrize(("t", "known"), [(1, True), (2, False)])
def test_nothing_to_compare_costs_nothing(t, known):
    out, gt, valid = clip(t)
    out["pred"].requires_grad_()
    loss = ProfileGradientLoss()(out, gt, valid & known)
    loss.backward()
    assert loss == 0
    assert not out["pred"].grad.any()


def test_gradients_are_those_of_finite_differences():
    out, gt, valid = clip()
    loss = ProfileGradientLoss(eps=0.1)
    assert torch.autograd.gradcheck(
        lambda x: loss({"pred": x}, gt, valid), out["pred"].requires_grad_()
    )


def test_it_is_registered():
    built = build_loss({"type": "ProfileGradientLoss", "eps": 0.25, "loss_weight": 3})
    assert isinstance(built, ProfileGradientLoss)
    assert (built.eps, built.loss_weight) == (0.25, 3)


@pytest.mark.parametrize(
    "options", [{"along_weight": -1}, {"along_weight": 0, "time_weight": 0}, {"eps": 0}]
)
def test_options_that_make_no_loss_are_refused(options):
    with pytest.raises(ValueError, match="at least 0 and not both 0, eps positive; got"):
        ProfileGradientLoss(**options)
