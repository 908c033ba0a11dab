"""Cleaning of occlusion masks against flood filling and set arithmetic."""

import numpy as np
import pytest
import torch

from stdnet_arch.ops.matching.occlusion import clean_mask


def parts(plane):
    """The 4-connected parts of a mask, as sets of pixels, by flood filling."""
    left = {tuple(place) for place in np.argwhere(plane)}
    while left:
        part, edge = set(), {left.pop()}
        while edge:
            part |= edge
            around = {
                (y + dy, x + dx) for y, x in edge for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))
            }
            edge = around & left
            left -= edge
        yield part


def without_small(plane, smallest):
    kept = np.zeros_like(plane)
    for place in (place for part in parts(plane) if len(part) >= smallest for place in part):
        kept[place] = True
    return kept


def closed(plane, radius):
    """Pixels that no disk covers without touching the mask; beyond the frame nothing is."""
    span = range(-radius, radius + 1)
    disk = [(y, x) for y in span for x in span if y * y + x * x <= radius * radius]
    true = {tuple(place) for place in np.argwhere(plane)}
    grown = {(y + dy, x + dx) for y, x in true for dy, dx in disk}
    kept = [[all((y + dy, x + dx) in grown for dy, dx in disk) for x in range(plane.shape[1])]
            for y in range(plane.shape[0])]  # fmt: skip
    return np.array(kept)


@pytest.mark.parametrize("share", [0.3, 0.55, 0.7])
def test_cleaning_is_islands_then_holes_then_closing(share):
    mask = torch.rand(2, 1, 13, 17) < share
    got = clean_mask(mask, smallest_island=5, smallest_hole=3, radius=2)
    for plane, result in zip(mask[:, 0].numpy(), got[:, 0].numpy(), strict=True):
        islands = without_small(plane, 5)
        expected = closed(~without_small(~islands, 3), 2)
        assert np.array_equal(result, expected)


def test_the_defaults_are_those_of_the_paper():
    mask = torch.zeros(1, 1, 20, 30, dtype=torch.bool)
    mask[..., :19, 0] = True  # 19 pixels
    mask[..., :20, 14:17] = True  # 60
    mask[..., 5, 15] = False  # a hole of 1
    assert clean_mask(mask)[0, 0].sum(0).nonzero().flatten().tolist() == [14, 15, 16]
    assert clean_mask(mask).sum() == 60


def test_only_masks_are_cleaned():
    with pytest.raises(TypeError, match=r"mask must be bool, got torch.float32"):
        clean_mask(torch.zeros(1, 1, 2, 2))
