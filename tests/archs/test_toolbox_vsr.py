"""The toolbox's networks on depth: the same networks, guided in the right order, at every scale."""

import pytest
import torch
import torch.nn.functional as F
from basicsr.archs import build_network
from basicsr.utils.registry import ARCH_REGISTRY
from torch import nn

from stdnet_arch.archs.shared.flow import SpyNetFlow
from stdnet_arch.archs.toolbox.clip_runs import Hint, frames_around
from stdnet_arch.archs.toolbox.networks import NETWORKS

SMALL = {
    "BasicVSR": {"num_feat": 4, "num_block": 1},
    "IconVSR": {"num_feat": 8, "num_block": 1, "keyframe_stride": 3},
    "BasicVSRPlusPlus": {"mid_channels": 8, "num_blocks": 1},
    "EDVR": {"num_feat": 8, "num_extract_block": 1, "num_reconstruct_block": 1},
    "EDSR": {"num_feat": 4, "num_block": 1},
    "SwinIR": {"embed_dim": 12, "depths": [2], "num_heads": [2], "drop_path_rate": 0.0},
    "DUF": {"num_layer": 16},
}


def make(arch, scale=4, **options):
    return build_network(
        {"type": "ToolboxVSR", "scale": scale, "arch": arch, "options": SMALL.get(arch), **options}
    ).eval()


@pytest.mark.parametrize(
    ("i", "radius", "length", "frames"),
    [
        (2, 2, 5, [0, 1, 2, 3, 4]),
        (0, 2, 5, [2, 1, 0, 1, 2]),
        (4, 3, 5, [1, 2, 3, 4, 3, 2, 1]),
        (1, 3, 2, [0, 1, 0, 1, 0, 1, 0]),
        (0, 2, 1, [0, 0, 0, 0, 0]),
    ],
)
def test_time_runs_back_beyond_the_ends(i, radius, length, frames):
    assert frames_around(i, radius, length) == frames


def test_a_hint_keeps_every_colour():
    rgb = torch.rand(2, 3, 3, 8, 12)
    hint = Hint.of(rgb)
    assert torch.equal(F.pixel_shuffle(hint.packed, 4), rgb)
    torch.testing.assert_close(hint.small[1, 2, 1, 1, 2], rgb[1, 2, 1, 4:, 8:].mean())


@pytest.mark.parametrize("arch", ["EDSR", "EDVR", "DUF"])
def test_unguided_it_is_the_toolboxs_network(arch, clip):
    ours = make(arch, is_guided=False)
    stock = ARCH_REGISTRY.get(arch)(**SMALL[arch], **image_options(arch)).eval()
    stock.load_state_dict(ours.net.state_dict(), strict=True)
    lq, guide = clip(4, 2, 7, 4, 8)
    x = lq.expand(-1, -1, 3, -1, -1)
    middle = {"EDSR": x[:, 3], "EDVR": x[:, 1:6], "DUF": x}[arch]
    expected = stock(middle.contiguous()).mean(1, keepdim=True)
    if arch == "EDSR":
        expected = expected + F.interpolate(lq[:, 3], scale_factor=4, mode="bilinear")
    torch.testing.assert_close(ours(lq, guide)["pred"][:, 3], expected, atol=1e-5, rtol=0)


def image_options(arch):
    plain = {"num_in_ch": 3, "num_out_ch": 3, "img_range": 1.0, "rgb_mean": (0.0, 0.0, 0.0)}
    return plain if arch == "EDSR" else {}


def test_unguided_recurrent_networks_are_the_toolboxs(clip):
    ours, stock = (
        make("BasicVSR", is_guided=False),
        ARCH_REGISTRY.get("BasicVSR")(**SMALL["BasicVSR"]),
    )
    state = {k.replace("spynet.spynet.", "spynet."): v for k, v in ours.net.state_dict().items()}
    stock.load_state_dict(state, strict=True)
    lq, guide = clip(4, 1, 3, 36, 34)
    with torch.no_grad():
        # Stock SPyNet resizes such frames to 64 x 64, ours extends them: no flow, no difference.
        for parameter in (*ours.net.spynet.parameters(), *stock.spynet.parameters()):
            parameter.zero_()
        expected = stock(lq.expand(-1, -1, 3, -1, -1).contiguous()).mean(2, keepdim=True)
        torch.testing.assert_close(ours(lq, guide)["pred"], expected, atol=1e-5, rtol=0)


def test_plus_plus_is_its_own_forward_where_that_takes_the_frames(clip):
    ours = make("BasicVSRPlusPlus", is_guided=False)
    lq, guide = clip(4, 1, 3, 65, 70)
    x = lq.expand(-1, -1, 3, -1, -1).contiguous()
    with torch.no_grad():
        expected = ours.net(x).mean(2, keepdim=True)
        torch.testing.assert_close(ours(lq, guide)["pred"], expected, atol=1e-6, rtol=0)


