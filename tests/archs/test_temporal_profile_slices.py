"""Slices, 1-D pixel shuffle and the way back, against loops over indices."""

import numpy as np
import pytest
import torch

from stdnet_arch.archs.temporal_profile.slices import SliceUpsampling, shuffle_along, to_slices


def test_a_slice_is_a_row_over_time_with_the_rows_around_it():
    clip = torch.randn(2, 3, 4, 5, 6)  # b, t, c, h, w
    slices = to_slices(clip).unflatten(0, (2, 5)).unflatten(2, (3, 4))  # b, h, 3, c, t, w
    for b, y, k, c, t, x in np.ndindex(*slices.shape):
        row = y + k - 1
        expected = clip[b, t, c, row, x] if 0 <= row < 5 else 0
        assert slices[b, y, k, c, t, x] == expected


@pytest.mark.parametrize("dim", [2, 3])
def test_shuffling_makes_neighbors_of_channels(dim):
    x = torch.randn(2, 6, 4, 5)
    out = shuffle_along(x, 3, dim)
    for b, c, y, u in np.ndindex(*out.shape):
        place = [y, u]
        place[dim - 2], k = divmod(place[dim - 2], 3)
        assert out[b, c, y, u] == x[b, 3 * c + k, place[0], place[1]]


def test_both_shuffles_are_one_pixel_shuffle():
    x = torch.randn(2, 8, 3, 5)
    both = shuffle_along(shuffle_along(x, 2, 3), 2, 2)
    # Along the width the lower digit of the channel counts, as in the toolbox's.
    torch.testing.assert_close(both, torch.nn.functional.pixel_shuffle(x, 2), rtol=0, atol=0)


@pytest.mark.parametrize(("time_scale", "frames"), [(1, 4), (2, 7)])
def test_slices_become_frames_of_the_asked_size(time_scale, frames):
    layer = SliceUpsampling(2, 5, 3, 1, scale=3, time_scale=time_scale)
    assert layer(torch.randn(2, 4, 2, 6, 7)).shape == (2, frames, 3, 18, 21)


def test_rows_far_apart_do_not_meet():
    layer = SliceUpsampling(1, 4, 2, 2, scale=2, time_scale=1)
    clip = torch.randn(1, 3, 1, 6, 5)
    moved = clip.clone()
    moved[:, :, :, 0] += 1
    change = (layer(moved) - layer(clip)).abs().amax(dim=(0, 1, 2, 4))
    assert (change > 0).tolist() == [True] * 4 + [False] * 8  # rows 0 and 1, twice as high
