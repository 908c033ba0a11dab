"""What follows a convolution: one pass, against the formula in float64; the kernel in interpreter,
compiler and, with ``-m gpu``, on a card."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from stdnet_arch.archs.shared.blocks import Activated, PixelShufflePack, convolve, leaky_relu
from stdnet_arch.ops.epilogue import finish_, fuses, is_by_pixel
from stdnet_arch.ops.resize import pixel_shuffle

ROOT = Path(__file__).parent.parent.parent
PARTS = ("bias", "factor", "skip")
CASES = [
    (slope, first, chosen)
    for slope in (1.0, 0.2, 0.0)
    for first in (False, True)
    for count in range(4)
    for chosen in itertools.combinations(PARTS, count)
    if not first or "skip" in chosen
]


@pytest.fixture(autouse=True)
def kernel(monkeypatch):
    """The kernel is taken where it can be."""
    monkeypatch.setenv("STDNET_EPILOGUE", "triton")


def inputs(b=2, c=5, h=3, w=7, device="cpu", dtype=torch.float32):
    """A map of more channels, of which some are finished, and all that can follow."""
    whole = torch.randn(b, c + 4, h, w).to(device, dtype)
    parts = {
        "bias": torch.randn(c).to(device),
        "factor": torch.rand(b, c, 1, 1).to(device),
        "skip": torch.randn(b, c, h, w).to(device, dtype),
    }
    return whole, parts


def formula(x, bias=0.0, slope=1.0, factor=1.0, skip=0.0, skip_first=False):
    """In float64, value by value."""
    bias, factor, skip = (torch.as_tensor(part).double().cpu() for part in (bias, factor, skip))
    x = x.double().cpu() + (bias[:, None, None] if bias.ndim else bias)
    x = x + skip if skip_first else x
    x = torch.where(x > 0, x, slope * x) * factor
    return x if skip_first else x + skip


def chosen_of(parts, chosen):
    return {name: parts[name] for name in chosen}


@pytest.mark.parametrize(("slope", "first", "chosen"), CASES)
def test_it_is_the_formula_in_place_of_some_channels(slope, first, chosen):
    whole, parts = inputs()
    before, given = whole.clone(), chosen_of(parts, chosen)
    got = finish_(whole[:, 3:8], slope=slope, skip_first=first, **given)
    expected = formula(before[:, 3:8], slope=slope, skip_first=first, **given)
    torch.testing.assert_close(got.double(), expected, atol=1e-6, rtol=1e-6)
    assert torch.equal(whole[:, 3:8], got)
    assert torch.equal(whole[:, :3], before[:, :3])
    assert torch.equal(whole[:, 8:], before[:, 8:])


@pytest.mark.parametrize(
    ("x", "is_so"),
    [
        (torch.rand(2, 3, 4, 5), False),
        (torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last), True),
        (torch.rand(2, 8, 4, 5).to(memory_format=torch.channels_last)[:, 2:5], True),
        (torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)[..., 1:], False),
        (torch.rand(2, 3, 1, 5).to(memory_format=torch.channels_last), True),
    ],
)
def test_layouts_are_told_apart(x, is_so):
    assert is_by_pixel(x) is is_so


@pytest.mark.gpu
@pytest.mark.parametrize(("slope", "first", "chosen"), CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 4e-3)])
def test_on_a_card_it_is_the_formula(slope, first, chosen, dtype, tolerance):
    whole, parts = inputs(3, 24, 11, 13, "cuda", dtype)
    whole, parts["skip"] = (
        x.contiguous(memory_format=torch.channels_last) for x in (whole, parts["skip"])
    )
    before, given = whole.clone(), chosen_of(parts, chosen)
    with torch.no_grad():
        got = finish_(whole[:, 3:27], slope=slope, skip_first=first, **given)
    expected = formula(before[:, 3:27], slope=slope, skip_first=first, **given)
    torch.testing.assert_close(got.double().cpu(), expected, atol=tolerance, rtol=2 * tolerance)
    assert torch.equal(whole[:, :3], before[:, :3])


@pytest.mark.parametrize(
    ("said", "grad", "is_so"),
    [
        ("triton", False, True),
        ("torch", False, False),
        (None, False, False),
        ("triton", True, False),
    ],
)
def test_the_kernel_is_for_maps_on_cuda_without_gradients(monkeypatch, said, grad, is_so):
    monkeypatch.delenv("STDNET_EPILOGUE", raising=False)
    if said:
        monkeypatch.setenv("STDNET_EPILOGUE", said)
    monkeypatch.setattr("stdnet_arch.ops.epilogue.has_triton", lambda: True)
    with torch.set_grad_enabled(grad):
        assert fuses(SimpleNamespace(is_cuda=True, dtype=torch.bfloat16)) is is_so
        assert not fuses(torch.rand(1, 2, 3, 4))


INTERPRETED = """
import torch
from stdnet_arch.ops.epilogue_triton import finish_rows
whole = torch.randn(2, 9, 3, 7).contiguous(memory_format=torch.channels_last)
skip = torch.randn(2, 5, 3, 7).contiguous(memory_format=torch.channels_last)
bias, factor = torch.randn(5), torch.rand(2, 5, 1, 1)
x = whole[:, 3:8].clone()
finish_rows(whole[:, 3:8], bias, 0.2, factor, skip, False)
wanted = torch.nn.functional.leaky_relu(x + bias[:, None, None], 0.2) * factor + skip
torch.testing.assert_close(whole[:, 3:8], wanted)
x = whole[:, 3:8].clone()
finish_rows(whole[:, 3:8], None, 0.0, None, skip, True)
torch.testing.assert_close(whole[:, 3:8], torch.relu(x + skip))
"""
COMPILED = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from stdnet_arch.ops.epilogue_triton import _finish_kernel as kernel
flags = ("HAS_BIAS", "ACTIVATES", "HAS_FACTOR", "HAS_SKIP")
constants = {**dict.fromkeys(flags, True), "SKIP_FIRST": False, "BLOCK_R": 16, "BLOCK_C": 256}
types = {"x": "*bf16", "bias": "*fp32", "factor": "*bf16", "skip": "*bf16", "slope": "fp32"}
types |= dict.fromkeys(constants, "constexpr")
signature = {name: types.get(name, "i32") for name in kernel.arg_names}
source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
assert triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]
"""


