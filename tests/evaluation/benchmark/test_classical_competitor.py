"""Classical competitors: what each adds to interpolation."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stdnet_arch.evaluation.benchmark.competitor import build_competitor


@pytest.fixture
def edge():
    """A wall at 2 m beside one at 6 m, the edge inside a column of depth pixels; RGB shows it."""
    truth_m = np.full((2, 32, 40), 2.0, np.float32)
    truth_m[:, :, 18:] = 6.0
    rgb = np.where(truth_m[..., None] > 4, 0.9, 0.1) * np.ones(3, np.float32)
    lq_m = truth_m.reshape(2, 8, 4, 10, 4).mean((2, 4))
    return lq_m, rgb.astype(np.float32), truth_m


def rmse(competitor, edge):
    lq_m, rgb, truth_m = edge
    competitor = build_competitor({"scale": 4, **competitor})
    return np.sqrt(np.mean((competitor.infer(lq_m, rgb) - truth_m) ** 2))


@pytest.mark.parametrize("kind", ["JointBilateral", "GuidedFilter", "FastGlobalSmoother"])
def test_the_edge_of_the_rgb_sharpens_the_depth(kind, edge):
    assert rmse({"type": kind}, edge) < 0.9 * rmse({"type": "Interpolated"}, edge)


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_interpolation_is_pytorchs(mode):
    lq_m, rgb = torch.rand(3, 4, 5), torch.rand(3, 16, 20, 3)
    got = build_competitor({"type": "Interpolated", "scale": 4, "mode": mode}).infer(lq_m, rgb)
    expected = F.interpolate(lq_m[None], scale_factor=4, mode=mode)[0]
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_flicker_of_one_step_is_smoothed_over_time():
    lq_m = 5 + 0.09 * (torch.arange(20) % 2).float()[:, None, None].expand(20, 2, 3)
    rgb = torch.rand(20, 8, 12, 3)
    got = build_competitor({"type": "TemporalRecursive", "scale": 4}).infer(lq_m, rgb)
    assert np.ptp(got[10:]) < 0.5 * np.ptp(lq_m.numpy())


@pytest.mark.parametrize("kind", ["JointBilateral", "GuidedFilter", "FastGlobalSmoother"])
def test_frames_do_not_mix(kind):
    lq_m, rgb = torch.rand(3, 6, 7) + 1, torch.rand(3, 24, 28, 3)
    competitor = build_competitor({"type": kind, "scale": 4})
    alone = competitor.infer(lq_m[1:2], rgb[1:2])
    np.testing.assert_allclose(competitor.infer(lq_m, rgb)[1:2], alone, atol=1e-6)
