"""Frozen flow: torchvision's RAFT as it wants to be called, and files that are none."""

import pytest
import torch
from torchvision.models.optical_flow import raft_small

from stdnet_arch.losses.flow import FrozenFlow
from stdnet_arch.ops.matching.lucas_kanade import lucas_kanade
from stdnet_arch.ops.matching.tvl1_flow import tvl1_flow


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("raft") / "raft_small.pth"
    torch.save(raft_small(weights=None).state_dict(), path)
    return path


@pytest.mark.parametrize("classical", [lucas_kanade, tvl1_flow])
def test_without_weights_it_is_classical(classical):
    frame, other = torch.rand(2, 1, 3, 32, 40)
    kind = {lucas_kanade: "lucas_kanade", tvl1_flow: "tvl1"}[classical]
    assert torch.equal(FrozenFlow(kind)(frame, other), classical(frame, other))


def test_raft_gets_its_range_and_its_sizes(weights, monkeypatch):
    flow = FrozenFlow("raft_small", weights, iterations=7)
    seen = {}
    monkeypatch.setattr(
        flow.raft, "forward", lambda *x, **k: seen.update(x=x, k=k) or [x[0][:, :2]]
    )
    frame, other = torch.rand(2, 1, 3, 130, 60)
    assert torch.equal(flow(frame, other), 2 * frame[:, :2] - 1)
    assert [tuple(x.shape) for x in seen["x"]] == [(1, 3, 136, 128)] * 2
    assert torch.equal(seen["x"][1][..., 135, 127], 2 * other[..., -1, -1] - 1)
    assert seen["k"] == {"num_flow_updates": 7}


def test_raft_is_frozen_and_runs(weights):
    flow = FrozenFlow("raft_small", weights).train()
    assert not flow.training
    assert not any(parameter.requires_grad for parameter in flow.parameters())
    frame = torch.rand(1, 3, 128, 128, requires_grad=True)
    out = flow(frame, frame)
    assert out.shape == (1, 2, 128, 128)
    assert not out.requires_grad


@pytest.mark.parametrize(
    ("kind", "path", "error", "message"),
    [
        ("pwc", None, ValueError, "flow must be one of lucas_kanade, tvl1, raft_small.*got 'pwc'"),
        ("raft_large", None, ValueError, "required for RAFT.*got None for raft_large"),
        ("lucas_kanade", "x.pth", ValueError, "nothing else; got x.pth for lucas_kanade"),
        ("raft_small", "nowhere.pth", FileNotFoundError, "found no file nowhere.pth.*need none"),
    ],
)
def test_what_cannot_be_is_refused(kind, path, error, message):
    with pytest.raises(error, match=message):
        FrozenFlow(kind, path)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"a": torch.rand(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other.pth holds no raft_small"):
        FrozenFlow("raft_small", tmp_path / "other.pth")
