"""Gradients of slices against a loop over cells, and of slices one can draw."""

import numpy as np
import pytest
import torch

from stdnet_arch.ops.profile import profile_cells, profile_gradient


def by_loop(clip, axis):
    """Gradients of every cell; ``clip`` is (t, H, W)."""
    t, H, W = clip.shape
    dy, dx = (0, 1) if axis == "rows" else (1, 0)
    along = np.zeros((t - 1, H - dy, W - dx))
    over = np.zeros_like(along)
    for i, y, x in np.ndindex(*along.shape):
        a, b = clip[i, y, x], clip[i, y + dy, x + dx]
        c, d = clip[i + 1, y, x], clip[i + 1, y + dy, x + dx]
        along[i, y, x] = (b - a + d - c) / 2
        over[i, y, x] = (c - a + d - b) / 2
    return along, over


@pytest.mark.parametrize("slices", ["rows", "columns"])
def test_gradients_are_those_of_the_cells(slices):
    clip = torch.randn(2, 3, 1, 4, 5, dtype=torch.float64)
    got = profile_gradient(clip, slices)
    for b in range(2):
        expected = by_loop(clip[b, :, 0].numpy(), slices)
        assert all(np.allclose(g[b, :, 0], e) for g, e in zip(got, expected, strict=True))


def test_a_moving_ramp_is_a_slanted_line():
    # Depth 2 per pixel, moving by 3 pixels per frame to the right.
    place = torch.arange(6.0) - 3 * torch.arange(4.0)[:, None]
    clip = (2 * place)[:, None, None].expand(4, 1, 5, 6)
    along, over_time = profile_gradient(clip, "rows")
    assert (along == 2).all()
    assert (over_time == -6).all()
    assert (profile_gradient(clip, "columns")[0] == 0).all()


@pytest.mark.parametrize("slices", ["rows", "columns"])
def test_a_cell_counts_with_all_of_its_pixels(slices):
    mask = torch.rand(3, 1, 4, 5) < 0.7
    # The mean of four ones is 1 only if none is missing.
    step = (0, 1) if slices == "rows" else (1, 0)
    t, H, W = 2, 4 - step[0], 5 - step[1]
    four = [mask[i : i + t, :, y : y + H, x : x + W] for i in (0, 1) for y, x in ((0, 0), step)]
    assert torch.equal(profile_cells(mask, slices), torch.stack(four).float().mean(0) == 1)


@pytest.mark.parametrize("shape", [(1, 1, 3, 4), (3, 1, 3, 1)])
def test_without_a_neighbor_there_is_no_cell(shape):
    along, over_time = profile_gradient(torch.rand(shape), "rows")
    assert along.numel() == over_time.numel() == 0


def test_other_slices_are_refused():
    with pytest.raises(ValueError, match="rows, columns, got 'diagonals'"):
        profile_gradient(torch.rand(2, 1, 3, 4), "diagonals")
