"""What shipped weights are worth: below joint bilateral on scenes that are made here."""

import numpy as np
import pytest
import torch

import stdnet_arch
from stdnet_arch.data.lq.degradation import make_lq
from stdnet_arch.data.synthetic.layers import LayerScenes
from stdnet_arch.ops.guided_filters import joint_bilateral_upsample

STEP_M = 100 / 1023


@pytest.fixture(scope="module")
def scenes():
    clips = LayerScenes("cpu", seed=2026).draw(6, 1, (128, 160))
    return clips.rgb[:, 0], clips.depth_m[:, 0]


def sensed(rgb, depth_m, scale, rule):
    pictures = (255 * rgb).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    pairs = zip(depth_m[:, 0].numpy(), pictures, strict=True)
    return torch.from_numpy(np.stack([make_lq(rule, d, p, scale) for d, p in pairs]))[:, None]


def errors(pred, truth):
    off = pred - truth
    return float(off.square().mean().sqrt()), float(off.abs().mean())


@pytest.mark.parametrize("name", [
    "plane_blend_x4", "plane_blend_live_x4", "plane_blend_x8", "plane_blend_x16", "stdnet_t_x4",
])  # fmt: skip
def test_shipped_weights_are_below_joint_bilateral(scenes, name):
    net = stdnet_arch.load(name)
    rgb, depth_m = scenes
    lq = sensed(rgb, depth_m, net.scale, "dtof_peak")
    step = torch.full((len(lq),), STEP_M)
    with torch.no_grad():
        pred = net(lq[:, None], rgb[:, None], step)["pred"][:, 0]
    options = {"radius": 2, "sigma_space": 0.7, "sigma_color": 0.1}
    joint = joint_bilateral_upsample(lq, rgb, **options)
    ours, theirs = errors(pred, depth_m), errors(joint, depth_m)
    assert ours[0] < theirs[0]
    assert ours[1] < theirs[1]


@pytest.mark.parametrize("name", ["plane_blend_x4", "plane_blend_live_x4", "stdnet_t_x4"])
def test_clean_depth_does_not_get_worse(scenes, name):
    rgb, depth_m = scenes
    lq = sensed(rgb, depth_m, 4, "area")
    with torch.no_grad():
        pred = stdnet_arch.load(name)(lq[:, None], rgb[:, None])["pred"][:, 0]
    plain = torch.nn.functional.interpolate(lq, scale_factor=4, mode="bilinear")
    ours, bilinear = errors(pred, depth_m), errors(plain, depth_m)
    assert ours[0] < bilinear[0]
    assert ours[1] < bilinear[1]


def test_the_guide_counts_and_is_not_trusted_blindly(scenes):
    rgb, depth_m = scenes
    lq = sensed(rgb, depth_m, 4, "dtof_peak")
    net = stdnet_arch.load("plane_blend_x4")
    step = torch.full((len(lq),), STEP_M)
    with torch.no_grad():
        right, turned = (
            net(lq[:, None], guide[:, None], step)["pred"][:, 0]
            for guide in (rgb, rgb.flip(-1, -2))
        )
    plain = torch.nn.functional.interpolate(lq, scale_factor=4, mode="bilinear")
    bilinear = errors(plain, depth_m)[0]
    assert errors(right, depth_m)[0] < 0.9 * errors(turned, depth_m)[0]
    assert errors(turned, depth_m)[0] < 1.1 * bilinear
