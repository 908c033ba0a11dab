"""Step by step, with their memory in the open, networks give what they give on a stream."""

import pytest
import torch
from basicsr.archs import build_network
from shaken_nets import shaken_net

from stdnet_arch.archs.streaming.step import open_step, run_steps
from stdnet_arch.inference import stream

NETS = {
    "T causal": {"type": "STDNetT", "causal": True, "init": "balanced"},
    "S causal": {"type": "STDNetS", "causal": True, "init": "balanced"},
    "T": {"type": "STDNetT", "init": "balanced"},
    "two rounds": {"type": "STDNet", "num_feat": 16, "head_feat": 16, "init": "balanced"},
    "planes": {"type": "STDNetT", "head": "planes", "init": "balanced"},
    "DFlowDepth": {"type": "DFlowDepth", "num_feat": 12},
    "PlaneBlend": {"type": "PlaneBlend", "num_feat": 8, "step": 0.01},
    "PlaneBlend, cells": {"type": "PlaneBlend", "num_feat": 8, "detail": 0, "reach": 2},
    "PlaneBlend, linear": {
        "type": "PlaneBlend",
        "num_feat": 8,
        "head": "linear",
        "detail": 4,
        "refine": 4,
    },
    "PlaneBlend, alone": {"type": "PlaneBlend", "num_feat": 8, "temporal": False},
    "JointBilateral": {"type": "JointBilateral"},
}


@pytest.fixture(params=NETS)
def net(request):
    return shaken_net(NETS[request.param])


@torch.no_grad()
def test_steps_give_what_the_stream_gives(net, clip):
    lq, guide = (x[0] for x in clip(4, 1, 11, 6, 8))
    expected = torch.stack(list(stream(net, zip(lq, guide, strict=True))))
    torch.testing.assert_close(run_steps(open_step(net), lq, guide), expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_clip_shorter_than_the_delay_has_all_its_predictions(net, clip):
    lq, guide = clip(4, 1, 2, 6, 8)
    expected = net(lq, guide)["pred"][0]
    torch.testing.assert_close(
        run_steps(open_step(net), lq[0], guide[0]), expected, atol=1e-5, rtol=0
    )


@torch.no_grad()
def test_what_is_kept_has_the_same_shapes_after_each_step(net, clip):
    (lq, guide), step = (x[0] for x in clip(4, 1, 1, 6, 8)), open_step(net)
    state = list(step.start(6, 8).values())
    here = [torch.ones(1)] if step.delay else []
    after = step(lq, guide, *here, *state)[len(step.gives) :]
    assert [x.shape for x in after] == [x.shape for x in state]


def test_networks_without_a_step_are_named():
    both_ways = build_network({"type": "DFlowDepth", "scale": 4, "bidirectional": True})
    with pytest.raises(ValueError, match="one pass, got bidirectional"):
        open_step(both_ways)
    whole_clip = build_network({"type": "CrossModalSTNet", "scale": 4, "num_feat": 8})
    with pytest.raises(ValueError, match="CrossModalSTNet does neither: use windows"):
        open_step(whole_clip.eval())


def test_a_step_of_a_network_that_does_not_fold_is_refused():
    net = build_network({"type": "STDNetT", "scale": 4}).fuse(False)
    with pytest.raises(ValueError, match=r"call net\.fuse\(\)"):
        open_step(net)
