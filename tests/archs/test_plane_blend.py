"""PlaneBlend: what it is untrained, what it never does, and its parts against loops."""

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.archs.plane_blend import candidates as parts
from stdnet_arch.archs.plane_blend import head
from stdnet_arch.archs.plane_blend import parts as few_rows
from stdnet_arch.archs.plane_blend.motion import MotionMemory, carry, correlate
from stdnet_arch.ops.local_planes import LocalPlanes
from stdnet_arch.ops.warp import warp_to_edges


def make(scale=4, **options):
    torch.manual_seed(0)
    options = {"num_feat": 8, "num_block": (2, 2, 1), **options}
    return build_network({"type": "PlaneBlend", "scale": scale, **options}).eval()


def shaken(net):
    """Weights that do something everywhere."""
    for parameter in net.parameters():
        if parameter.ndim > 1 and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return net


@pytest.mark.parametrize(("scale", "reach"), [(4, 1), (8, 2), (16, 1)])
def test_untrained_it_is_a_softmax_of_distances(scale, reach):
    # Flat pixels far apart in depth: every plane is the pixel's own depth.
    lq = torch.tensor([[1.0, 4.0, 2.0], [9.0, 3.0, 20.0]])[None, None, None]
    guide = torch.rand(1, 1, 3, 2 * scale, 3 * scale)
    with torch.no_grad():
        pred = make(scale, reach=reach)(lq, guide)["pred"][0, 0, 0]
    for row, column in [(0, 0), (scale - 1, 2 * scale), (2 * scale - 1, scale + 1)]:
        weights, values = [], []
        for dy, dx in parts.neighbour_offsets(reach):
            y, x = row // scale + dy, column // scale + dx
            place = [(p % scale + 0.5) / scale - 0.5 for p in (row, column)]
            distance = (place[0] - dy) ** 2 + (place[1] - dx) ** 2
            weights.append(torch.exp(torch.tensor(-distance / (2 * 0.45**2))))
            values.append(lq[0, 0, 0, min(max(y, 0), 1), min(max(x, 0), 2)])
        expected = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
        torch.testing.assert_close(pred[row, column], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("scale", "head"), [(4, "convolved"), (8, "convolved"), (4, "linear")])
def test_depth_and_step_in_another_unit_give_depth_in_that_unit(scale, head):
    net = shaken(make(scale, head=head))
    lq, guide = 1 + torch.rand(1, 3, 1, 3, 5), torch.rand(1, 3, 3, 3 * scale, 5 * scale)
    step = torch.tensor([0.1])
    with torch.no_grad():
        one, ten = net(lq, guide, step), net(10 * lq, guide, 10 * step)
    torch.testing.assert_close(ten["pred"], 10 * one["pred"], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ten["error"], 10 * one["error"], rtol=1e-3, atol=1e-4)


def test_the_prediction_stays_near_what_was_measured():
    net = shaken(make())
    lq, guide = 1 + 5 * torch.rand(2, 2, 1, 6, 5), torch.rand(2, 2, 3, 24, 20)
    with torch.no_grad():
        pred = net(lq, guide)["pred"]
    assert pred.min() > 0.6 * lq.min()
    assert pred.max() < 1.4 * lq.max()


def test_what_lies_in_a_hole_does_not_matter_but_that_it_is_one():
    net = shaken(make())
    lq, guide = 1 + torch.rand(1, 1, 1, 6, 7), torch.rand(1, 1, 3, 24, 28)
    holed = lq.clone()
    holed[..., 2:4, 3] = 0
    with torch.no_grad():
        pred = net(holed, guide)["pred"]
        whole = net(lq, guide)["pred"]
    assert pred.isfinite().all()
    assert pred.min() > 0.5
    assert not torch.allclose(pred, whole)


def test_a_frame_without_any_depth_is_zero():
    with torch.no_grad():
        out = make()(torch.zeros(1, 2, 1, 3, 4), torch.rand(1, 2, 3, 12, 16))
    assert not out["pred"].any()
    assert out["error"].isfinite().all()


def test_a_stream_gives_what_the_clip_gives():
    net = shaken(make())
    net.step = 0.1
    lq, guide = 1 + torch.rand(1, 5, 1, 5, 6), torch.rand(1, 5, 3, 20, 24)
    with torch.no_grad():
        whole = net(lq, guide)
    stream = net.open_stream()
    pushed, errors = [], []
    for part in (slice(0, 1), slice(1, 3), slice(3, 5)):
        pushed += stream.push(list(lq[:, part].unbind(1)), list(guide[:, part].unbind(1)))
        errors += [maps["error"] for maps in stream.further_maps]
    torch.testing.assert_close(torch.stack(pushed, 1), whole["pred"], rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.stack(errors, 1), whole["error"], rtol=0, atol=1e-5)