@pytest.mark.parametrize(("code", "interprets"), [(INTERPRETED, "1"), (COMPILED, "0")])
def test_the_kernel_is_right_in_the_interpreter_and_compiles(code, interprets):
    pytest.importorskip("triton")
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {"PYTHONPATH": os.pathsep.join(paths), "TRITON_INTERPRET": interprets}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# ----------------------------------------------------------------------------- where it is used


@pytest.mark.parametrize("slope", [1.0, 0.1, 0.0])
def test_a_convolution_with_all_that_follows(device, slope):
    conv = torch.nn.Conv2d(6, 5, 3, padding=1, stride=2).to(
        device, memory_format=torch.channels_last
    )
    x = torch.randn(2, 6, 7, 9, device=device).contiguous(memory_format=torch.channels_last)
    skip = torch.randn(2, 5, 4, 5, device=device).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        got = convolve(conv, x, slope, skip).cpu()
    double = conv.double().cpu()
    out = torch.nn.functional.conv2d(x.double().cpu(), double.weight, double.bias, 2, 1)
    expected = torch.where(out > 0, out, slope * out) + skip.double().cpu()
    torch.testing.assert_close(got.double(), expected.detach(), atol=1e-5, rtol=0)


def test_a_row_of_modules_gives_the_same_with_and_without_gradients(device):
    conv, head = torch.nn.Conv2d(3, 8, 3, padding=1), PixelShufflePack(8, 4)
    row = Activated(conv, leaky_relu(), head, leaky_relu(), torch.nn.Conv2d(4, 2, 1)).to(device)
    x = torch.randn(2, 3, 5, 7, device=device)
    expected = row(x).detach()
    row = row.to(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(row(x), expected, atol=1e-5, rtol=0)


def test_a_shuffle_keeps_layout_and_values(device):
    x = torch.randn(2, 12, 3, 5, device=device)
    with torch.no_grad():
        got = pixel_shuffle(x.contiguous(memory_format=torch.channels_last), 2)
    assert torch.equal(got, torch.nn.functional.pixel_shuffle(x, 2))
    assert got.is_contiguous(memory_format=torch.channels_last)
