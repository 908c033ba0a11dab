"""Flow, warping and alignment against the toolbox's own."""

import pytest
import torch
import torch.nn.functional as F
from basicsr.archs.basicvsrpp_arch import SecondOrderDeformableAlignment
from basicsr.archs.spynet_arch import SpyNet

from stdnet_arch.archs.checkpoints.adapters import read_about
from stdnet_arch.archs.shared.flow import (
    FlowGuidedAlignment,
    SpyNetFlow,
    find_flow,
    neighbor_flows,
)
from stdnet_arch.data.synthetic.layers import LayerScenes
from stdnet_arch.models.flow.training import judge_flow


@pytest.mark.parametrize(("h", "w"), [(64, 70), (5, 66)])
def test_flow_is_spynets_on_frames_padded_to_what_it_needs(h, w):
    net = SpyNetFlow()
    one, two = torch.rand(2, 2, 3, h, w)
    padded = [F.pad(x, (0, 0, 0, max(64 - h, 0)), mode="replicate") for x in (one, two)]
    with torch.no_grad():
        expected = net.spynet(*padded)[:, :, :h]
        torch.testing.assert_close(net(one, two), expected, atol=1e-5, rtol=0)


def test_spynet_alone_fails_on_small_frames():
    with pytest.raises(RuntimeError):
        SpyNet()(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))


def test_neighbors_are_paired_in_both_directions():
    def difference(frame, other):
        return (other - frame)[:, :2]

    frames = torch.tensor([1.0, 4.0, 9.0]).view(1, 3, 1, 1, 1).expand(2, 3, 3, 4, 5)
    to_next, to_before = neighbor_flows(difference, frames)
    assert to_next[1, :, 0, 0, 0].tolist() == [3, 5]
    assert to_before[1, :, 0, 0, 0].tolist() == [-3, -5]


def test_a_clip_of_one_frame_has_no_flow():
    flows = neighbor_flows(SpyNetFlow(), torch.rand(2, 1, 3, 4, 5))
    assert [flow.shape for flow in flows] == [(2, 0, 2, 4, 5)] * 2


def test_alignment_is_the_toolboxs_with_the_same_weights():
    ours = FlowGuidedAlignment(16, groups=16, max_residue_px=10)
    theirs = SecondOrderDeformableAlignment(
        32, 16, 3, padding=1, deformable_groups=16, max_residue_magnitude=10
    )
    torch.nn.init.normal_(ours.conv_offset[-1].weight, std=0.05)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    feat, condition = torch.rand(2, 32, 6, 7), torch.rand(2, 48, 6, 7)
    flows = 2 * torch.randn(2, 2, 2, 6, 7)
    expected = theirs(feat, condition, *flows)
    torch.testing.assert_close(ours(feat, condition, *flows), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("groups", [3, 10])
def test_groups_that_do_not_fit_are_refused(groups):
    with pytest.raises(ValueError, match=f"divide 32 .*{groups}"):
        FlowGuidedAlignment(16, groups=groups)


@pytest.mark.parametrize("dropped", [(), ("mean", "std")])
def test_weights_of_spynet_load_with_or_without_constants(tmp_path, dropped):
    source, net = SpyNet(), SpyNetFlow()
    state = {name: value for name, value in source.state_dict().items() if name not in dropped}
    torch.save({"params": state}, tmp_path / "spynet.pth")
    net.load(tmp_path / "spynet.pth")
    weight = "basic_module.3.basic_module.2.weight"
    assert torch.equal(net.spynet.state_dict()[weight], source.state_dict()[weight])


def test_other_weights_are_refused(tmp_path):
    torch.save({"params": {"conv.weight": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth holds no weights of SPyNet"):
        SpyNetFlow().load(tmp_path / "other.pth")


def test_a_shipped_flow_network_is_known_by_its_name():
    path = find_flow("spynet")
    assert path.stat().st_size < 4e6
    about = read_about(path)
    assert about["license"] == "Apache-2.0"
    net = SpyNetFlow()
    net.load("spynet")
    found = judge_flow(net, LayerScenes("cpu", 77), 16, 64)
    assert found["epe_px"] < 0.7 * found["epe_of_no_motion_px"]
    assert about["epe_px"] < 0.6 * about["epe_of_no_motion_px"]


def test_a_name_of_no_flow_network_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a file or one of spynet, which are shipped; got 'raft'"):
        SpyNetFlow().load("raft")
    with pytest.raises(FileNotFoundError):
        SpyNetFlow().load(tmp_path / "gone.pth")
