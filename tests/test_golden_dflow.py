"""Our DFlow is the authors' DFlow: arch and adapter at once, against stored outputs."""

import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from golden_rule import TOLERANCE, dflow_golden, dflow_state, golden_frames

from stdnet_arch.archs.checkpoints.adapters import load_official
from stdnet_arch.ops.warp import flow_sample


@pytest.fixture(scope="module")
def net(device):
    made = build_network({"type": "DFlow"}).eval()
    load_official(made, dflow_state())
    return made.to(device)


@pytest.fixture(scope="module")
def frames(device):
    return golden_frames(dflow_golden()["seed"], dflow_golden()["shape"]).to(device)


@pytest.fixture(scope="module")
def out(net, frames):
    with torch.no_grad():
        return net(frames)


def test_it_has_the_published_number_of_parameters(net):
    assert sum(parameter.numel() for parameter in net.parameters()) == 2_950_667


def test_every_frame_is_the_authors(out, device):
    expected = dflow_golden()["output"]
    np.testing.assert_allclose(
        out["pred"][..., 1::4, 2::5].cpu(), expected, rtol=0, atol=TOLERANCE[device.type]
    )


@pytest.mark.parametrize(
    ("stack", "flow", "own", "stored"),
    [
        ("warped_forward", "flow_to_before", slice(1, None), slice(0, -1)),
        ("warped_backward", "flow_to_next", slice(0, -1), slice(1, None)),
    ],
)
def test_frames_moved_by_the_flows_are_the_authors(out, frames, device, stack, flow, own, stored):
    moved = flow_sample(frames[0, own], out[flow][0])
    expected = dflow_golden()[stack][0, stored]
    np.testing.assert_allclose(
        moved[..., 1::3, 2::3].cpu(), expected, rtol=0, atol=TOLERANCE[device.type]
    )


def test_what_is_missing_or_too_much_is_named(net):
    state = {f"module.{name}": value for name, value in dflow_state().items()}
    del state["module.flowconv31.weight"]
    state["module.forward_trunk.surprise"] = torch.zeros(1)
    message = r"missing: backward_flow\.update\.conv_in\.weight; unexpected: module\.forward_trunk"
    with pytest.raises(ValueError, match=message):
        load_official(net, state)


def test_a_wrapped_state_loads(net):
    load_official(net, {"params_ema": dflow_state()})
