"""Spatial and temporal difference against NumPy."""

import numpy as np
import pytest
import torch

from stdnet_arch.ops.difference import spatial_difference, temporal_difference


def resize_by_hand(plane, height, width):
    """Bilinear, half-pixel centres, edges repeated, no antialias."""
    h, w = plane.shape

    def weights(n, m):
        position = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
        low = np.minimum(position.astype(int), n - 1)
        matrix = np.zeros((m, n))
        matrix[np.arange(m), low] += 1 - (position - low)
        matrix[np.arange(m), np.minimum(low + 1, n - 1)] += position - low
        return matrix

    return weights(h, height) @ plane @ weights(w, width).T


@pytest.mark.parametrize(("h", "w"), [(4, 6), (5, 7), (2, 9)])
def test_spatial_difference_is_the_distance_from_the_smooth_version(h, w):
    feat = torch.rand(2, 3, h, w, dtype=torch.float64)
    got = spatial_difference(feat)
    for i, j in np.ndindex(2, 3):
        plane = feat[i, j].numpy()
        smooth = resize_by_hand(resize_by_hand(plane, h // 2, w // 2), h, w)
        np.testing.assert_allclose(got[i, j], np.abs(plane - smooth), atol=1e-12)


def test_flat_features_have_no_spatial_difference():
    assert not spatial_difference(torch.full((1, 2, 4, 6), 0.5)).any()


def test_too_small_features_are_refused():
    with pytest.raises(ValueError, match="at least 2, got 1x6"):
        spatial_difference(torch.rand(1, 2, 1, 6))


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("t", [1, 2, 5])
def test_temporal_difference_compares_frames_step_apart(t, step):
    feat = torch.rand(2, t, 3, 4, 5)
    got = temporal_difference(feat, step)
    expected = [np.abs(feat[:, i + step] - feat[:, i]) for i in range(max(t - step, 0))]
    assert got.shape[1] == len(expected)
    for i, frame in enumerate(expected):
        torch.testing.assert_close(got[:, i], frame)


def test_half_precision_rounds_the_difference_and_not_the_smooth_version():
    feat = (100 + torch.rand(1, 2, 6, 8)).bfloat16()
    exact = spatial_difference(feat.double())
    got = spatial_difference(feat)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.double(), exact, atol=1e-6, rtol=2**-8)
