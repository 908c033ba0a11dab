"""The network form of joint bilateral upsampling is the filter, frame by frame, holes and all."""

import torch

from stdnet_arch.archs.joint_bilateral_arch import JointBilateral
from stdnet_arch.evaluation.benchmark.competitor import build_competitor


def test_it_is_the_competitor_of_that_name(clip):
    lq, guide = clip(4, b=2, t=3, h=5, w=6)
    lq[0, 1, 0, 2, 3] = 0
    pred = JointBilateral(4)(lq, guide)["pred"]
    filtering = build_competitor({"type": "JointBilateral", "scale": 4})
    expected = filtering.infer(lq[0, :, 0].numpy(), guide[0].permute(0, 2, 3, 1).numpy())
    torch.testing.assert_close(pred[0, :, 0], torch.from_numpy(expected), rtol=1e-5, atol=1e-6)


def test_units_do_not_matter(clip):
    lq, guide = clip(4, b=1, t=2, h=5, w=6)
    one, other = (JointBilateral(4)(factor * lq, guide)["pred"] for factor in (1, 20))
    torch.testing.assert_close(other, 20 * one, rtol=1e-5, atol=1e-5)
