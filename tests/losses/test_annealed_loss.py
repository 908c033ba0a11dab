"""The annealed pixel loss against its formula."""

import math

import pytest
import torch
from basicsr.losses import build_loss

from stdnet_arch.losses.annealed_loss import AnnealedPixelLoss


def loss_at(iteration, **options):
    loss = AnnealedPixelLoss(**options)
    loss.set_iteration(iteration)
    return loss


@pytest.mark.parametrize(
    ("iteration", "eps"), [(1, 0.1), (10, 0.1), (20, 0.01), (30, 0.001), (99, 0.001)]
)
def test_eps_shrinks_geometrically_between_two_iterations(iteration, eps):
    schedule = {"eps_start": 0.1, "eps_end": 0.001, "anneal_start": 10, "anneal_end": 30}
    assert loss_at(iteration, **schedule).eps == pytest.approx(eps)


def test_equals_the_formula():
    pred, gt = torch.rand(2, 3, 1, 4, 5), torch.rand(2, 3, 1, 4, 5)
    loss = loss_at(1, eps_start=0.3, anneal_start=5, loss_weight=2)
    total = sum(math.sqrt(d * d + 0.09) - 0.3 for d in (pred - gt).flatten().tolist())
    assert loss(pred, gt).item() == pytest.approx(2 * total / pred.numel(), abs=1e-6)


@pytest.mark.parametrize("error", [1e-4, 0.01])
def test_small_eps_is_the_absolute_error(error):
    loss = loss_at(10, eps_end=1e-9, anneal_end=10)
    pred = torch.full((3, 4), error, dtype=torch.float64)
    assert loss(pred, torch.zeros_like(pred)).item() == pytest.approx(error, rel=1e-4)


def test_invalid_pixels_do_not_count_and_bring_no_gradient():
    pred, gt = torch.rand(2, 5, requires_grad=True), torch.rand(2, 5)
    valid = torch.rand(2, 5) < 0.5
    loss = AnnealedPixelLoss()
    got = loss(pred, gt.where(valid, torch.nan), weight=valid)
    torch.testing.assert_close(got, loss(pred[valid], gt[valid]))
    got.backward()
    assert not pred.grad[~valid].any()
    assert pred.grad.isfinite().all()


def test_gradients_are_those_of_finite_differences():
    pred, gt = torch.rand(2, 5, dtype=torch.float64), torch.rand(2, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(AnnealedPixelLoss(), (pred.requires_grad_(), gt))


@pytest.mark.parametrize(
    "options",
    [{"eps_end": 0}, {"eps_start": 0.1, "eps_end": 0.2}, {"anneal_start": 5, "anneal_end": 5}],
)
def test_schedules_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match="need 0"):
        AnnealedPixelLoss(**options)


def test_the_toolbox_builds_it():
    assert build_loss({"type": "AnnealedPixelLoss", "eps_start": 0.5}).eps == 0.5
