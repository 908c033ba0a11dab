"""Deformable sampling, every backend, against loops written from the formula."""

import math

import pytest
import torch
from deform_backends import ANYWHERE, BACKENDS

from stdnet_arch.ops.deform_sample import (
    deform_backend,
    deform_sample,
    deform_sample_maps,
    modulated_deform_conv,
    sample_at,
    tap_positions,
)

every_backend = pytest.mark.parametrize("backend", BACKENDS)


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


def inputs(groups=1, kernel=3, padding=1, dilation=1, dtype=torch.float64):
    """x, offset, mask; all sizes differ, so that no axis can stand in for another."""
    h, w = (side + 2 * padding - dilation * (kernel - 1) for side in (4, 5))
    x = torch.rand(2, 3 * groups, 4, 5, dtype=dtype)
    offset = 3 * torch.randn(2, 2 * groups * kernel**2, h, w, dtype=dtype)
    return x, offset, torch.rand(2, groups * kernel**2, h, w, dtype=dtype)


@every_backend
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("kernel", "padding", "dilation"), [(3, 1, 1), (3, 2, 2), (1, 1, 1)])
def test_equals_the_loops(backend, groups, kernel, padding, dilation):
    x, offset, mask = inputs(groups, kernel, padding, dilation)
    geometry = {"kernel": kernel, "padding": padding, "dilation": dilation, "groups": groups}
    got = deform_sample(x, offset, mask, **geometry, backend=backend)
    torch.testing.assert_close(got, sample_by_loops(x, offset, mask, **geometry), atol=1e-9, rtol=0)


@every_backend
@pytest.mark.parametrize("masked", [True, False])
def test_gradients_are_those_of_finite_differences(backend, masked):
    x, offset, mask = inputs(groups=2)
    # Away from whole pixels, where bilinear interpolation has a kink.
    offset = offset.floor() + offset.frac().abs() * 0.8 + 0.1
    used = (x[..., :3, :2], offset[..., :3, :2], mask[..., :3, :2])[: 3 if masked else 2]
    tensors = [tensor.clone().requires_grad_() for tensor in used]
    assert torch.autograd.gradcheck(
        lambda *t: deform_sample(*t, groups=2, backend=backend),
        tensors,
        atol=1e-6,
        fast_mode=True,
    )


@every_backend
def test_whole_offsets_copy_shifted_pixels(backend):
    x, offset, _ = inputs(kernel=1, padding=0)
    offset[:, 0], offset[:, 1] = 1, -2
    expected = torch.zeros_like(x)
    expected[..., :3, 2:] = x[..., 1:, :3]
    got = deform_sample(x, offset, kernel=1, padding=0, backend=backend)
    torch.testing.assert_close(got[:, :, 0], expected)


@every_backend
def test_a_mask_of_zero_gives_zero(backend):
    x, offset, mask = inputs()
    assert not deform_sample(x, offset, 0 * mask, backend=backend).any()


@every_backend
@pytest.mark.parametrize("far", [6.0, -1e9, 3e38, math.inf, -math.inf])
def test_positions_outside_give_zero_and_no_gradient(backend, far):
    x, offset, mask = inputs(dtype=torch.float32)
    leaves = [tensor.requires_grad_() for tensor in (x, torch.full_like(offset, far), mask)]
    sampled = deform_sample(*leaves, backend=backend)
    grads = torch.autograd.grad(sampled.sum(), leaves)
    assert not any(tensor.any() for tensor in (sampled, *grads))


@every_backend
def test_offsets_that_are_not_numbers_spoil_only_their_own_samples(backend):
    x, offset, mask = inputs()
    whole = deform_sample(x, offset, mask, backend=backend)
    offset[0, 4, 1, 2] = math.nan  # dy of tap 2
    spoilt = deform_sample(x, offset, mask, backend=backend)
    spoilt[0, :, 2, 1, 2] = whole[0, :, 2, 1, 2]
    torch.testing.assert_close(spoilt, whole)


@every_backend
def test_memory_order_does_not_matter(backend):
    tensors = inputs(groups=2)
    strided = [tensor.transpose(1, 3).contiguous().transpose(1, 3) for tensor in tensors]
    expected = deform_sample(*tensors, groups=2, backend=backend)
    torch.testing.assert_close(deform_sample(*strided, groups=2, backend=backend), expected)


@every_backend
def test_an_empty_batch_gives_an_empty_batch(backend):
    x, offset, mask = (tensor[:0] for tensor in inputs())
    assert deform_sample(x, offset, mask, backend=backend).shape == (0, 3, 9, 4, 5)


@every_backend
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_values_are_sampled(backend, dtype):
    x, offset, mask = inputs(dtype=torch.float32)
    rough = deform_sample(x.to(dtype), offset, mask, backend=backend)
    assert rough.dtype == dtype
    exact = deform_sample(x, offset, mask, backend=backend)
    torch.testing.assert_close(rough.float(), exact, atol=2e-2, rtol=0)


@every_backend
def test_positions_stay_exact_under_autocast(backend):
    # In bfloat16 positions beyond 256 are whole pixels at best.
    x = torch.rand(1, 1, 2, 600)
    offset = torch.full((1, 2, 2, 600), 0.25)
    exact = deform_sample(x, offset, kernel=1, padding=0, backend=backend)
    with torch.autocast("cpu", torch.bfloat16):
        rough = deform_sample(x, offset, kernel=1, padding=0, backend=backend)
    torch.testing.assert_close(rough, exact, atol=1e-5, rtol=0)


