"""What must hold on every device: run by default on a CPU, with ``pytest -m gpu`` on a card."""

import pytest
import torch

import stdnet_arch  # noqa: F401  before basicsr: spawned processes import this file first

# isort: split
from basicsr.archs import build_network
from torch import distributed
from torch.multiprocessing import spawn

from stdnet_arch.inference.cuda_graph import GraphedNetwork
from stdnet_arch.inference.streams.streaming import stream
from stdnet_arch.ops.deform_sample import deform_backend, deform_sample, modulated_deform_conv

PRECISIONS = [(torch.float32, 1e-5), (torch.float16, 4e-3), (torch.bfloat16, 3e-2)]
TOLERANCE = {"cpu": 1e-5, "cuda": 1e-4}


def relative(got, expected):
    """Error in the 2-norm."""
    expected = expected.double()
    return float((got.detach().cpu().double() - expected).norm() / expected.norm())


def stdnet(device, **options):
    """A narrow STDNet whose offsets are of a pixel or so."""
    made = build_network({"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16, **options})
    for name, parameter in made.named_parameters():
        if "conv_offset_mask" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    return made.to(device).eval()


# ---------------------------------------------------------------------------- deformable sampling


def taps(c, groups, h, w, dtype):
    """x, offset and mask, in values that ``dtype`` holds, with offsets away from kinks."""
    x = torch.randn(2, c, h, w).to(dtype).double()
    offset = (3 * torch.randn(2, 18 * groups, h, w)).floor().double()
    offset += torch.rand(offset.shape).double() * 0.8 + 0.1
    return x, offset, torch.rand(2, 9 * groups, h, w).double()


@pytest.mark.parametrize(("c", "groups", "h", "w"), [(6, 2, 5, 7), (24, 8, 33, 19), (64, 1, 9, 70)])
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_samples_and_gradients_are_those_of_float64(device, c, groups, h, w, dtype, tolerance):
    tensors = taps(c, groups, h, w, dtype)
    upstream = torch.randn(2, c, 9, h, w).to(dtype).double()
    exact = [tensor.clone().requires_grad_() for tensor in tensors]
    expected = deform_sample(*exact, groups=groups, backend="gather")
    gradients = torch.autograd.grad(expected, exact, upstream)
    kinds = (dtype, torch.float32, torch.float32)
    given = [x.to(device, kind).requires_grad_() for x, kind in zip(tensors, kinds, strict=True)]
    got = deform_sample(*given, groups=groups)
    errors = [relative(got, expected.detach())]
    back = torch.autograd.grad(got, given, upstream.to(device, dtype))
    errors += [relative(*pair) for pair in zip(back, gradients, strict=True)]
    assert max(errors) < tolerance, errors


@pytest.mark.parametrize(("maps", "groups"), [(1, 8), (2, 1)])
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_deformable_convolution_is_that_of_float64(device, maps, groups, dtype, tolerance):
    x, offset, mask = taps(maps * 16, groups, 11, 21, dtype)
    weight = (torch.randn(8, 16, 3, 3) / 12).to(dtype).double()
    exact = [tensor.clone().requires_grad_() for tensor in (x, offset, mask, weight)]
    with deform_backend("gather"):
        expected = modulated_deform_conv(*exact, groups=groups)
    upstream = torch.randn(expected.shape).to(dtype).double()
    gradients = torch.autograd.grad(expected, exact, upstream)
    kinds = (dtype, torch.float32, torch.float32, dtype)
    tensors = zip((x, offset, mask, weight), kinds, strict=True)
    given = [tensor.to(device, kind).requires_grad_() for tensor, kind in tensors]
    got = modulated_deform_conv(*given, groups=groups)
    back = torch.autograd.grad(got, given, upstream.to(device, dtype))
    errors = [relative(got, expected.detach())]
    errors += [relative(*pair) for pair in zip(back, gradients, strict=True)]
    assert max(errors) < tolerance, errors


# ---------------------------------------------------------------------------------------- networks


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("chunk", [1, 5])
def test_a_stream_gives_the_whole_clip(device, clip, causal, chunk):
    net = stdnet(device, causal=causal)
    lq, guide = clip(4, 1, 13, 5, 6, device)
    with torch.no_grad():
        whole = net(lq, guide)["pred"][0]
        parts = list(stream(net, zip(lq[0], guide[0], strict=True), chunk))
    torch.testing.assert_close(torch.stack(parts), whole, atol=TOLERANCE[device.type], rtol=0)


@pytest.mark.parametrize("batch", [1, 2])
def test_channels_last_gives_the_same(device, clip, batch):
    net = stdnet(device)
    lq, guide = clip(4, batch, 5, 7, 6, device)
    with torch.no_grad():
        expected = net(lq, guide)["pred"]
        got = net.to(memory_format=torch.channels_last)(lq, guide)["pred"]
    torch.testing.assert_close(got, expected, atol=TOLERANCE[device.type], rtol=0)


def test_training_gradients_are_those_of_the_cpu(device, clip):
    lq, guide = clip(4, 1, 4, 6, 5)
    found = []
    for where in ("cpu", device):
        torch.manual_seed(1)
        net = stdnet(where).train()
        net(lq.to(where), guide.to(where))["pred"].square().mean().backward()
        found.append({name: p.grad for name, p in net.named_parameters() if p.grad is not None})
    errors = {name: relative(found[1][name], grad.cpu()) for name, grad in found[0].items()}
    assert max(errors.values()) < 1e-3, max(errors.items(), key=lambda item: item[1])


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "tolerance"), [(None, 1e-5), *PRECISIONS[1:]])
def test_a_recorded_graph_gives_the_same(clip, dtype, tolerance):
    net = stdnet("cuda").to(memory_format=torch.channels_last)
    graph = GraphedNetwork(net, *clip(4, 1, 5, 12, 9, "cuda"), dtype)
    other = clip(4, 1, 5, 12, 9, "cuda")
    with torch.no_grad():
        assert relative(graph(*other), net(*other)["pred"].cpu()) < tolerance


