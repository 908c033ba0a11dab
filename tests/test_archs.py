"""The battery: every arch of this package, through ``tiny_<Arch>.yml`` and its further modes."""

import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from basicsr.archs import build_network
from basicsr.utils.registry import ARCH_REGISTRY

from stdnet_arch import option_file
from stdnet_arch.archs.contract import contract_of

ROOT = Path(__file__).parent.parent
OURS = sorted(name for name, arch in ARCH_REGISTRY if arch.__module__.startswith("stdnet_arch."))
TINY = sorted((ROOT / "options/tiny").glob("tiny_*.yml"))
FRAMES = 2  # of the chunks in the halo test


def make_net(path):
    """The network of a tiny YAML."""
    opt = option_file.read(path)
    return build_network({**opt["network_g"], "scale": opt["scale"]})


@pytest.fixture(params=TINY, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def net(path):
    """A tiny instance of each arch, in each of its modes; in training, batch norm mixes samples."""
    made = make_net(path).eval()
    for parameter in made.parameters():  # zero-initialised layers would hide what they do not do
        if parameter.ndim > 1 and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    return made


@pytest.fixture
def inputs(net):
    """A function that makes what a network takes: ``lq``, and ``guide`` if it is for depth.

    ``h`` and ``w`` are in units of ``multiple_of``; ``t`` frames are given.
    """
    channels, time_scale = getattr(net, "lq_channels", 1), getattr(net, "time_scale", 1)

    def make(b, t, h, w, device="cpu"):
        h, w = h * net.multiple_of, w * net.multiple_of
        lq = torch.rand(b, t, channels, h, w, device=device)
        if channels != 1:
            return (lq,)
        frames = (t - 1) * time_scale + 1
        return lq, torch.rand(b, frames, 3, h * net.scale, w * net.scale, device=device)

    return make


@pytest.mark.parametrize("name", OURS)
def test_each_arch_has_a_tiny_yaml(name):
    path = ROOT / f"options/tiny/tiny_{name}.yml"
    assert path.exists(), f"each arch needs one options/tiny/*.yml; missing: {path.name}"


@pytest.mark.parametrize(("t", "h", "w"), [(1, 4, 6), (2, 3, 5), (5, 2, 3)])
def test_any_clip_length_and_odd_sides_work(net, inputs, device, t, h, w):
    t = max(t, getattr(net, "min_frames", 1))
    lq, *guide = inputs(2, t, h, w, device)
    pred = net.to(device)(lq, *guide)["pred"]
    frames = (t - 1) * getattr(net, "time_scale", 1) + 1
    H, W = (side * net.scale for side in lq.shape[-2:])
    assert pred.shape == (2, frames, lq.shape[2], H, W)
    assert pred.isfinite().all()


def test_samples_of_a_batch_do_not_mix(net, inputs):
    batch = inputs(3, 4, 2, 3)
    together = net(*batch)["pred"]
    alone = net(*(x[1:2] for x in batch))["pred"]
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=0)


def test_gradient_reaches_every_parameter(net, inputs):
    # Three frames: the fewest with neighbours at both distances. All outputs count: extras have
    # losses of their own.
    out = net(*inputs(1, 3, 4, 6))
    if out["pred"].requires_grad:
        sum((x * torch.randn_like(x)).sum() for x in out.values()).backward()
    unused = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    idle = re.compile(getattr(net, "idle_parameters", "$^"))
    unused = [name for name in unused if not idle.search(name)]
    assert not unused, f"unused parameters: {unused}"


def test_state_dict_round_trip_is_strict(net, path, inputs):
    other = make_net(path).eval()
    other.load_state_dict(net.state_dict(), strict=True)
    given = inputs(1, 3, 2, 3)
    torch.testing.assert_close(other(*given)["pred"], net(*given)["pred"], atol=0, rtol=0)


def test_non_contiguous_input_gives_the_same(net, inputs):
    given = inputs(1, 3, 2, 3)
    strided = [x.transpose(-1, -2).contiguous().transpose(-1, -2) for x in given]
    assert not strided[0].is_contiguous()
    torch.testing.assert_close(net(*strided)["pred"], net(*given)["pred"], atol=1e-5, rtol=0)


def test_declared_halo_is_true(net, inputs):
    # A middle part with its halo equals the same frames of the whole clip.
    if net.halo is None:
        pytest.skip("unbounded by declaration")
    t = 2 * net.halo + FRAMES + 2
    given = inputs(1, t, 2, 3)
    middle = slice(1, t - 1)
    with torch.no_grad():
        whole = net(*given)["pred"][:, middle][:, net.halo :][:, :FRAMES]
        part = net(*(x[:, middle] for x in given))["pred"][:, net.halo :][:, :FRAMES]
    torch.testing.assert_close(part, whole, atol=1e-5, rtol=0)


def test_halo_is_not_larger_than_needed(net, inputs):
    if not net.halo:
        pytest.skip("nothing smaller than no halo")
    t = 2 * net.halo + 1
    lq, *guide = inputs(1, t, 2, 3)
    moved = lq.clone()
    moved[:, 0] = 1 - moved[:, 0]
    with torch.no_grad():
        change = (net(moved, *guide)["pred"] - net(lq, *guide)["pred"]).abs().amax(dim=(0, 2, 3, 4))
    assert change[net.halo] > 0
    assert not change[net.halo + 1 :].any()


def test_a_network_says_whether_it_expects_error(net, inputs):
    with torch.no_grad():
        made = net(*inputs(1, 3, 2, 3))
    assert contract_of(net).expects_error == ("error" in made)


def test_a_causal_network_does_not_look_ahead(net, inputs):
    if not getattr(net, "causal", False):
        pytest.skip("not declared")
    lq, guide = inputs(1, 4, 2, 3)
    with torch.no_grad():
        whole = net(lq, guide)["pred"][:, :2]
        early = net(lq[:, :2], guide[:, :2])["pred"]
    torch.testing.assert_close(early, whole, atol=1e-5, rtol=0)


def rms(x):
    return x.square().mean().sqrt().item()


def made_of_it(net, lq, pred):
    """What a network adds to bilinear depth; of one that makes frames, all but the mean."""
    if getattr(net, "time_scale", 1) != 1:
        return pred - pred.mean((-1, -2), keepdim=True)
    base = F.interpolate(lq.flatten(0, 1), size=pred.shape[-2:], mode="bilinear")
    return pred - base.unflatten(0, lq.shape[:2])


def test_autocast_stays_close_to_float32(net, inputs, device):
    # Measured against what the network itself does: an error of 0.01 may be all of an edge.
    given = inputs(1, 3, 2, 3, device)
    net.to(device)
    with torch.no_grad():
        exact = net(*given)["pred"]
        with torch.autocast(device.type, torch.bfloat16):
            rough = net(*given)["pred"].float()
    assert rms(rough - exact) <= 0.04 * rms(made_of_it(net, given[0], exact)) + 1e-6


def test_inputs_are_not_modified(net, inputs):
    given = inputs(1, 3, 2, 3)
    before = [x.clone() for x in given]
    net(*given)
    assert all(torch.equal(now, then) for now, then in zip(given, before, strict=True))


@pytest.mark.gpu
def test_cuda_equals_cpu(net, inputs):
    given = inputs(1, 3, 2, 3)
    with torch.no_grad():
        expected = net(*given)["pred"]
        got = net.to("cuda")(*(x.to("cuda") for x in given))["pred"].cpu()
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)
