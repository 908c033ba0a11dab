"""Criteria at errors one can do in the head."""

import pytest
import torch

from stdnet_arch.losses.penalty import PENALTIES, read_penalty


@pytest.mark.parametrize(
    ("criterion", "error", "cost"),
    [
        ("l1", -3.0, 3.0),
        ("l2", -3.0, 9.0),
        ("huber", 0.002, 0.000002),
        ("huber", -0.03, 0.01 * (0.03 - 0.005)),
        ("charbonnier", 1e-3, 1e-3 * (2**0.5 - 1)),
    ],
)
def test_costs_are_the_formulas(criterion, error, cost):
    got = read_penalty(criterion)(torch.tensor(error, dtype=torch.float64))
    assert got.item() == pytest.approx(cost)


@pytest.mark.parametrize("criterion", PENALTIES)
def test_gradients_are_those_of_finite_differences(criterion):
    error = torch.tensor([-0.5, -0.004, 0.007, 0.2], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(read_penalty(criterion), (error,))


def test_an_unknown_criterion_is_refused():
    with pytest.raises(ValueError, match="criterion must be one of l1, l2, .*, got 'mse'"):
        read_penalty("mse")
