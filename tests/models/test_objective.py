"""Losses over valid pixels only, through the toolbox's own classes."""

import pytest
import torch
from basicsr.losses import build_loss
from torch import nn

from stdnet_arch.models.objective import Objective, connected_zero, loss_name, masked_pixel_loss

POINTWISE = {
    "L1Loss": lambda d: d.abs(),
    "MSELoss": lambda d: d**2,
    "CharbonnierLoss": lambda d: (d**2 + 1e-12).sqrt(),
}


@pytest.fixture
def pair():
    """Prediction, truth with NaN where not valid, and mask; double, all sizes differ."""
    pred = torch.rand(2, 3, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    valid = torch.rand(pred.shape) > 0.4
    gt = torch.rand_like(pred).where(valid, float("nan")).detach()
    return pred, gt, valid


@pytest.mark.parametrize("kind", POINTWISE)
@pytest.mark.parametrize("frames", [1, 3])
def test_a_pixel_loss_is_the_mean_over_valid_pixels(pair, kind, frames):
    pred, gt, valid = (x[:, :frames] for x in pair)
    total, count = 0.0, 0
    for p, g, v in zip(pred.flatten(), gt.flatten(), valid.flatten(), strict=True):
        if v:
            total, count = total + POINTWISE[kind](p - g).item(), count + 1
    loss = build_loss({"type": kind, "loss_weight": 0.5})
    assert masked_pixel_loss(loss, pred, gt, valid).item() == pytest.approx(0.5 * total / count)


@pytest.mark.parametrize("kind", POINTWISE)
def test_gradients_of_pixels_that_are_not_valid_are_zero(pair, kind):
    pred, gt, valid = pair
    masked_pixel_loss(build_loss({"type": kind}), pred, gt, valid).backward()
    assert torch.equal(pred.grad != 0, valid)


def test_nothing_valid_gives_zeros_with_zero_gradients(pair):
    pred, gt, valid = pair
    extra = torch.rand(2, 3, requires_grad=True)
    losses = Objective({"pixel_opt": nn.L1Loss(), "other_opt": nn.L1Loss()})
    named = losses({"pred": pred, "extra": extra}, gt, torch.zeros_like(valid), iteration=1)
    assert {name: value.item() for name, value in named.items()} == {"l_pix": 0, "l_other": 0}
    sum(named.values()).backward()
    assert torch.equal(pred.grad, torch.zeros_like(pred))
    assert torch.equal(extra.grad, torch.zeros_like(extra))


def test_the_zero_hangs_on_every_output_even_an_empty_one():
    out = {"pred": torch.rand(2, 3, requires_grad=True), "none": torch.rand(0, 4)}
    out["none"].requires_grad_()
    connected_zero(out).backward()
    assert out["none"].grad.shape == (0, 4)
    assert connected_zero({"pred": torch.ones(3)}).item() == 0


def test_other_losses_see_the_outputs_truth_and_mask(pair):
    pred, gt, valid = pair
    seen = []

    class Other(nn.Module):
        def forward(self, out, gt, valid=None):
            seen.append((out, gt, valid))
            return out["pred"].sum()

    named = Objective({"other_opt": Other()})({"pred": pred}, gt, valid, iteration=1)
    assert seen[0][0]["pred"] is pred
    assert seen[0][1] is gt
    assert seen[0][2] is valid
    assert torch.equal(named["l_other"], pred.sum())


def test_a_loss_must_be_one_number(pair):
    losses = Objective({"pixel_opt": build_loss({"type": "L1Loss", "reduction": "none"})})
    with pytest.raises(ValueError, match=r"pixel_opt must give a scalar .*got \(2, 3, 1, 4, 5\)"):
        losses({"pred": pair[0]}, pair[1], pair[2], iteration=1)


def test_options_choose_the_losses():
    section = {"total_iter": 3, "pixel_opt": {"type": "MSELoss"}, "difference_opt": None}
    assert list(Objective.from_options(section).losses) == ["pixel_opt"]
    assert section["pixel_opt"] == {"type": "MSELoss"}


@pytest.mark.parametrize(("key", "name"), [("pixel_opt", "l_pix"), ("temporal_opt", "l_temporal")])
def test_names_are_the_toolbox_s(key, name):
    assert loss_name(key) == name


def test_a_loss_is_given_what_it_uses_and_no_more(pair):
    class Aligned(nn.Module):
        uses = ("flow_px", "guide")

        def forward(self, out, gt, valid=None, flow_px=None, guide=None):
            assert guide is None
            return flow_px.sum()

    extras = {"flow_px": torch.ones(2), "pose": torch.ones(3)}
    losses = Objective({"aligned_opt": Aligned()})
    assert losses({"pred": pair[0]}, pair[1], pair[2], 1, extras)["l_aligned"].item() == 2
