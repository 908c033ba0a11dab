"""Semi-global matching against the published recursion, pixel by pixel."""

import pytest
import torch

from stdnet_arch.ops.matching.semi_global import semi_global

DIRECTIONS = [(0, 1), (0, -1), (1, 0), (-1, 0)]


def path_cost(cost, p1, p2, y, x, dy, dx):
    """``L`` at a pixel for all labels, by recursion to the border."""
    labels, H, W = cost.shape
    before_y, before_x = y - dy, x - dx
    if not (0 <= before_y < H and 0 <= before_x < W):
        return [float(cost[d, y, x]) for d in range(labels)]
    before = path_cost(cost, p1, p2, before_y, before_x, dy, dx)
    least, result = min(before), []
    for d in range(labels):
        ways = [before[d], least + float(p2[y, x])]
        ways += [before[k] + p1 for k in (d - 1, d + 1) if 0 <= k < labels]
        result.append(float(cost[d, y, x]) + min(ways) - least)
    return result


def test_all_four_directions_follow_the_recursion():
    cost = torch.rand(5, 3, 4, dtype=torch.float64)
    p2 = 0.3 + torch.rand(3, 4, dtype=torch.float64)
    expected = torch.tensor([
        [
            [path_cost(cost, 0.1, p2, y, x, dy, dx) for x in range(4)]
            for y in range(3)
        ]
        for dy, dx in DIRECTIONS
    ], dtype=torch.float64).mean(0)  # fmt: skip
    torch.testing.assert_close(semi_global(cost, 0.1, p2), expected.permute(2, 0, 1))


def test_changes_that_cost_nothing_leave_the_best_label():
    cost = torch.rand(6, 5, 7)
    aggregated = semi_global(cost, 0.0, torch.zeros(5, 7))
    assert torch.equal(aggregated.argmin(0), cost.argmin(0))


def test_one_wrong_pixel_is_overruled_by_its_neighbours():
    cost = torch.ones(4, 5, 6)
    cost[1] = 0
    cost[:, 2, 3] = torch.tensor([1, 0.5, 1, 0.0])
    assert cost.argmin(0)[2, 3] == 3
    assert (semi_global(cost, 0.2, torch.full((5, 6), 0.8)).argmin(0) == 1).all()


def test_costs_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"got \(3, 3\) for \(5, 3, 4\)"):
        semi_global(torch.zeros(5, 3, 4), 0.1, torch.zeros(3, 3))
