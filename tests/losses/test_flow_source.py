"""Where losses take their flow from."""

import pytest
import torch
from torch import nn
from torchvision.models.optical_flow import raft_small

from stdnet_arch.losses.flow import FlowSource, NeighborFlow, visible_in_next
from stdnet_arch.ops.matching.tvl1_flow import tvl1_flow


def test_given_flow_is_taken_as_it_is():
    flow_px = torch.rand(2, 3, 2, 4, 5)
    flow = FlowSource()(flow_px, None)
    assert flow.to_next is flow_px
    assert flow.to_previous is None


def test_estimated_flow_goes_both_ways_between_neighbours():
    colour = torch.rand(2, 3, 3, 20, 18)
    flow = FlowSource("tvl1")(None, colour)
    torch.testing.assert_close(flow.to_next[1:, 1], tvl1_flow(colour[1:, 1], colour[1:, 2]))
    torch.testing.assert_close(flow.to_previous[:1, 0], tvl1_flow(colour[:1, 1], colour[:1, 0]))


def test_one_frame_has_no_flow():
    assert FlowSource("tvl1")(None, torch.rand(2, 1, 3, 20, 18)).to_next.shape == (2, 0, 2, 20, 18)


@pytest.fixture
def raft(tmp_path):
    """RAFT as a source, with weights of its own."""
    torch.save(raft_small(weights=None).state_dict(), tmp_path / "raft.pth")
    return FlowSource("raft_small", str(tmp_path / "raft.pth"))


def test_raft_is_torchvision_s_frozen_with_the_weights_given(raft, tmp_path):
    assert not raft.train().estimator.raft.training
    assert not any(p.requires_grad for p in raft.parameters())
    saved = torch.load(tmp_path / "raft.pth", weights_only=True)
    assert all(torch.equal(v, saved[k]) for k, v in raft.estimator.raft.state_dict().items())


def test_raft_sees_sides_it_can_work_with_and_colours_around_zero(raft):
    colour = torch.rand(1, 2, 3, 50, 137)

    class Columns(nn.Module):
        def forward(self, frame, other, num_flow_updates):
            assert num_flow_updates == 12  # torchvision's own number
            assert frame.shape == (2, 3, 128, 144)
            torch.testing.assert_close(frame[1, :, :50, :137], 2 * colour[0, 1] - 1)
            return [torch.zeros(2), other[:, :2]]

    raft.estimator.raft = Columns()
    flow = raft(None, colour)
    torch.testing.assert_close(flow.to_next[:, 0], 2 * colour[:, 1, :2] - 1)
    torch.testing.assert_close(flow.to_previous[:, 0], 2 * colour[:, 0, :2] - 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("farneback",), "flow must be one of given, tvl1, .*, got 'farneback'"),
        (("raft_small",), "flow_weights: .* required for RAFT .* got None for raft_small"),
        (("tvl1", "w.pth"), "and for nothing else; got w.pth for tvl1"),
    ],
)
def test_wrong_sources_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FlowSource(*arguments)


def test_missing_weights_are_named():
    with pytest.raises(FileNotFoundError, match=r"weights of raft_small, found no file none\.pth"):
        FlowSource("raft_small", "none.pth")


def test_a_batch_without_flow_says_where_it_comes_from():
    with pytest.raises(ValueError, match=r"extras: \[flow_px\] .*or estimate it: flow: tvl1"):
        FlowSource()(None, torch.rand(1, 2, 3, 20, 18))


def test_depth_is_no_colour():
    with pytest.raises(ValueError, match=r"needs colour clips .*got \(1, 2, 1, 20, 18\)"):
        FlowSource("tvl1")(None, torch.rand(1, 2, 1, 20, 18))


def test_what_comes_back_to_where_it_began_is_visible():
    there = torch.zeros(1, 1, 2, 4, 6)
    there[:, :, 0] = 2
    back = -there.clone()
    back[0, 0, 0, 1, 3] += 1.5  # 1.5^2 > 0.01 * (4 + 0.25) + 0.5
    seen = visible_in_next(NeighborFlow(there, back))[0, 0, 0]
    expected = torch.ones(4, 6, dtype=torch.bool)
    expected[:, 4:] = False  # leaves the image
    expected[1, 1] = False
    assert torch.equal(seen, expected)
    assert visible_in_next(NeighborFlow(there, None)) is None
