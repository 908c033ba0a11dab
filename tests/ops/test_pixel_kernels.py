"""Per-pixel kernels against loops."""

import numpy as np
import pytest
import torch

from stdnet_arch.ops.pixel_kernels import apply_pixel_kernels


@pytest.mark.parametrize("side", [1, 3, 5])
def test_equals_the_loops(side):
    feat = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    kernels = torch.randn(2, 3, side * side, 4, 5, dtype=torch.float64)
    padded = np.pad(feat.numpy(), [(0, 0), (0, 0)] + [(side // 2, side // 2)] * 2)
    expected = np.zeros(feat.shape)
    for y, x, dy, dx in np.ndindex(4, 5, side, side):
        kernel = kernels[:, :, dy * side + dx, y, x].numpy()
        expected[:, :, y, x] += kernel * padded[:, :, y + dy, x + dx]
    np.testing.assert_allclose(apply_pixel_kernels(feat, kernels), expected, atol=1e-12)


@pytest.mark.parametrize("taps", [4, 8])
def test_windows_without_a_middle_are_refused(taps):
    with pytest.raises(ValueError, match=f"odd square of taps, got {taps}"):
        apply_pixel_kernels(torch.rand(1, 2, 4, 5), torch.rand(1, 2, taps, 4, 5))


def test_gradients_are_those_of_finite_differences():
    feat = torch.rand(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    kernels = torch.rand(1, 2, 9, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(apply_pixel_kernels, (feat, kernels))
