"""The folded form: the same numbers, with whatever weights, device and precision there are."""

import pytest
import torch
from basicsr.archs import build_network

import stdnet_arch.ops.frame_parts as frame_parts
from stdnet_arch.archs.stdnet.folded import FoldedTemporalDifference


def make_net(seed=0, **changes):
    """A network whose every layer counts, the zero-initialised and damped ones, too."""
    torch.manual_seed(seed)
    options = {"type": "STDNet", "scale": 4, "num_feat": 16, "head_feat": 16, "init": "balanced"}
    net = build_network({**options, **changes})
    for name, parameter in net.named_parameters():
        if "conv_offset_mask" in name or name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.05)
        elif "prediction_head" in name:
            parameter.data *= 0.1 / parameter.std()
    return net.eval()


def relative(out, expected):
    """Largest relative error of all outputs."""
    errors = {name: (out[name] - x).norm() / x.norm() for name, x in expected.items() if x.numel()}
    return max(errors.values()).item()


@pytest.fixture
def counted(monkeypatch):
    """How often a folded pass ran."""
    calls = []
    run = FoldedTemporalDifference.__call__
    monkeypatch.setattr(FoldedTemporalDifference, "__call__", lambda *x: calls.append(1) or run(*x))
    return calls


@pytest.mark.parametrize("t", [1, 2, 3, 6])
@pytest.mark.parametrize("at_once", [1, 1 << 13])
@torch.no_grad()
def test_folded_equals_unfolded(clip, monkeypatch, t, at_once):
    monkeypatch.setitem(frame_parts.PART_VALUES, "cpu", at_once)
    net, given = make_net().double(), [x.double() for x in clip(4, 2, t, 4, 5)]
    expected = net.fuse(False)(*given)
    assert relative(net.fuse()(*given), expected) < 1e-12


@pytest.mark.parametrize(
    "changes", [{"num_block": (1, 1)}, {"num_block": (1, 3), "num_round": 1}, {"causal": True}]
)
@torch.no_grad()
def test_other_sizes_and_causal_passes_fold_alike(clip, changes):
    net, given = make_net(**changes).double(), [x.double() for x in clip(4, 2, 4, 4, 5)]
    expected = net.fuse(False)(*given)
    assert relative(net.fuse()(*given), expected) < 1e-12


@torch.no_grad()
def test_in_single_precision_the_difference_is_rounding(clip):
    net, given = make_net(), clip(4, 1, 5, 6, 7)
    expected = net.fuse(False)(*given)
    assert 0 < relative(net.fuse()(*given), expected) < 1e-5


@torch.no_grad()
def test_a_folded_stream_is_the_folded_clip(clip, counted):
    net = make_net().fuse()
    lq, guide = clip(4, 2, 12, 3, 4)
    expected = net(lq, guide)["pred"]
    before, stream = len(counted), net.open_stream()
    pred = [*stream.push(lq.unbind(1)[:5], guide.unbind(1)[:5])]
    pred += stream.push(lq.unbind(1)[5:], guide.unbind(1)[5:], last=True)
    torch.testing.assert_close(torch.stack(pred, 1), expected, atol=1e-5, rtol=0)
    assert len(counted) > before


@pytest.mark.parametrize(
    ("on", "training", "grad", "folded"),
    [
        (True, False, False, True),
        (False, False, False, False),
        (True, True, False, False),
        (True, False, True, False),
    ],
)
def test_it_is_on_in_evaluation_without_gradients_alone(clip, counted, on, training, grad, folded):
    net = make_net().fuse(on).train(training)
    with torch.set_grad_enabled(grad):
        net(*clip(4, 1, 3, 2, 3))
    assert bool(counted) == folded


def test_the_state_dict_does_not_know():
    net = make_net()
    before = {name: x.clone() for name, x in net.state_dict().items()}
    after = net.fuse().state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], x) for name, x in before.items())


def replace_in_place(net, state):
    for name, parameter in net.named_parameters():
        parameter.data.copy_(state[name])  # as a moving average does: no version counter notices


@pytest.mark.parametrize("change", [torch.nn.Module.load_state_dict, replace_in_place])
@torch.no_grad()
def test_new_weights_count_at_once(clip, change):
    net, other, given = make_net(), make_net(seed=1), clip(4, 1, 3, 3, 4)
    stale = net.fuse()(*given)["pred"]
    change(net, other.state_dict())
    got, expected = net(*given)["pred"], other.fuse()(*given)["pred"]
    assert torch.equal(got, expected)
    assert not torch.allclose(stale, expected, atol=1e-3)


@torch.no_grad()
def test_a_moved_network_folds_in_its_new_precision(clip):
    net, given = make_net().fuse(), clip(4, 1, 3, 3, 4)
    rough = net(*given)["pred"]
    pred = net.double()(*(x.double() for x in given))["pred"]
    assert pred.dtype == torch.float64
    torch.testing.assert_close(rough.double(), pred, atol=1e-5, rtol=0)


@torch.no_grad()
def test_half_precision_features_change_the_result_by_less_than_half_a_percent(clip):
    net, given = make_net().fuse(), clip(4, 1, 5, 12, 14)
    truth = torch.rand_like(given[1][:, :, :1])
    exact = net(*given)["pred"]
    with torch.autocast("cpu", torch.bfloat16):
        rough = net(*given)["pred"]
    rmse, rough_rmse = ((x - truth).square().mean().sqrt() for x in (exact, rough))
    assert rough.dtype == torch.float32
    assert abs(rough_rmse / rmse - 1) < 0.005
    assert (rough - exact).square().mean().sqrt() < 0.02 * exact.std()
