"""The battery: every arch of this package, through its one ``tiny_<Arch>.yml``."""

from pathlib import Path

import pytest
import torch
import yaml
from basicsr.archs import build_network
from basicsr.utils.registry import ARCH_REGISTRY

ROOT = Path(__file__).parent.parent
OURS = sorted(name for name, arch in ARCH_REGISTRY if arch.__module__.startswith("stdnet_arch."))
FRAMES = 2  # of the chunks in the halo test


@pytest.fixture(params=OURS)
def net(request):
    """A tiny instance of each arch."""
    path = ROOT / f"options/tiny/tiny_{request.param}.yml"
    assert path.exists(), f"each arch needs one options/tiny/*.yml; missing: {path.name}"
    opt = yaml.safe_load(path.read_text())
    made = build_network({**opt["network_g"], "scale": opt["scale"]})
    for parameter in made.parameters():  # zero-initialised layers would hide what they do not do
        if parameter.ndim > 1 and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    return made


@pytest.mark.parametrize(("t", "h", "w"), [(1, 4, 6), (2, 5, 7), (5, 3, 4)])
def test_any_clip_length_and_odd_sides_work(net, clip, device, t, h, w):
    h, w = h * net.multiple_of, w * net.multiple_of
    lq, guide = clip(net.scale, 2, t, h, w, device)
    pred = net.to(device)(lq, guide)["pred"]
    assert pred.shape == (2, t, 1, h * net.scale, w * net.scale)
    assert pred.isfinite().all()


def test_samples_of_a_batch_do_not_mix(net, clip):
    lq, guide = clip(net.scale, 3, 4, 4, 6)
    together = net(lq, guide)["pred"]
    alone = net(lq[1:2], guide[1:2])["pred"]
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=0)


def test_gradient_reaches_every_parameter(net, clip):
    # Three frames: the fewest with neighbours at both distances. All outputs count: extras have
    # losses of their own.
    out = net(*clip(net.scale, 1, 3, 4, 6))
    if out["pred"].requires_grad:
        sum((x * torch.randn_like(x)).sum() for x in out.values()).backward()
    unused = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not unused, f"unused parameters: {unused}"


def test_state_dict_round_trip_is_strict(net, clip):
    path = ROOT / f"options/tiny/tiny_{type(net).__name__}.yml"
    opt = yaml.safe_load(path.read_text())
    other = build_network({**opt["network_g"], "scale": opt["scale"]})
    other.load_state_dict(net.state_dict(), strict=True)
    lq, guide = clip(net.scale, 1, 3, 4, 6)
    torch.testing.assert_close(other(lq, guide)["pred"], net(lq, guide)["pred"], atol=0, rtol=0)


def test_non_contiguous_input_gives_the_same(net, clip):
    lq, guide = clip(net.scale, 1, 3, 4, 6)
    strided = [x.transpose(-1, -2).contiguous().transpose(-1, -2) for x in (lq, guide)]
    assert not strided[0].is_contiguous()
    torch.testing.assert_close(net(*strided)["pred"], net(lq, guide)["pred"], atol=1e-5, rtol=0)


def test_declared_halo_is_true(net, clip):
    # A middle part with its halo equals the same frames of the whole clip.
    if net.halo is None:
        pytest.skip("unbounded by declaration")
    t = 2 * net.halo + FRAMES + 2
    lq, guide = clip(net.scale, 1, t, 2, 3)
    middle = slice(1, t - 1)
    with torch.no_grad():
        whole = net(lq, guide)["pred"][:, middle][:, net.halo :][:, :FRAMES]
        part = net(lq[:, middle], guide[:, middle])["pred"][:, net.halo :][:, :FRAMES]
    torch.testing.assert_close(part, whole, atol=1e-5, rtol=0)


def test_halo_is_not_larger_than_needed(net, clip):
    if not net.halo:
        pytest.skip("nothing smaller than no halo")
    t = 2 * net.halo + 1
    lq, guide = clip(net.scale, 1, t, 2, 3)
    moved = lq.clone()
    moved[:, 0] = 1 - moved[:, 0]
    with torch.no_grad():
        change = (net(moved, guide)["pred"] - net(lq, guide)["pred"]).abs().amax(dim=(0, 2, 3, 4))
    assert change[net.halo] > 0
    assert not change[net.halo + 1 :].any()


@pytest.mark.parametrize("dtype", [torch.bfloat16])
def test_autocast_stays_close_to_float32(net, clip, device, dtype):
    lq, guide = clip(net.scale, 1, 3, 4, 6, device)
    net.to(device)
    with torch.no_grad():
        exact = net(lq, guide)["pred"]
        with torch.autocast(device.type, dtype):
            rough = net(lq, guide)["pred"]
    torch.testing.assert_close(rough.float(), exact, atol=2e-2, rtol=2e-2)


def test_inputs_are_not_modified(net, clip):
    lq, guide = clip(net.scale, 1, 3, 4, 6)
    before = lq.clone(), guide.clone()
    net(lq, guide)
    assert torch.equal(lq, before[0])
    assert torch.equal(guide, before[1])


@pytest.mark.gpu
def test_cuda_equals_cpu(net, clip):
    lq, guide = clip(net.scale, 1, 3, 4, 6)
    with torch.no_grad():
        expected = net(lq, guide)["pred"]
        got = net.to("cuda")(lq.to("cuda"), guide.to("cuda"))["pred"].cpu()
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)
