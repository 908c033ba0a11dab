"""What DFlowDepth sees of depth, against a loop over neighbourhoods."""

import torch

from stdnet_arch.archs.dflow.depth_parts import DepthHead, QuarterGuideEncoder, localize


def test_depth_is_relative_to_its_neighbourhood():
    lq = torch.rand(2, 1, 6, 9)
    local = localize(lq)
    for row, column in ((0, 0), (2, 8), (5, 4)):
        around = lq[1, 0, max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
        unit = around.max() - around.min() + 0.005
        torch.testing.assert_close(local.unit[1, 0, row, column], unit)
        expected = (lq[1, 0, row, column] - around.mean()) / unit
        torch.testing.assert_close(local.relative[1, 0, row, column], expected)


def test_a_wall_is_flat_and_its_noise_small():
    wall = 0.5 + 0.0005 * torch.rand(1, 1, 6, 9)
    assert localize(wall).relative.abs().max() < 0.1
    assert localize(torch.full((1, 1, 6, 9), 0.5)).relative.abs().max() < 1e-4


def test_what_is_seen_is_about_one_at_most():
    seen = localize(torch.rand(1, 1, 6, 9)).seen()
    assert seen.shape == (1, 2, 6, 9)
    assert seen.abs().max() <= 1.01


def test_no_pixel_of_the_guide_is_lost():
    guide = torch.rand(1, 3, 8, 12, requires_grad=True)
    QuarterGuideEncoder(8)(guide).square().sum().backward()
    assert guide.grad.all()


def test_the_head_starts_at_nothing():
    assert not DepthHead(8, 4)(torch.rand(2, 8, 3, 5), torch.rand(2, 3, 12, 20)).any()
