"""Modulated deformable convolution against torchvision."""

import pytest
import torch
from deform_backends import BACKENDS
from torchvision.ops import deform_conv2d

from stdnet_arch.ops import deform_sample as deform_module
from stdnet_arch.ops.deform import lean_product
from stdnet_arch.ops.deform_conv import ModulatedDeformConv
from stdnet_arch.ops.deform_sample import deform_backend, modulated_deform_conv

GEOMETRIES = [(3, 1, 1), (3, 2, 2), (3, 0, 1), (1, 0, 1), (5, 1, 1)]  # kernel, padding, dilation


@pytest.fixture(params=BACKENDS)
def backend(request):
    """All of the test runs on one backend."""
    with deform_backend(request.param):
        yield request.param


def inputs(groups, kernel=3, padding=1, dilation=1, dtype=torch.float64):
    """x, offset, mask, weight, bias; all sizes differ."""
    h, w = (side + 2 * padding - dilation * (kernel - 1) for side in (6, 7))
    return (
        torch.rand(2, 12, 6, 7, dtype=dtype),
        3 * torch.randn(2, 2 * groups * kernel**2, h, w, dtype=dtype),
        torch.rand(2, groups * kernel**2, h, w, dtype=dtype),
        torch.randn(5, 12, kernel, kernel, dtype=dtype),
        torch.randn(5, dtype=dtype),
    )


def both(tensors, padding=1, dilation=1, groups=1):
    """Ours and torchvision's, each with its gradients."""
    x, offset, mask, weight, bias = leaves = [tensor.requires_grad_() for tensor in tensors]
    geometry = {"padding": padding, "dilation": dilation}
    ours = modulated_deform_conv(x, offset, mask, weight, bias, **geometry, groups=groups)
    theirs = deform_conv2d(x, offset, weight, bias, mask=mask, **geometry)
    upstream = torch.randn_like(ours)
    return [(out, *torch.autograd.grad(out, leaves, upstream)) for out in (ours, theirs)]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("groups", [1, 2, 3, 4, 6, 12])
def test_every_group_count_equals_torchvision_with_gradients(groups):
    ours, theirs = both(inputs(groups), groups=groups)
    torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(("kernel", "padding", "dilation"), GEOMETRIES)
def test_every_geometry_equals_torchvision_with_gradients(kernel, padding, dilation):
    tensors = inputs(2, kernel, padding, dilation)
    ours, theirs = both(tensors, padding, dilation, groups=2)
    torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)


@pytest.mark.usefixtures("backend")
def test_float32_equals_torchvision_to_a_hundred_thousandth():
    ours, theirs = both(inputs(4, dtype=torch.float32), groups=4)
    scale = [each.abs().max() for each in theirs]
    torch.testing.assert_close(
        [a / s for a, s in zip(ours, scale, strict=True)],
        [a / s for a, s in zip(theirs, scale, strict=True)],
        atol=1e-5,
        rtol=0,
    )


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_maps_that_share_offsets_are_convolved_in_one_call(groups):
    x, offset, mask, weight, bias = inputs(groups)
    other = torch.rand_like(x)
    rest = offset, mask, weight, bias
    joint = modulated_deform_conv(torch.cat((x, other), 1), *rest, groups=groups)
    apart = [modulated_deform_conv(each, *rest, groups=groups) for each in (x, other)]
    torch.testing.assert_close(joint, torch.cat(apart, 1))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("masked", [True, False])
def test_gradients_are_those_of_finite_differences(masked):
    x, offset, mask, weight, bias = inputs(2, 3, padding=0)
    # Away from whole pixels, where bilinear interpolation has a kink.
    offset = offset.floor() + offset.frac().abs() * 0.8 + 0.1
    tensors = [t.requires_grad_() for t in (x[:, :4], offset, weight[:2, :4], bias[:2])]
    mask = mask.requires_grad_() if masked else None
    assert torch.autograd.gradcheck(
        lambda x, o, w, b, m=None: modulated_deform_conv(x, o, m, w, b, padding=0, groups=2),
        [*tensors, *([mask] if masked else [])],
        atol=1e-6,
        fast_mode=True,
    )


# One row of one frame, two rows, a frame, both frames at a time: k is 12 * 9, w is 7, h is 6.
@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("values", [1, 2 * 7 * 108, 6 * 7 * 108, 1 << 25])
@pytest.mark.parametrize("masked", [True, False])
def test_bands_of_any_size_give_the_same(monkeypatch, values, masked):
    x, offset, mask, weight, bias = inputs(3)
    arguments = (x, offset, mask if masked else None, weight, bias)
    whole = modulated_deform_conv(*arguments, groups=3)
    monkeypatch.setitem(lean_product.BAND_VALUES, "cpu", values)
    torch.testing.assert_close(modulated_deform_conv(*arguments, groups=3), whole)
    ours, theirs = both(inputs(3), groups=3)
    torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)


@pytest.mark.parametrize("grad", [True, False])
def test_columns_of_the_whole_clip_are_never_in_memory(monkeypatch, grad):
    monkeypatch.setitem(lean_product.BAND_VALUES, "cpu", 2 * 7 * 108)
    sizes = []
    sampler = lean_product.Sampler
    x, offset, mask, weight, bias = inputs(1)
    plain = lean_product.sampled_product

    def watched(*tensors):
        *rest, used = tensors
        seen = sampler(
            used.prepare,
            lambda *a: sizes.append(out := used.columns(*a)) or out,
            used.taps_first,
        )
        return plain(*rest, seen)

    monkeypatch.setattr(deform_module, "sampled_product", watched)
    x.requires_grad_(grad)
    out = modulated_deform_conv(x, offset, mask, weight, bias)
    if grad:
        out.sum().backward()
    assert {each.numel() for each in sizes} == {2 * 7 * 108}


