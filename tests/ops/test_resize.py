"""Exact size changes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stdnet_arch.ops.resize import (
    area_down,
    fill_in_time,
    pad_to_multiple,
    replicate_up,
    resample,
    unpad,
    upsample,
)


def test_replication_repeats_each_pixel():
    x = torch.rand(2, 3, 1, 4, 5)
    expected = np.kron(x.numpy(), np.ones((1, 1, 1, 3, 3)))
    np.testing.assert_array_equal(replicate_up(x, 3), expected)
    assert replicate_up(x, 1) is x


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_frames_are_upsampled_one_by_one(mode):
    x = torch.rand(2, 3, 1, 4, 5)
    align = None if mode == "nearest" else False
    one = torch.nn.functional.interpolate(x[1, 2:3], scale_factor=4, mode=mode, align_corners=align)
    torch.testing.assert_close(upsample(x, 4, mode)[1, 2:3], one)


def test_no_frames_give_no_frames():
    assert upsample(torch.rand(2, 0, 1, 4, 5), 3, "bicubic").shape == (2, 0, 1, 12, 15)


@pytest.mark.parametrize(("h", "w"), [(4, 8), (5, 8), (4, 9), (7, 6)])
def test_padding_repeats_the_border_and_is_undone(h, w):
    x = torch.rand(2, 3, 1, h, w)
    padded, padding = pad_to_multiple(x, 4)
    bottom, right = -h % 4, -w % 4
    expected = np.pad(x.numpy(), [(0, 0)] * 3 + [(0, bottom), (0, right)], mode="edge")
    np.testing.assert_array_equal(padded, expected)
    torch.testing.assert_close(unpad(replicate_up(padded, 2), padding, 2), replicate_up(x, 2))


def test_masks_can_be_padded():
    padded, _ = pad_to_multiple(torch.tensor([[True, False, True]]), 2)
    assert padded.tolist() == [[True, False, True, True]] * 2


@pytest.mark.parametrize(
    ("mode", "antialias"), [("bilinear", False), ("bilinear", True), ("bicubic", False)]
)
def test_resampling_by_a_whole_factor_is_enlarging(mode, antialias):
    x = torch.rand(2, 3, 5)
    expected = upsample(x[None, None], 4, mode)[0, 0]
    torch.testing.assert_close(resample(x, (12, 20), mode, antialias), expected)


def test_antialiased_halving_is_a_weighted_mean_of_pixels():
    x = torch.rand(1, 2, 8, dtype=torch.float64)
    half = resample(x, (2, 4), "bilinear", antialias=True)
    # A triangle of half-width 2 around the centre between pixels 2 and 3.
    weights = torch.tensor([0.25, 0.75, 0.75, 0.25], dtype=torch.float64) / 2
    torch.testing.assert_close(half[0, :, 1], x[0, :, 1:5] @ weights)


def test_time_is_filled_in_linearly():
    clip = torch.rand(2, 3, 1, 4, 5, dtype=torch.float64)
    filled = fill_in_time(clip).numpy()
    at = np.arange(5) / 2
    expected = np.apply_along_axis(
        lambda values: np.interp(at, np.arange(3), values), 1, clip.numpy()
    )
    np.testing.assert_allclose(filled, expected)


def test_area_down_is_the_mean_of_cells():
    x = torch.rand(2, 3, 1, 6, 20, dtype=torch.float64)
    expected = F.avg_pool2d(x.flatten(0, 1), (3, 4)).unflatten(0, (2, 3))
    torch.testing.assert_close(area_down(x, (2, 5)), expected)
    assert area_down(x, (6, 20)) is x


def test_area_down_refuses_cells_that_are_not_whole():
    with pytest.raises(ValueError, match="whole multiples of 4x5 to be averaged, got 6x20"):
        area_down(torch.rand(6, 20), (4, 5))