def test_the_gate_keeps_the_past_out_until_it_is_learned():
    lq, guide = 1 + torch.rand(1, 3, 1, 5, 6), torch.rand(1, 3, 3, 20, 24)
    with torch.no_grad():
        along = make()(lq, guide)["pred"]
        alone = make(temporal=False)(lq, guide)["pred"]
    assert (along - alone).abs().mean() < 0.05


@pytest.mark.parametrize("head", ["convolved", "linear"])
def test_with_a_memory_it_begins_as_the_trained_one_without(head):
    alone = shaken(make(temporal=False, head=head))
    along = make(head=head)
    state = along.adapt_state(alone.state_dict())
    missing, unexpected = along.load_state_dict(state, strict=False)
    assert not unexpected
    assert {name.partition(".")[0] for name in missing} == {"motion", "carried_in"}
    lq, guide = 1 + torch.rand(1, 2, 1, 5, 6), torch.rand(1, 2, 3, 20, 24)
    with torch.no_grad():
        expected, given = alone(lq, guide), along(lq, guide)
    for name in ("pred", "error"):
        torch.testing.assert_close(given[name][:, 0], expected[name][:, 0])
        # What is carried has a weight of exp(-4) and less beside nine others.
        torch.testing.assert_close(given[name][:, 1], expected[name][:, 1], atol=0.1, rtol=0)


def test_what_is_carried_keeps_the_error_that_was_expected_of_it():
    generator = torch.Generator().manual_seed(1)
    guide, pred, error = (torch.rand(1, c, 8, 12, generator=generator) for c in (3, 1, 1))
    memory = MotionMemory(guide, pred, error, guide, guide)
    flow = torch.zeros(1, 2, 2, 3)
    flow[:, 0] = -2  # all comes from two pixels to the left
    carried = carry(memory, guide, flow, torch.ones(1, 16, 2, 3))
    for name, before in (("depth", pred), ("error", error)):
        now = parts.pixels_of(getattr(carried, name))
        torch.testing.assert_close(now[..., 2:], before[..., :-2])
    inside = parts.pixels_of(carried.inside)
    assert not inside[..., :2].any()
    assert inside[..., 2:].all()


def test_weights_sum_to_one_and_give_the_prediction():
    net = shaken(make(with_weights=True, temporal=False))
    lq, guide = 2 + torch.zeros(1, 2, 1, 4, 3), torch.rand(1, 2, 3, 16, 12)
    with torch.no_grad():
        weights = net(lq, guide)["weights"]
    assert weights.shape == (1, 2, 9, 16, 12)
    torch.testing.assert_close(weights.sum(2), torch.ones(1, 2, 16, 12))


@pytest.mark.parametrize(("scale", "temporal"), [(4, True), (12, False)])
def test_a_few_rows_at_a_time_choose_as_all_at_once(scale, temporal, monkeypatch):
    monkeypatch.setattr(few_rows, "PART_VALUES", 3000)  # a row or two
    net = shaken(make(scale, reach=2, temporal=temporal))
    lq = 1 + torch.rand(2, 2, 1, 7, 5)
    lq[0, 1, 0, 3, 2] = 0  # a hole
    guide = torch.rand(2, 2, 3, 7 * scale, 5 * scale)
    at_once = net(lq, guide)  # gradients are wanted
    with torch.no_grad():
        by_rows = net(lq, guide)
    for name in ("pred", "error"):
        torch.testing.assert_close(by_rows[name], at_once[name], rtol=1e-5, atol=1e-5)


def test_each_cell_weighs_the_features_of_its_pixels_by_a_rule_of_its_own():
    linear = shaken(head.LinearHead(6, choices=5, num_detail=3)).double()
    feat, sharp = torch.randn(2, 6, 3, 4).double(), torch.randn(2, 3, 12, 16).double()
    shown = torch.where(feat > 0, feat, 0.1 * feat).repeat_interleave(4, 2).repeat_interleave(4, 3)
    base = torch.einsum("jpc,ncyx->njpyx", linear.out.weight.view(5, 16, 6), shown)
    rule = torch.einsum("jic,ncyx->njiyx", linear.rule.weight.view(5, 3, 6), shown)
    # Of the 16 places in a cell each pixel has one.
    place = (4 * (torch.arange(12) % 4)[:, None] + torch.arange(16) % 4).expand(2, 5, 1, 12, 16)
    expected = base.gather(2, place)[:, :, 0] + (rule * sharp[:, None]).sum(2)
    got = parts.pixels_of(linear(feat, sharp).flatten(1, 2))
    torch.testing.assert_close(got, expected)