@pytest.mark.gpu
def test_compiled_it_gives_the_same(clip):
    net = stdnet("cuda", num_block=(1, 1), num_round=1)
    given = clip(4, 1, 3, 12, 9, "cuda")
    with torch.no_grad():
        got = torch.compile(net, dynamic=False)(*given)["pred"]
        assert relative(got, net(*given)["pred"].cpu()) < 1e-4


# ---------------------------------------------------------------------------------- data parallel


def train_in_parallel(rank, world, device, folder):
    """One step of a clip per process; the first one compares gradients with those of one batch."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.set_num_threads(1)
    where = torch.device(device, rank) if device == "cuda" else torch.device(device)
    backend = "nccl" if device == "cuda" else "gloo"
    if device == "cuda":
        torch.cuda.set_device(where)
    distributed.init_process_group(backend, f"file://{folder}/store", rank=rank, world_size=world)
    torch.manual_seed(0)
    net = stdnet(where).train()
    lq, guide = torch.rand(world, 3, 1, 4, 5), torch.rand(world, 3, 3, 16, 20)
    wanted = net(lq.to(where), guide.to(where))["pred"].square().mean()
    parameters = [p for p in net.parameters() if p.requires_grad]
    expected = torch.autograd.grad(wanted, parameters, allow_unused=True)
    parallel = torch.nn.parallel.DistributedDataParallel(
        net, device_ids=[rank] if device == "cuda" else None, find_unused_parameters=True
    )
    own = slice(rank, rank + 1)
    parallel(lq[own].to(where), guide[own].to(where))["pred"].square().mean().backward()
    for parameter, grad in zip(parameters, expected, strict=True):
        if grad is not None:
            torch.testing.assert_close(parameter.grad, grad, atol=1e-4, rtol=1e-3)
    distributed.destroy_process_group()


@pytest.mark.parametrize("world", [1, 2])
def test_processes_find_the_gradients_of_one(device, world, tmp_path):
    if device.type == "cuda" and torch.cuda.device_count() < world:
        pytest.skip(f"needs {world} cards")
    spawn(train_in_parallel, (world, device.type, str(tmp_path)), nprocs=world)
