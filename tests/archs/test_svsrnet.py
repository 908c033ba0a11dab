"""SVSRNet: the authors' parameters, their quirks, and views that know each other."""

import math

import pytest
import torch

from stdnet_arch.archs.checkpoints.adapters import load_official
from stdnet_arch.archs.svsrnet_arch import SVSRNet

DECLARED, USED = 4_613_686, 3_564_958  # as published
NEVER_USED = 49_920  # convolutions of attention layers that no form uses
SMALL = {"num_feat": 8, "num_extract": 1, "num_recon": 1}


def conv(name, out, into, side, bias=True):
    yield f"{name}.weight", (out, into, side, side)
    if bias:
        yield f"{name}.bias", (out,)


def fusion_names(prefix, c):
    for name, into, side in [
        ("tAtt_1", 1, 3), ("tAtt_2", 1, 3), ("offset_conv1", 2, 3), ("offset_conv2", 1, 3),
        ("dcnpack", 1, 3), ("fea_fusion_tam", 4, 1), ("fea_fusion", 4, 1), ("sAtt_1", 4, 1),
        ("sAtt_2", 2, 1), ("sAtt_3", 1, 3), ("sAtt_4", 1, 1), ("sAtt_5", 1, 3), ("sAtt_L1", 1, 1),
        ("sAtt_L2", 2, 3), ("sAtt_L3", 1, 3), ("sAtt_add_1", 1, 1), ("sAtt_add_2", 1, 1),
    ]:  # fmt: skip
        yield from conv(f"{prefix}.{name}", c, into * c, side)
    yield from conv(f"{prefix}.dcnpack.conv_offset_mask", 216, c, 3)
    for k in (0, 2):
        yield from conv(f"{prefix}.center_Resblock.body.{k}", c, c, 3, bias=False)


def attention_names(prefix, c):
    for part in ("pam", "vtam_layers.0", "vtam_layers.1"):
        for name, into in (("conv_l", c), ("conv_r", c), ("conv_out", 2 * c + 1)):
            yield from conv(f"{prefix}.{part}.{name}", c, into, 1)
        for k in (0, 2):
            yield from conv(f"{prefix}.{part}.rb.body.{k}", c, c, 3, bias=False)
    for name, into, side in [
        ("pam_conv", 2 * c + 1, 1), ("vtam_conv.0", 2 * c, 1), ("vtam_conv.1", 2 * c, 1),
        ("vtam_fusion", 3 * c, 1), ("out_fusion", 3 * c, 1), ("out_conv_1", c, 3),
        ("out_conv_2", c, 1),
    ]:  # fmt: skip
        yield from conv(f"{prefix}.{name}", c, into, side)


def head_names(suffix, c):
    yield from conv(f"fusion{suffix}", c, 2 * c, 1)
    for k in range(10):
        yield from conv(f"recon_trunk{suffix}.{k}.conv1", c, c, 3)
        yield from conv(f"recon_trunk{suffix}.{k}.conv2", c, c, 3)
    for name, out in (("upconv1", 4 * c), ("upconv2", 4 * c), ("HRconv", c), ("conv_last", 3)):
        yield from conv(f"{name}{suffix}", out, c, 3)


def official_shapes(c=64):
    yield from conv("conv_first", c, 3, 3)
    for k in range(5):
        yield from conv(f"feature_extraction.{k}.conv1", c, c, 3)
        yield from conv(f"feature_extraction.{k}.conv2", c, c, 3)
    for view in ("left", "right"):
        yield from fusion_names(f"st_fusion_{view}", c)
        yield from attention_names(f"vtam_{view}", c)
    yield from head_names("", c)
    yield from head_names("_right", c)


def count(net):
    return sum(parameter.numel() for parameter in net.parameters())


def test_numbers_of_parameters_are_those_of_the_authors():
    assert sum(math.prod(shape) for _, shape in official_shapes()) == DECLARED
    assert count(SVSRNet(as_released=True)) == USED
    assert count(SVSRNet()) == DECLARED - NEVER_USED == 4_563_766


def test_official_names_load_into_the_released_form():
    official = {name: torch.randn(shape) for name, shape in official_shapes()}
    net = SVSRNet(as_released=True)
    load_official(net, official)
    right = net.attentions["right"]
    pairs = {
        "st_fusion_left.dcnpack.conv_offset_mask.bias": net.fusions["left"].deform.conv_offset.bias,
        "vtam_right.vtam_layers.1.conv_r.weight": right.other_times[1].conv_key.weight,
        "recon_trunk_right.9.conv2.bias": net.reconstructions["right"][9].conv2.bias,
        "upconv2.weight": net.enlargements["left"][3].weight,
        "conv_last.bias": net.heads["left"][2].bias,
    }  # fmt: skip
    assert all(torch.equal(official[name], ours) for name, ours in pairs.items())
    with pytest.raises(ValueError, match=r"missing: attentions.left.conv_all"):
        load_official(SVSRNet(), official)


@pytest.mark.parametrize(("as_released", "future"), [(False, True), (True, False)])
def test_only_the_released_form_is_blind_to_the_future_of_the_other_view(as_released, future):
    net = SVSRNet(**SMALL, as_released=as_released).eval()
    clip = torch.rand(1, 3, 6, 8, 8)
    other = clip.clone()
    other[:, 2, 3:] = torch.rand(1, 3, 8, 8)  # the right view of the last frame
    with torch.no_grad():
        change = (net(clip)["pred"] - net(other)["pred"])[:, 1, :3].abs().max()
    assert (change > 0) == future


def test_each_view_learns_from_the_other():
    net = SVSRNet(**SMALL).eval()
    clip = torch.rand(1, 1, 6, 8, 8)
    other = clip.clone()
    other[:, :, :3] = torch.rand(1, 1, 3, 8, 8)
    with torch.no_grad():
        change = (net(clip)["pred"] - net(other)["pred"])[:, :, 3:].abs().max()
    assert change > 0


def test_the_base_is_the_enlarged_frame():
    net = SVSRNet(**SMALL)
    for head in net.heads.values():
        torch.nn.init.zeros_(head[2].weight)
        torch.nn.init.zeros_(head[2].bias)
    lq = torch.rand(1, 2, 6, 5, 6)
    expected = torch.nn.functional.interpolate(lq[0], scale_factor=4, mode="bilinear")
    torch.testing.assert_close(net(lq)["pred"][0], expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.rand(1, 2, 3, 8, 8),), ValueError, r"lq must be \(b, t, 6, h, w\), got \(1, 2, 3"),
        ((torch.rand(1, 2, 6, 8, 8), torch.rand(1)), TypeError, "takes no guide.*both views"),
        ((torch.zeros(1, 2, 6, 8, 8, dtype=torch.uint8),), TypeError, "floating point"),
    ],
)
def test_what_is_no_stereo_clip_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        SVSRNet(**SMALL)(*arguments)


def test_a_scale_that_is_no_power_of_two_is_refused():
    with pytest.raises(ValueError, match="power of 2.*got 6"):
        SVSRNet(scale=6)