def cancel_guide(net):
    """Guide weights that take away what the depth adds where both are equal."""
    for name in NETWORKS[net.arch].entries:
        guided = net.net.get_submodule(name)
        nn.init.zeros_(guided.guide_conv.weight)
        guided.guide_conv.weight.data[:, :3] = -guided.conv.weight.data[:, :3]


def equal_clip(t, h, w):
    """Depth, and RGB whose every colour is the depth of its pixel."""
    lq = torch.rand(1, t, 1, h, w)
    rgb = lq.repeat_interleave(4, -1).repeat_interleave(4, -2)
    return lq, rgb.expand(-1, -1, 3, -1, -1)


@pytest.mark.parametrize(
    ("arch", "t"),
    [
        ("BasicVSR", 3),
        ("IconVSR", 7),
        ("IconVSR", 3),
        ("BasicVSRPlusPlus", 3),
        ("EDVR", 4),
        ("SwinIR", 2),
    ],
)
def test_every_call_sees_the_guide_of_its_own_frame(arch, t):
    # A guide of another frame or pixel would not cancel the depth.
    net = make(arch)
    cancel_guide(net)
    flow = getattr(net.net, "spynet", nn.Identity())
    for parameter in flow.parameters():
        nn.init.zeros_(parameter)
    residuals = []
    with torch.no_grad():
        for _ in range(2):
            lq, rgb = equal_clip(t, 8, 8)
            up = F.interpolate(lq.flatten(0, 1), scale_factor=4, mode="bilinear")
            residuals.append(net(lq, rgb)["pred"] - up.unflatten(0, (1, t)))
    torch.testing.assert_close(*residuals, atol=1e-5, rtol=0)


def test_flow_is_that_of_the_rgb(clip, monkeypatch):
    seen = []
    flow = SpyNetFlow.forward
    monkeypatch.setattr(
        SpyNetFlow, "forward", lambda self, *pair: seen.append(pair) or flow(self, *pair)
    )
    lq, guide = clip(4, 1, 3, 4, 8)
    with torch.no_grad():
        make("BasicVSR")(lq, guide)
    small = F.avg_pool2d(guide[0], 4)
    (one, two), (three, four) = seen
    assert torch.equal(torch.stack((one, two)), torch.stack((small[:-1], small[1:])))
    assert torch.equal(torch.stack((three, four)), torch.stack((small[1:], small[:-1])))


@pytest.mark.parametrize("scale", [8, 16])
def test_larger_scales_are_replicated_before_the_same_network(clip, scale):
    net, times_4 = make("EDVR", scale), make("EDVR")
    times_4.load_state_dict(net.state_dict())
    assert net.multiple_of == 16 // scale
    lq, guide = clip(scale, 1, 2, 4, 4)
    large = lq.repeat_interleave(scale // 4, -1).repeat_interleave(scale // 4, -2)
    assert torch.equal(net(lq, guide)["pred"], times_4(large, guide)["pred"])


def test_a_clip_that_runs_back_leaves_no_trace(clip):
    net, (lq, guide) = make("BasicVSRPlusPlus", is_guided=False), clip(4, 1, 2, 2, 3)
    with torch.no_grad():
        before = net(lq, guide)["pred"]
        net(lq[:, [0, 0]], guide)
        assert torch.equal(net(lq, guide)["pred"], before)


def test_alignment_does_not_depend_on_the_machine():
    names = make("BasicVSRPlusPlus").state_dict()
    passes = ("backward_1", "forward_1", "backward_2", "forward_2")
    assert {f"net.deform_align.{name}.conv_offset.6.weight" for name in passes} <= names.keys()


def test_flow_weights_are_loaded(tmp_path):
    source = SpyNetFlow()
    torch.save(source.spynet.state_dict(), tmp_path / "spynet.pth")
    net = make("BasicVSR", flow_weights=str(tmp_path / "spynet.pth"))
    got = net.net.spynet.estimator.state_dict()
    torch.testing.assert_close(dict(got), dict(source.state_dict()), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("arch", "changes", "message"),
    [
        ("EDSR", {"arch": "ESRGAN"}, "arch must be one of BasicVSR.*'ESRGAN'"),
        ("EDSR", {"scale": 2}, "multiple of 4.*2"),
        ("BasicVSR", {"channels": 1}, "BasicVSR takes depth as 3 channels, got 1"),
        ("EDVR", {"options": {"num_frame": 7}}, r"leave out what ToolboxVSR sets: \['num_frame'\]"),
        ("EDVR", {"flow_weights": "x.pth"}, "networks with SPyNet; EDVR has none"),
        ("EDSR", {"options": {"num_feats": 4}}, "EDSR cannot be built.*num_feats"),
    ],
)
def test_what_does_not_fit_is_refused(arch, changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make(**{"arch": arch, **changes})


def test_a_guided_network_asks_for_its_guide(clip):
    with pytest.raises(TypeError, match="guide .* is required"):
        make("EDSR")(clip(4, 1, 1, 2, 2)[0])