@every_backend
@pytest.mark.parametrize("groups", [1, 2])
def test_maps_sampled_together_equal_maps_sampled_apart(backend, groups):
    x, offset, mask = inputs(groups)
    other = torch.rand(2, 2 * groups, 4, 5, dtype=x.dtype)
    joint = deform_sample_maps((x, other), offset, mask, groups=groups, backend=backend)
    for got, each in zip(joint, (x, other), strict=True):
        apart = deform_sample(each, offset, mask, groups=groups, backend=backend)
        torch.testing.assert_close(got, apart)


@pytest.mark.parametrize("backend", ANYWHERE)
def test_some_taps_can_be_sampled_alone(backend):
    x, offset, mask = inputs(groups=2)
    position = tap_positions(offset, 3, 1, 1, 2, torch.float64)[:, :, [7, 2]]
    some = sample_at(x, position, mask.unflatten(1, (2, 9))[:, :, [7, 2]], backend=backend)
    torch.testing.assert_close(some, deform_sample(x, offset, mask, groups=2)[:, :, [7, 2]])


def test_torchvision_cannot_sample_at_any_position():
    x, offset, _ = inputs()
    position = tap_positions(offset, 3, 1, 1, 1, torch.float64)
    with pytest.raises(ValueError, match="at any position, which torchvision cannot"):
        sample_at(x, position, backend="torchvision")


@pytest.mark.parametrize("backend", ["grid_sample", "gather"])
def test_the_plain_backends_can_be_exported(backend):
    class Net(torch.nn.Module):
        def forward(self, x, offset, mask):
            return deform_sample(x, offset, mask, backend=backend)

    tensors = inputs()
    program = torch.export.export(Net(), tensors)
    other = inputs()
    torch.testing.assert_close(program.module()(*other), Net()(*other))


def test_exporting_takes_a_plain_backend_by_itself():
    class Net(torch.nn.Module):
        def forward(self, x, offset, mask, weight):
            return modulated_deform_conv(x, offset, mask, weight)

    tensors = (torch.rand(1, 32, 4, 5), torch.rand(1, 18, 4, 5), torch.rand(1, 9, 4, 5))
    tensors = (*tensors, torch.rand(6, 32, 3, 3))
    program = torch.export.export(Net(), tensors)
    assert "grid_sampler" in str(program.graph)
    assert "embedding_bag" not in str(program.graph)
    torch.testing.assert_close(program.module()(*tensors), Net()(*tensors), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"offset": torch.zeros(2, 17, 4, 5)}, ValueError, "offset must have 18 channels .*got 17"),
        ({"mask": torch.zeros(2, 8, 4, 5)}, ValueError, "mask must have 9 channels .*got 8"),
        ({"offset": torch.zeros(3, 18, 4, 5)}, ValueError, "offset must have x's batch 2, got 3"),
        ({"offset": torch.zeros(2, 18, 4, 6)}, ValueError, "offset must be 4x5 .* got 4x6"),
        ({"mask": torch.zeros(2, 9, 2, 5)}, ValueError, "mask must be 4x5 .* got 2x5"),
        ({"offset": torch.zeros(18, 4, 5)}, ValueError, r"offset must be \(b, c, h, w\), got"),
        ({"groups": 2}, ValueError, "x must have a multiple of 2 channels"),
        ({"kernel": 0}, ValueError, "at least 1, got 0, 1, 1"),
        ({"backend": "cudnn"}, ValueError, "backend must be one of .*, got 'cudnn'"),
        (
            {"x": torch.zeros(2, 3, 4, 5).int()},
            TypeError,
            "x must be floating point, got torch.int",
        ),
        ({"offset": torch.zeros(2, 18, 4, 5).int()}, TypeError, "offset must be floating point"),
        ({"mask": torch.zeros(2, 9, 4, 5, device="meta")}, ValueError, "x's device cpu, got meta"),
    ],
)
def test_what_does_not_fit_is_named(change, error, message):
    x, offset, mask = inputs(dtype=torch.float32)
    arguments = {"x": x, "offset": offset, "mask": mask} | change
    with pytest.raises(error, match=message):
        deform_sample(**arguments)


@pytest.mark.parametrize(
    ("position", "mask", "message"),
    [
        (torch.zeros(2, 1, 9, 4, 5), None, r"must be \(b, groups, taps, 2, h, w\), got"),
        (torch.zeros(3, 1, 9, 2, 4, 5), None, "x's batch 2, got 3"),
        (torch.zeros(2, 2, 9, 2, 4, 5), None, "multiple of 2 channels"),
        (torch.zeros(2, 1, 9, 2, 4, 5), torch.zeros(2, 9, 4, 5), r"mask must be \(2, 1, 9, 4, 5\)"),
    ],
)
def test_positions_that_do_not_fit_are_named(position, mask, message):
    with pytest.raises(ValueError, match=message):
        sample_at(torch.zeros(2, 3, 4, 5), position, mask)


def test_no_maps_are_named():
    with pytest.raises(ValueError, match="at least one map, got none"):
        deform_sample_maps((), torch.zeros(2, 18, 4, 5))


def test_the_convolution_heeds_the_context():
    x, offset, mask = inputs()
    with deform_backend("torchvision"), pytest.raises(ValueError, match="torchvision cannot"):
        sample_at(x, tap_positions(offset, 3, 1, 1, 1, torch.float64), mask.unflatten(1, (1, 9)))
