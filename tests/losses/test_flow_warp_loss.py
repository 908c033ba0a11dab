"""The warp terms against the toolbox's warp, loops over frames, and cases done in the head."""

import pytest
import torch
from basicsr.archs.arch_util import flow_warp
from basicsr.losses import build_loss
from basicsr.losses.basic_loss import CharbonnierLoss

from stdnet_arch.losses.flow_warp_loss import FlowWarpLoss

T = 4
GT = torch.zeros(())


@pytest.fixture
def out():
    """What DFlow returns for 2 clips of 4 frames of 5x7 pixels."""
    return {
        "frames": torch.rand(2, T, 3, 5, 7),
        "flow_to_before": 2 * torch.randn(2, T - 1, 2, 5, 7),
        "flow_to_next": 2 * torch.randn(2, T - 1, 2, 5, 7),
    }


def toolbox_warp(frame, flow):
    return flow_warp(frame, flow.permute(0, 2, 3, 1))


def test_the_authors_form_is_their_lists_of_frames(out):
    # List element j of a direction: frame i moved by its own flow, beside the neighbour j; the
    # frame without a flow is there unmoved.
    x = out["frames"].unbind(1)
    before, to_next = out["flow_to_before"].unbind(1), out["flow_to_next"].unbind(1)
    ahead = [toolbox_warp(x[j + 1], before[j]) for j in range(T - 1)] + [x[T - 1]]
    back = [x[0]] + [toolbox_warp(x[j - 1], to_next[j - 1]) for j in range(1, T)]
    error = CharbonnierLoss()
    expected = sum(error(torch.stack(moved, 1), out["frames"]) for moved in (ahead, back))
    got = FlowWarpLoss(0.1, form="authors")(out, GT)
    torch.testing.assert_close(got, 0.1 * expected, atol=1e-6, rtol=1e-5)


def test_the_corrected_form_moves_the_neighbour_and_counts_what_stays_inside(out):
    x, flow = out["frames"], out["flow_to_before"]
    total, count = 0.0, 0
    for i in range(1, T):
        moved = toolbox_warp(x[:, i - 1], flow[:, i - 1])
        column = torch.arange(7) + flow[:, i - 1, 0]
        row = torch.arange(5)[:, None] + flow[:, i - 1, 1]
        inside = (column >= 0) & (column <= 6) & (row >= 0) & (row <= 4)
        error = (moved - x[:, i]).abs().sum(1)[inside]
        total, count = total + error.sum(), count + 3 * inside.sum()
    del out["flow_to_next"]
    got = FlowWarpLoss(0.5)(out, GT)
    torch.testing.assert_close(got, 0.5 * total / count, atol=1e-5, rtol=0)


def shifted(step):
    """A clip that moves ``step`` pixels to the right per frame, ``(1, 3, 1, 6, 12)``."""
    wide = torch.rand(1, 1, 6, 24)
    return torch.stack([wide[..., 8 - step * i : 20 - step * i] for i in range(3)], 1)


def flows(dx):
    return torch.tensor([dx, 0.0]).view(1, 1, 2, 1, 1).expand(1, 2, 2, 6, 12)


@pytest.mark.parametrize(("name", "dx"), [("flow_to_before", -2.0), ("flow_to_next", 2.0)])
def test_true_motion_costs_nothing_where_it_can_be_seen(name, dx):
    out = {"frames": shifted(2), name: flows(dx)}
    assert FlowWarpLoss(1.0)(out, GT) < 1e-5
    assert FlowWarpLoss(1.0)({**out, name: flows(-dx)}, GT) > 0.1


def test_the_authors_form_wants_the_opposite_flow():
    # Inner columns: the border is compared with zeros.
    loss = FlowWarpLoss(1.0, form="authors")
    wrong, true = ({"frames": shifted(2), "flow_to_before": flows(dx)} for dx in (2.0, -2.0))
    assert loss(wrong, GT) < loss(true, GT)


def test_gradients_are_those_of_finite_differences(out):
    frames = out["frames"][:1, :2, :1].double()
    flow = out["flow_to_before"][:1, :1].double().requires_grad_()
    loss = FlowWarpLoss(eps=1e-3)
    assert torch.autograd.gradcheck(
        lambda f: loss({"frames": frames, "flow_to_before": f}, GT.double()), (flow,)
    )


@pytest.mark.parametrize("form", ["corrected", "authors"])
def test_one_frame_alone_costs_nothing(form):
    flow = torch.zeros(1, 0, 2, 5, 7, requires_grad=True)
    got = FlowWarpLoss(form=form)({"frames": torch.rand(1, 1, 3, 5, 7), "flow_to_next": flow}, GT)
    assert got == 0
    got.backward()


def test_flow_that_leaves_everywhere_costs_nothing():
    out = {"frames": shifted(2), "flow_to_before": flows(50.0).requires_grad_()}
    assert FlowWarpLoss(1.0)(out, GT) == 0


def test_an_output_without_flow_is_refused():
    with pytest.raises(KeyError, match="reads frames and flow_to_before or.*got pred, frames"):
        FlowWarpLoss()({"pred": GT, "frames": GT}, GT)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"form": "paper"}, "corrected, authors, got 'paper'"), ({"eps": 0}, "0")],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build_loss({"type": "FlowWarpLoss", **options})
