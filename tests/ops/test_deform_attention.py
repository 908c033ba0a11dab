"""Attention over the best taps against a loop over pixels, taps, groups and corners."""

import math

import pytest
import torch

from stdnet_arch.ops.deform_attention import attend_best_taps

GROUPS, TOP = 2, 2


@pytest.fixture
def case():
    """Query, key, value ``(2, 4, 3, 5)``, offsets of some pixels, masks; float64."""
    maps = [torch.randn(2, 4, 3, 5, dtype=torch.float64) for _ in range(3)]
    offset = 1.5 * torch.randn(2, 2 * GROUPS * 9, 3, 5, dtype=torch.float64)
    mask = torch.rand(2, GROUPS * 9, 3, 5, dtype=torch.float64)
    return *maps, offset, mask


def bilinear(plane, y, x):
    """One sample of ``(h, w)``, zero outside."""
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]:
                share = (1 - abs(y - row)) * (1 - abs(x - column))
                total += share * plane[row, column].item()
    return total


def tap_values(x, offset, mask, sample, row, column):
    """What each tap of a pixel sees: taps x channels."""
    per_group = x.shape[1] // GROUPS
    seen = torch.zeros(9, x.shape[1], dtype=torch.float64)
    for tap in range(9):
        for channel in range(x.shape[1]):
            group = channel // per_group
            dy, dx = offset[sample, 18 * group + 2 * tap : 18 * group + 2 * tap + 2, row, column]
            place = row - 1 + tap // 3 + dy.item(), column - 1 + tap % 3 + dx.item()
            trust = mask[sample, 9 * group + tap, row, column]
            seen[tap, channel] = trust * bilinear(x[sample, channel], *place)
    return seen


@pytest.mark.parametrize(("sample", "row", "column"), [(0, 0, 0), (1, 2, 4), (0, 1, 2), (1, 0, 3)])
def test_a_pixel_takes_what_the_formula_says(case, sample, row, column):
    query, key, value, offset, mask = case
    out = attend_best_taps(*case, groups=GROUPS, top=TOP)
    keys = tap_values(key, offset, mask, sample, row, column)
    values = tap_values(value, offset, mask, sample, row, column)
    relevance = keys @ query[sample, :, row, column]
    best = relevance.argsort(descending=True)[:TOP]
    weight = relevance[best].exp() / relevance[best].exp().sum()
    assert torch.allclose(out.score[sample, row, column], weight @ relevance[best])
    assert torch.allclose(out.value[sample, :, row, column], weight @ values[best])


def test_with_and_without_gradients_it_is_the_same(case):
    with torch.no_grad():
        lean = attend_best_taps(*case, groups=GROUPS, top=TOP)
    kept = attend_best_taps(*(x.requires_grad_() for x in case), groups=GROUPS, top=TOP)
    torch.testing.assert_close(kept.score, lean.score)
    torch.testing.assert_close(kept.value, lean.value)


def test_gradients_are_those_of_finite_differences(case):
    def both(*inputs):
        return tuple(attend_best_taps(*inputs, groups=GROUPS, top=TOP))

    small = [x[:1, ..., :2, :2].contiguous().requires_grad_() for x in case]
    assert torch.autograd.gradcheck(both, small, atol=1e-5)


def test_all_nine_taps_may_be_kept(case):
    query, key, value, offset, mask = case
    out = attend_best_taps(query, key, value, 0 * offset, 0 * mask + 1, groups=GROUPS, top=9)
    window = value[0, :, 0:3, 1:4].flatten(1)  # all taps of the pixel in row 1, column 2
    weight = (query[0, :, 1, 2] @ key[0, :, 0:3, 1:4].flatten(1)).softmax(0)
    assert torch.allclose(out.value[0, :, 1, 2], window @ weight)