@pytest.mark.parametrize("needed", range(5))
def test_gradients_that_nobody_needs_are_not_made(needed):
    tensors = list(inputs(2))
    tensors[needed].requires_grad_()
    x, offset, mask, weight, bias = tensors
    ours = modulated_deform_conv(x, offset, mask, weight, bias, groups=2)
    theirs = deform_conv2d(x, offset, weight, bias, padding=1, mask=mask)
    grads = [torch.autograd.grad(out.square().sum(), tensors[needed]) for out in (ours, theirs)]
    torch.testing.assert_close(*grads)


def test_offsets_that_are_not_numbers_do_not_end_the_program():
    x, offset, mask, weight, bias = (t.requires_grad_() for t in inputs(1))
    broken = offset.detach().clone()
    broken[0, 3, 1, 2] = float("nan")
    out = modulated_deform_conv(x, broken.requires_grad_(), mask, weight, bias)
    out[1].sum().backward()
    assert x.grad[1].isfinite().all()


def layer(**options):
    """A layer whose offsets and mask are no longer zero."""
    conv = ModulatedDeformConv(4, 6, groups=2, **options)
    torch.nn.init.normal_(conv.conv_offset.weight)
    return conv


@pytest.mark.parametrize("dilation", [1, 2])
def test_the_layer_equals_torchvision(dilation):
    conv, x = layer(dilation=dilation, offset_feat=3), torch.rand(2, 4, 5, 6)
    other = torch.rand(2, 3, 5, 6)
    first, second, mask = conv.conv_offset(other).chunk(3, dim=1)
    offset = torch.cat((first, second), dim=1)
    expected = deform_conv2d(
        x, offset, conv.weight, conv.bias, padding=dilation, dilation=dilation, mask=mask.sigmoid()
    )
    torch.testing.assert_close(conv(x, other), expected, atol=1e-5, rtol=0)


def test_offsets_come_from_the_map_itself_by_default():
    conv, x = layer(), torch.rand(2, 4, 5, 6)
    torch.testing.assert_close(conv(x), conv(x, x))


def test_a_fresh_layer_is_half_a_plain_convolution():
    conv, x = ModulatedDeformConv(4, 6, groups=2), torch.rand(2, 4, 5, 6)
    plain = torch.nn.functional.conv2d(x, conv.weight / 2, padding=1)
    torch.testing.assert_close(conv(x), plain, atol=1e-5, rtol=0)


def test_parameters_have_the_published_names_and_shapes():
    shapes = {name: tuple(p.shape) for name, p in ModulatedDeformConv(64, 64).named_parameters()}
    assert shapes == {
        "weight": (64, 64, 3, 3),
        "bias": (64,),
        "conv_offset.weight": (216, 64, 3, 3),
        "conv_offset.bias": (216,),
    }


def test_bfloat16_works_by_autocast_and_by_itself():
    conv, x = layer(), torch.rand(2, 4, 5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        rough = conv(x)
    exact = conv(x)
    by_itself = conv.bfloat16()(x.bfloat16())
    assert rough.dtype == by_itself.dtype == torch.bfloat16
    errors = [(half.float() - exact).square().mean().sqrt() for half in (rough, by_itself)]
    assert max(errors) < 0.05 * exact.std()


@pytest.mark.usefixtures("backend")
def test_bfloat16_values_and_gradients_are_those_of_torchvision_in_float32():
    tensors = inputs(2, dtype=torch.float32)
    whole = [tensor.requires_grad_() for tensor in tensors]
    half = [tensor.detach().bfloat16().requires_grad_() for tensor in tensors]
    half[1] = whole[1].detach().clone().requires_grad_()  # positions stay exact
    ours = modulated_deform_conv(*half, groups=2)
    theirs = deform_conv2d(*(whole[i] for i in (0, 1, 3, 4)), padding=1, mask=whole[2])
    found = [(ours, *torch.autograd.grad(ours.float().sum(), half))]
    found.append((theirs, *torch.autograd.grad(theirs.sum(), whole)))
    for got, expected in zip(*found, strict=True):
        largest = expected.abs().max()
        torch.testing.assert_close(got.float() / largest, expected / largest, atol=2e-2, rtol=0)


@pytest.mark.slow
def test_it_compiles_without_a_graph_break():
    conv, x = layer(), torch.rand(2, 4, 5, 6)
    compiled = torch.compile(conv, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), conv(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 3}, "in_feat must be a multiple of 3"),
        ({"kernel": 2}, "kernel must be odd, so that sizes stay, got 2"),
    ],
)
def test_layers_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ModulatedDeformConv(4, 6, **{"groups": 2} | options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": torch.zeros(4, 5, 3, 3)}, "x must have a multiple of 5 channels"),
        ({"weight": torch.zeros(4, 12, 3, 1)}, r"weight must be \(c_out, c_in, k, k\), got"),
        ({"weight": torch.zeros(4, 12, 5, 5)}, "offset must have 50 channels .*got 18"),
        ({"bias": torch.zeros(4)}, r"bias must be \(5,\), got \(4,\)"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    names = ("x", "offset", "mask", "weight", "bias")
    arguments = dict(zip(names, inputs(1, dtype=torch.float32), strict=True)) | change
    with pytest.raises(ValueError, match=message):
        modulated_deform_conv(**arguments)


def test_weights_that_do_not_fit_the_groups_are_refused():
    x, offset, mask, weight, bias = inputs(5)
    with pytest.raises(ValueError, match=r"multiple of 5 channels \(groups\), got 12"):
        modulated_deform_conv(x, offset, mask, weight, bias, groups=5)