def test_a_few_rows_at_a_time_are_weighed_as_all_at_once(monkeypatch):
    monkeypatch.setattr(few_rows, "PART_VALUES", 700)  # two rows of three, then the last
    linear = shaken(head.LinearHead(6, choices=5, num_detail=3))
    feat, sharp = torch.randn(1, 6, 3, 4), torch.randn(1, 3, 12, 16)
    at_once = linear(feat, sharp)  # gradients are wanted
    with torch.no_grad():
        torch.testing.assert_close(linear(feat, sharp), at_once)


def test_the_convolution_that_amx_gets_wrong_runs_in_float32():
    net, seen = make(temporal=False), []
    net.detail.down.register_forward_hook(lambda _, given, out: seen.extend([given[0], out]))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        net(1 + torch.rand(1, 1, 1, 2, 3), torch.rand(1, 1, 3, 8, 12))
    assert [x.dtype for x in seen] == [torch.float32, torch.float32]


def test_a_head_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="head must be one of convolved, linear; got 'wide'"):
        make(head="wide")
    with pytest.raises(ValueError, match="head linear needs a detail of at least 1"):
        make(head="linear", detail=0)


def test_error_bars_have_gradients_of_their_own():
    net = shaken(make())
    lq, guide = 1 + torch.rand(1, 2, 1, 4, 5), torch.rand(1, 2, 3, 16, 20)
    net(lq, guide)["error"].sum().backward()
    touched = {name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None}
    assert touched == {"error_head"}


