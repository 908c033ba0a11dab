"""PlaneBlend's loss: the formula in NumPy, gradients, what does not count."""

import numpy as np
import pytest
import torch

from stdnet_arch.losses.plane_blend_loss import PlaneBlendLoss


def batch(b=2, t=3, h=8, w=12):
    generator = torch.Generator().manual_seed(5)
    draw = lambda *shape: torch.rand(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    out = {"pred": 1 + draw(b, t, 1, h, w), "error": 0.1 + draw(b, t, 1, h, w)}
    return out, 1 + draw(b, t, 1, h, w), draw(b, t, 1, h, w) > 0.3


def test_it_is_the_sum_of_its_formulas():
    out, gt, valid = batch()
    loss = PlaneBlendLoss(10, robust=3, squared=2, bar=0.5)
    loss.set_iteration(6)
    eps = 0.5 * 0.3 + 0.5 * 0.01
    total, count = 0.0, 0
    pred, error, truth, there = (x.numpy() for x in (out["pred"], out["error"], gt, valid))
    for i, j in np.ndindex(2, 3):
        mean = truth[i, j][there[i, j]].mean()
        e = (pred[i, j] - truth[i, j])[there[i, j]] / mean
        expected = error[i, j][there[i, j]] / mean
        total += (3 * (np.sqrt(e**2 + eps**2) - eps) + 2 * np.minimum(np.abs(e), 3) ** 2).sum()
        total += 0.5 * (np.abs(e) / expected + np.log(expected)).sum()
        count += there[i, j].sum()
    assert float(loss(out, gt, valid)) == pytest.approx(total / count, rel=1e-9)


def test_with_a_level_a_clip_counts_by_the_logarithm_of_its_mean():
    out, gt, valid = batch(b=3)
    valid[2] = False  # a clip of which nothing is known
    plain = PlaneBlendLoss(10, robust=3, squared=2, bar=0)
    alone = [
        float(plain({k: v[i : i + 1] for k, v in out.items()}, gt[i : i + 1], valid[i : i + 1]))
        for i in range(2)
    ]
    expected = np.mean([0.2 * np.log(1 + clip / 0.2) for clip in alone])
    evened = PlaneBlendLoss(10, robust=3, squared=2, bar=0, level=0.2)
    assert float(evened(out, gt, valid)) == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match="level must be at least 0; got -1"):
        PlaneBlendLoss(10, level=-1)


def test_depth_in_another_unit_costs_the_same():
    out, gt, valid = batch()
    loss = PlaneBlendLoss(10)
    ten = {key: 10 * value for key, value in out.items()}
    torch.testing.assert_close(loss(ten, 10 * gt, valid), loss(out, gt, valid))


def test_the_expected_error_is_best_at_the_mean_error():
    gt = torch.ones(1, 1, 1, 4, 5, dtype=torch.float64)
    valid = torch.ones_like(gt, dtype=torch.bool)
    pred = gt + 0.2
    loss = PlaneBlendLoss(10, bar=1)
    costs = [float(loss({"pred": pred, "error": e * gt}, gt, valid)) for e in (0.15, 0.2, 0.25)]
    assert costs[1] == min(costs)


def test_what_is_not_valid_does_not_count():
    out, gt, valid = batch()
    moved = {key: value.where(valid, 7.0) for key, value in out.items()}
    loss = PlaneBlendLoss(10)
    assert torch.equal(loss(moved, gt.where(valid, torch.nan), valid), loss(out, gt, valid))


def test_error_bars_do_not_move_the_prediction():
    out, gt, valid = batch()
    leaves = {key: value.requires_grad_() for key, value in out.items()}
    PlaneBlendLoss(10, robust=0, squared=0, bar=1)(leaves, gt, valid).backward()
    assert not leaves["pred"].grad.any()
    assert leaves["error"].grad.any()


def test_flow_is_held_to_the_true_one_where_it_is_seen():
    out, gt, valid = batch()
    truth = torch.zeros(2, 2, 2, 2, 3, dtype=torch.float64)
    seen = torch.zeros(2, 2, 1, 2, 3, dtype=torch.bool)
    seen[0, 1, 0, 1, 2] = True
    out["flow"] = truth + torch.tensor([3.0, 4.0]).view(2, 1, 1)
    loss, without = PlaneBlendLoss(10, motion=1), PlaneBlendLoss(10, motion=0)
    known = {"flow_to_before_px": truth, "flow_valid": seen}
    cost = loss(out, gt, valid, **known) - without(out, gt, valid, **known)
    assert float(cost) == pytest.approx(0.25 * np.sqrt(25.01))


def test_without_a_true_flow_the_picture_must_fit():
    out, gt, valid = batch(h=16, w=24)
    guide = torch.rand(2, 3, 3, 16, 24, dtype=torch.float64)
    guide[:, 1:] = guide[:, :1]
    out["flow"] = torch.zeros(2, 2, 2, 4, 6, dtype=torch.float64)
    still, without = PlaneBlendLoss(10, motion=1), PlaneBlendLoss(10, motion=0)
    cost = still(out, gt, valid, guide=guide) - without(out, gt, valid, guide=guide)
    assert float(cost) == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="guide or flow_to_before_px"):
        still(out, gt, valid)


def test_eps_shrinks_to_its_end_and_stays():
    loss = PlaneBlendLoss(4, eps_start=0.2, eps_end=0.1)
    seen = []
    for iteration in (1, 3, 5, 9):
        loss.set_iteration(iteration)
        seen.append(loss.eps)
    np.testing.assert_allclose(seen, [0.2, 0.15, 0.1, 0.1])
