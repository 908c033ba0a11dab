"""Deformable sampling against loops written from the formula, and against torchvision."""

import math

import pytest
import torch
from torchvision.ops import deform_conv2d

from stdnet_arch.ops import deform_sample as deform_module
from stdnet_arch.ops.deform_sample import deform_sample, modulated_deform_conv

BACKENDS = ["grid_sample", "gather"]


def bilinear(plane, y, x):
    """One value between pixels; pixels outside are 0."""
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]:
                total += plane[row, column] * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


def sample_by_loops(x, offset, mask, kernel, padding, dilation, groups):
    b, c = x.shape[:2]
    h, w = offset.shape[-2:]
    out = torch.zeros(b, c, kernel * kernel, h, w, dtype=x.dtype)
    for i, j, tap, row, column in torch.cartesian_prod(
        *(torch.arange(n) for n in (b, c, kernel * kernel, h, w))
    ).tolist():
        channel = (j // (c // groups)) * kernel * kernel + tap
        y = row - padding + (tap // kernel) * dilation + offset[i, 2 * channel, row, column].item()
        z = column - padding + (tap % kernel) * dilation
        z += offset[i, 2 * channel + 1, row, column].item()
        out[i, j, tap, row, column] = bilinear(x[i, j], y, z) * mask[i, channel, row, column]
    return out


def inputs(groups, kernel=3, dtype=torch.float64):
    """All sizes differ, so that no axis can stand in for another."""
    x = torch.rand(2, 3 * groups, 4, 5, dtype=dtype)
    offset = 3 * torch.randn(2, 2 * groups * kernel**2, 4, 5, dtype=dtype)
    return x, offset, torch.rand(2, groups * kernel**2, 4, 5, dtype=dtype)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("kernel", "padding", "dilation"), [(3, 1, 1), (3, 2, 2), (1, 0, 1)])
def test_equals_the_loops(backend, groups, kernel, padding, dilation):
    x, offset, mask = inputs(groups, kernel)
    geometry = {"kernel": kernel, "padding": padding, "dilation": dilation, "groups": groups}
    got = deform_sample(x, offset, mask, **geometry, backend=backend)
    torch.testing.assert_close(got, sample_by_loops(x, offset, mask, **geometry), atol=1e-9, rtol=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_are_those_of_finite_differences(backend):
    x, offset, mask = inputs(groups=2)
    # Away from whole pixels, where bilinear interpolation has a kink.
    offset = offset.floor() + offset.frac().abs() * 0.8 + 0.1
    tensors = [tensor[..., :3, :2].clone().requires_grad_() for tensor in (x, offset, mask)]
    assert torch.autograd.gradcheck(
        lambda *t: deform_sample(*t, groups=2, backend=backend), tensors, atol=1e-6
    )


@pytest.mark.parametrize("masked", [True, False])
def test_deform_conv_and_its_gradients_equal_torchvision(masked):
    x, offset, mask = inputs(groups=1, dtype=torch.float32)
    weight, bias = torch.randn(6, 3, 3, 3), torch.randn(6)
    leaves = [tensor.requires_grad_() for tensor in (x, offset, mask, weight, bias)]
    mask = mask if masked else None
    ours = modulated_deform_conv(x, offset, mask, weight, bias)
    theirs = deform_conv2d(x, offset, weight, bias, padding=1, mask=mask)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    upstream = torch.randn_like(ours)
    used = [leaf for leaf in leaves if masked or leaf is not leaves[2]]
    for a, b in zip(
        torch.autograd.grad(ours, used, upstream),
        torch.autograd.grad(theirs, used, upstream),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_maps_that_share_offsets_are_convolved_in_one_call():
    x, offset, mask = inputs(groups=1)
    other, weight = torch.rand_like(x), torch.randn(7, 3, 3, 3, dtype=x.dtype)
    joint = modulated_deform_conv(torch.cat((x, other), 1), offset, mask, weight)
    apart = [modulated_deform_conv(each, offset, mask, weight) for each in (x, other)]
    torch.testing.assert_close(joint, torch.cat(apart, 1))


@pytest.mark.parametrize("values", [1, 3 * 9 * 4 * 5, 1 << 25])
@pytest.mark.parametrize("masked", [True, False])
def test_without_gradients_a_few_samples_at_a_time_give_the_same(monkeypatch, values, masked):
    x, offset, mask = inputs(groups=1)
    arguments = offset, mask if masked else None, torch.randn(6, 3, 3, 3, dtype=x.dtype)
    whole = modulated_deform_conv(x, *arguments)
    calls = []
    sample = deform_module.deform_sample
    monkeypatch.setattr(deform_module, "COLUMN_VALUES", values)
    monkeypatch.setattr(
        deform_module, "deform_sample", lambda *a, **k: calls.append(len(a[0])) or sample(*a, **k)
    )
    with torch.no_grad():
        torch.testing.assert_close(modulated_deform_conv(x, *arguments), whole)
    assert calls == ([2] if values == 1 << 25 else [1, 1])


def test_positions_stay_exact_under_autocast():
    # In bfloat16 positions beyond 256 are whole pixels at best.
    x = torch.rand(1, 1, 2, 600)
    offset = torch.full((1, 2, 2, 600), 0.25)
    exact = deform_sample(x, offset, kernel=1, padding=0)
    with torch.autocast("cpu", torch.bfloat16):
        rough = deform_sample(x, offset, kernel=1, padding=0)
    torch.testing.assert_close(rough, exact, atol=1e-5, rtol=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_bfloat16_values_are_sampled(backend):
    x, offset, mask = inputs(groups=1, dtype=torch.float32)
    rough = deform_sample(x.bfloat16(), offset, mask, backend=backend)
    assert rough.dtype == torch.bfloat16
    exact = deform_sample(x, offset, mask, backend=backend)
    torch.testing.assert_close(rough.float(), exact, atol=2e-2, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": torch.zeros(2, 17, 4, 5)}, "offset must have 18 channels, got 17"),
        ({"mask": torch.zeros(2, 8, 4, 5)}, "mask must have 9 channels, got 8"),
        ({"offset": torch.zeros(3, 18, 4, 5)}, "offset must have x's batch 2, got 3"),
        ({"groups": 2}, "x must have a multiple of 2 channels"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    x, offset, mask = inputs(groups=1, dtype=torch.float32)
    arguments = {"x": x, "offset": offset, "mask": mask} | change
    with pytest.raises(ValueError, match=message):
        deform_sample(**arguments)


def test_wrong_number_of_blocks_is_named():
    x, offset, mask = inputs(groups=1)
    with pytest.raises(ValueError, match="multiple of 2 channels"):
        modulated_deform_conv(x, offset, mask, torch.zeros(4, 2, 3, 3, dtype=x.dtype))