def test_planes_are_evaluated_at_the_pixel():
    h, w, scale = 3, 4, 8
    depth, slope_x, slope_y = torch.rand(3, 1, 1, h, w)
    planes = LocalPlanes(1 + depth, 0.1 * slope_x, 0.1 * slope_y)
    y, x = parts.places(h, w, scale, planes.depth)
    offsets = parts.neighbour_offsets(2)
    got = parts.evaluate_planes(parts.planes_around(planes, offsets), y, x, scale // 4)
    got = parts.pixels_of(got.flatten(1, 2))
    for j, row, column in [(0, 0, 0), (4, 9, 17), (8, 23, 31), (12, 16, 8)]:
        dy, dx = offsets[j]
        cell = [min(max(p // scale + d, 0), n - 1) for p, d, n in ((row, dy, h), (column, dx, w))]
        here = [(p % scale + 0.5) / scale - 0.5 - d for p, d in ((row, dy), (column, dx))]
        value = planes.depth[0, 0][cell[0], cell[1]]
        value = value + planes.slope_y[0, 0][cell[0], cell[1]] * here[0]
        value = value + planes.slope_x[0, 0][cell[0], cell[1]] * here[1]
        torch.testing.assert_close(got[0, j, row, column], value)


def test_holes_take_the_mean_of_the_finest_level_that_knows():
    lq = torch.tensor([[2.0, 4.0, 0.0, 0.0], [0.0, 6.0, 0.0, 0.0]])[None, None]
    filled = parts.fill_by_means(lq, lq > 0)
    expected = torch.tensor([[2.0, 4.0, 4.0, 4.0], [4.0, 6.0, 4.0, 4.0]])
    torch.testing.assert_close(filled[0, 0], expected)


def test_correlation_is_that_of_loops():
    now, before = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5)
    got = correlate(now, before, 2).unflatten(1, (5, 5))
    for dy, dx, row, column in [(0, 0, 0, 0), (1, 3, 2, 4), (4, 2, 1, 1)]:
        y, x = row + dy - 2, column + dx - 2
        inside = 0 <= y < 4 and 0 <= x < 5
        dot = (now[:, :, row, column] * before[:, :, y, x]).sum(1) if inside else torch.zeros(2)
        torch.testing.assert_close(got[:, dy, dx, row, column], dot)


def test_sampling_moves_whole_pixels_exactly():
    x = torch.rand(1, 2, 5, 7)
    flow = torch.zeros(1, 2, 5, 7)
    flow[:, 0], flow[:, 1] = 2, -1
    moved, inside = warp_to_edges(x, flow, "bilinear")
    torch.testing.assert_close(moved[..., 1:, :-2], x[..., :-1, 2:])
    assert inside[..., 1:, :-2].all()
    assert not inside[..., 0, :].any()
    assert not inside[..., -2:].any()


@pytest.mark.parametrize(
    ("options", "said"), [({"scale": 6}, "multiple of 4"), ({"scale": 4, "reach": 0}, "reach")]
)
def test_impossible_options_are_named(options, said):
    with pytest.raises(ValueError, match=said):
        build_network({"type": "PlaneBlend", **options})


# ---- the head behind STDNet's trunk


def stdnet(scale=4, **options):
    torch.manual_seed(0)
    options = {"num_feat": 16, "head_feat": 16, "init": "balanced", **options}
    return build_network({"type": "STDNet", "scale": scale, **options}).eval()


@pytest.mark.parametrize("scale", [4, 8])
def test_stdnet_with_the_head_starts_as_an_untrained_plane_blend(scale):
    lq, guide = 1 + torch.rand(1, 2, 1, 3, 5), torch.rand(1, 2, 3, 3 * scale, 5 * scale)
    with torch.no_grad():
        ours = make(scale, reach=1, temporal=False)(lq, guide)["pred"]
        pred = stdnet(scale, head="planes")(lq, guide)["pred"]
    torch.testing.assert_close(pred, ours, rtol=1e-5, atol=1e-5)


def test_the_trunk_before_the_head_sees_ratios_so_that_any_unit_gives_alike_residuals():
    net = stdnet(head="planes")
    lq = 1 + torch.rand(1, 2, 1, 5, 7)
    torch.testing.assert_close(net.see(10 * lq) - net.see(lq), torch.full_like(lq, 10).log())
    assert torch.equal(stdnet().see(lq), lq)
    assert contract_of(net).any_range
    assert not contract_of(stdnet()).any_range


def test_a_hole_has_no_weight_where_the_head_is_untrained():
    lq, guide = torch.full((1, 2, 1, 5, 7), 2.0), torch.rand(1, 2, 3, 20, 28)
    lq[..., 2, 3] = 0
    with torch.no_grad():
        pred = stdnet(head="planes")(lq, guide)["pred"]
    torch.testing.assert_close(pred, torch.full_like(pred, 2), rtol=1e-5, atol=0)
    with pytest.raises(ValueError, match="this network's head is residual"):
        stdnet()(lq, guide, torch.zeros(1))


def test_the_head_takes_a_step_for_each_clip():
    net = shaken(stdnet(head="planes"))
    lq, guide = 1 + torch.rand(2, 3, 1, 5, 7), torch.rand(2, 3, 3, 20, 28)
    with torch.no_grad():
        both = net(lq, guide, torch.tensor([0.0, 0.3]))["pred"]
        for i, step in enumerate((0.0, 0.3)):
            net.step = step
            alone = net(lq[i : i + 1], guide[i : i + 1])["pred"]
            torch.testing.assert_close(both[i : i + 1], alone, rtol=0, atol=1e-5)
        plain = net(lq[1:], guide[1:], torch.zeros(1))["pred"]
    assert float((both[1:] - plain).abs().max()) > 1e-3


def test_the_head_is_an_option_that_leaves_stdnet_as_it_was():
    plain, planes = stdnet(), stdnet(head="planes")
    assert set(planes.state_dict()) - set(plain.state_dict()) == {
        "planes_head.head.out.weight",
        "planes_head.head.out.bias",
    }
    assert not hasattr(plain, "step")
    with pytest.raises(ValueError, match="head must be one of residual, planes, got 'plane'"):
        stdnet(head="plane")
    with pytest.raises(ValueError, match="step is for head='planes'; got step=0.1"):
        stdnet(step=0.1)
    assert stdnet(head="planes", step=0.1).step == 0.1


@pytest.mark.parametrize("scale", [4, 8])
def test_stdnet_with_the_head_streams_exactly_and_tells_its_error(scale):
    net = shaken(stdnet(scale, head="planes"))
    net.step = 0.05
    lq = 1 + torch.rand(1, 11, 1, 3, 4)
    guide = torch.rand(1, 11, 3, 3 * scale, 4 * scale)
    with torch.no_grad():
        whole = net(lq, guide)
    stream, found, errors = net.open_stream(), [], []
    for i in range(11):
        found += stream.push([lq[:, i]], [guide[:, i]])
        errors += stream.further_maps
    found += stream.push([], [], last=True)
    errors += stream.further_maps
    torch.testing.assert_close(torch.stack(found, 1), whole["pred"], rtol=0, atol=1e-5)
    streamed = torch.stack([extra["error"] for extra in errors], 1)
    torch.testing.assert_close(streamed, whole["error"], rtol=0, atol=1e-5)
    assert float(whole["error"].min()) >= 0.25 * 0.05
    with torch.no_grad():
        assert float((whole["pred"] - stdnet(scale)(lq, guide)["pred"]).abs().max()) > 0.01
