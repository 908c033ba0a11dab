"""Local planes against a loop from the definition and against planes that are known."""

from itertools import product

import numpy as np
import pytest
import torch

from stdnet_arch.ops import local_planes
from stdnet_arch.ops.local_planes import fit_local_planes


def one_plane(lq, known, row, column, step, radius, rounds):
    """The fit of one pixel, by NumPy's least squares: rows of a ridge stand below the members'."""
    own = lq[row, column]
    plane = np.zeros(3)
    window = [
        (dy, dx)
        for dy, dx in product(range(-radius, radius + 1), repeat=2)
        if 0 <= row + dy < lq.shape[0] and 0 <= column + dx < lq.shape[1]
        if known[row + dy, column + dx] or not (dy or dx)
    ]
    for i in range(rounds + 1):
        rows, right = [], []
        for dy, dx in window:
            off, far = lq[row + dy, column + dx] - own, np.hypot(dx, dy)
            flat, tilted = abs(off), abs(off - plane @ (1, dx, dy))
            first = flat <= (1.6 * step + 0.012 * own) * max(far, 1)
            later = tilted <= 1.1 * step + 0.004 * own
            if later if i else first:
                root = np.sqrt(np.exp(-(far**2) / (2 * (0.75 * radius) ** 2)))
                rows.append(root * np.array([1, dx, dy]))
                right.append(root * off)
        ridge = np.sqrt(local_planes.FLAT)
        rows += [ridge * np.array([0, 1, 0]), ridge * np.array([0, 0, 1])]
        plane = np.linalg.lstsq(np.array(rows), np.array([*right, 0, 0]), rcond=None)[0]
        limit = 0.7 * step + 0.004 * own
        plane[0] = np.clip(plane[0], -limit, limit)
    return plane + (own, 0, 0)


@pytest.mark.parametrize(("step", "radius", "rounds"), [(0.1, 2, 2), (0.0, 1, 0), (0.03, 3, 1)])
def test_it_is_least_squares_over_the_members(step, radius, rounds):
    rng = np.random.default_rng(3)
    ramp = 2 + 0.05 * np.arange(7)[None] + 0.02 * np.arange(6)[:, None]
    lq = np.where(rng.random((6, 7)) < 0.3, ramp + 1.5, ramp) + rng.normal(0, 0.01, (6, 7))
    known = rng.random((6, 7)) > 0.2
    given = torch.from_numpy(lq)[None, None], step, torch.from_numpy(known)[None, None]
    fitted = torch.cat(fit_local_planes(*given, radius, rounds), 1)[0]
    for row, column in [(0, 0), (2, 3), (5, 6), (3, 0), (4, 5)]:
        expected = one_plane(lq, known, row, column, step, radius, rounds)
        np.testing.assert_allclose(fitted[:, row, column], expected, atol=1e-9)


def test_quantisation_of_a_slope_is_undone():
    truth = 3 + 0.031 * torch.arange(24.0).view(1, 1, 1, 24).expand(1, 1, 9, 24)
    step = 0.1
    coarse = (truth / step).round() * step
    inner = slice(4, -4)
    before = (coarse - truth).abs()[..., inner].mean()
    after = (fit_local_planes(coarse, step).depth - truth).abs()[..., inner].mean()
    assert after < 0.5 * before


def test_a_step_of_depth_is_not_crossed():
    lq = torch.full((1, 1, 6, 8), 2.0)
    lq[..., 4:] = 3.0
    planes = fit_local_planes(lq, 0.1)
    torch.testing.assert_close(planes.depth, lq)
    assert not planes.slope_x.any()


def test_planes_scale_with_the_unit():
    lq = 1 + torch.rand(2, 1, 5, 6, dtype=torch.float64)
    step = torch.tensor([0.1, 0.02], dtype=torch.float64)
    for one, ten in zip(
        fit_local_planes(lq, step), fit_local_planes(10 * lq, 10 * step), strict=True
    ):
        torch.testing.assert_close(10 * one, ten)


def test_gradients_are_those_of_finite_differences():
    lq = (2 + 0.05 * torch.rand(1, 1, 4, 5, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tuple(fit_local_planes(x, 0.1)), (lq,))


def test_a_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"must be \(n, 1, h, w\).*got \(2, 4, 5\)"):
        fit_local_planes(torch.rand(2, 4, 5))
