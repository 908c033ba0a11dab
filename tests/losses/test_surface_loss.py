"""Loss of refined depth: the formula in NumPy, and what does not count."""

import numpy as np
import pytest
import torch

from stdnet_arch.losses.surface_loss import SurfaceLoss


def test_it_is_the_mean_distance_over_blocks_of_one_surface():
    generator = torch.Generator().manual_seed(2)
    gt = 2 + 0.05 * torch.rand(2, 3, 1, 12, 20, generator=generator)
    gt[0, 1, 0, 3, 5] = 4  # an edge in a block
    valid = torch.ones_like(gt, dtype=torch.bool)
    valid[1, 2, 0, 8, 0] = False
    gt[1, 2, 0, 8, 0] = float("nan")
    surface = 2 + 0.1 * torch.rand(2, 3, 1, 3, 5, generator=generator)
    surface[0, 0, 0, 1, 1] = 0  # nothing measured
    limit = 0.1 + torch.rand(2, 3, 1, 3, 5, generator=generator)
    terms = []
    for b, t, y, x in np.ndindex(2, 3, 3, 5):
        block = gt[b, t, 0, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4].numpy()
        own = float(surface[b, t, 0, y, x])
        whole = valid[b, t, 0, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4].all()
        if whole and own and block.max() - block.min() < 0.04 * block.mean():
            terms.append(abs(own - block.mean()) / float(limit[b, t, 0, y, x]))
    assert len(terms) == 2 * 3 * 15 - 3
    loss = SurfaceLoss(10, factor=3)({"surface": surface, "limit": limit}, gt, valid)
    assert float(loss) == pytest.approx(3 * np.mean(terms), rel=1e-5)


def test_nothing_that_counts_costs_nothing():
    surface = torch.ones(1, 1, 1, 2, 3, requires_grad=True)
    gt = torch.ones(1, 1, 1, 8, 12)
    loss = SurfaceLoss()({"surface": surface, "limit": gt[..., :2, :3]}, gt, gt < 0)
    loss.backward()
    assert float(loss.detach()) == 0
    assert not surface.grad.any()
