"""Folded convolutions against the two they stand for."""

import pytest
import torch
import torch.nn.functional as F

from stdnet_arch.ops.fold import fold_pointwise


@pytest.mark.parametrize("biased", [True, False])
def test_one_convolution_equals_two_at_every_pixel(biased):
    x = torch.rand(2, 3, 5, 6, dtype=torch.float64)
    weight, point = torch.randn(4, 3, 3, 3).double(), torch.randn(7, 4, 1, 1).double()
    bias, point_bias = (torch.randn(n).double() if biased else None for n in (4, 7))
    expected = F.conv2d(F.conv2d(x, weight, bias, padding=1), point, point_bias)
    folded = F.conv2d(x, *fold_pointwise(weight, bias, point, point_bias), padding=1)
    torch.testing.assert_close(folded, expected, atol=1e-12, rtol=0)


def test_autocast_does_not_round_what_is_folded():
    weight, point = torch.randn(4, 3, 3, 3), torch.randn(7, 4, 1, 1)
    expected = fold_pointwise(weight, None, point)
    with torch.autocast("cpu", torch.bfloat16):
        folded = fold_pointwise(weight, None, point)
    assert torch.equal(folded[0], expected[0])
    assert folded[0].dtype == torch.float32
