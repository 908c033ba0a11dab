"""The Triton backend: the tests of all backends in its interpreter, and its compiler."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stdnet_arch.ops.deform_sample import deform_sample, modulated_deform_conv

triton = pytest.importorskip("triton")
HERE = Path(__file__).parent

COMPILE = """
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
import triton
from stdnet_arch.ops.deform import triton_rows

constants = {"HAS_MASK": True, "BLOCK_P": 32, "BLOCK_C": 64}
values = {"grad": "*bf16", "table": "*bf16", "out": "*bf16"}
floats = ("position", "mask", "table_grad", "position_grad", "mask_grad")
types = {**dict.fromkeys(constants, "constexpr"), **dict.fromkeys(floats, "*fp32"), **values}
for kernel in (triton_rows._forward_kernel, triton_rows._backward_kernel):
    signature = {name: types.get(name, "i32") for name in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    assert triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]
"""


def run(*command, **variables):
    """Run Python in a process of its own: kernels are interpreted or compiled from birth."""
    root = str(HERE.parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", **variables}
    if not variables:
        environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [sys.executable, *command], env=environment, cwd=root, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


# The interpreter takes milliseconds per program: by default only a few tests run there.
FEW = "triton and (3-2-2-2 or (True and finite and test_deform_sample) or half_precision or -inf)"


@pytest.mark.parametrize(
    "tests", [pytest.param(FEW, id="few"), pytest.param("triton", id="all", marks=pytest.mark.slow)]
)
def test_the_claims_about_backends_hold_in_the_interpreter(tests):
    files = [str(HERE / file) for file in ("test_deform_sample.py", "test_deform_conv.py")]
    command = ("-m", "pytest", "-q", "-k", tests, "-p", "no:cacheprovider", *files)
    code, text = run(*command, TRITON_INTERPRET="1")
    assert code == 0, text
    assert "passed" in text
    assert "skipped" not in text


def test_the_kernels_compile_for_a_gpu_that_is_not_there():
    code, text = run("-c", COMPILE)
    assert code == 0, text


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float16, 1e-2), (torch.bfloat16, 2e-2)]
)
def test_on_a_gpu_it_equals_the_reference_with_gradients(dtype, tolerance):
    tensors = [
        torch.rand(2, 72, 13, 17),
        2 * torch.randn(2, 144, 13, 17),
        torch.rand(2, 72, 13, 17),
    ]
    found = []
    for backend in ("triton", "gather"):
        x, offset, mask = (tensor.cuda().requires_grad_() for tensor in tensors)
        kind = dtype if backend == "triton" else torch.float32
        out = deform_sample(x.to(kind), offset, mask, groups=8, backend=backend).float()
        found.append((out, *torch.autograd.grad(out.square().mean(), (x, offset, mask))))
    for got, expected in zip(*found, strict=True):
        largest = expected.abs().max()
        torch.testing.assert_close(got / largest, expected / largest, atol=tolerance, rtol=0)


@pytest.mark.gpu
def test_on_a_gpu_it_compiles_without_a_graph_break():
    x, offset, mask = (torch.rand(2, c, 13, 17, device="cuda") for c in (64, 18, 9))
    weight = torch.rand(64, 64, 3, 3, device="cuda")
    compiled = torch.compile(modulated_deform_conv, fullgraph=True)
    expected = modulated_deform_conv(x, offset, mask, weight)
    torch.testing.assert_close(compiled(x, offset, mask, weight), expected, atol=1e-3, rtol=1e-3)
