"""PlaneBlend's refiner: what it may do, and that it learns what no window of planes can see."""

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.plane_blend.refiner import Refiner, find_surfaces
from stdnet_arch.losses.surface_loss import SurfaceLoss
from stdnet_arch.ops.local_planes import fit_local_planes


def make(num_feat=4):
    torch.manual_seed(0)
    return Refiner(num_feat)


def shaken(refiner):
    """Weights whose answers differ from 0 everywhere."""
    for parameter in refiner.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return refiner.requires_grad_(False).eval()


def walls(generator, n=6, h=24, w=28, step=0.1):
    """Slanted walls as a sensor of coarse steps sees them, and as they are."""
    rows, columns = torch.meshgrid(torch.arange(h) - h / 2, torch.arange(w) - w / 2, indexing="ij")
    draw = lambda low, high: low + (high - low) * torch.rand(n, 1, 1, 1, generator=generator)  # noqa: E731
    truth = draw(2, 4) + draw(-0.01, 0.01) * rows + draw(-0.01, 0.01) * columns
    return (truth / step).round() * step, truth


def test_untrained_it_gives_its_input_and_a_network_without_it_is_another():
    lq = 1 + torch.rand(2, 1, 7, 9)
    measured, step = lq > 1.1, torch.tensor([0.1, 0.0])
    assert torch.equal(make()(lq, measured, step), lq)
    plain = build_network({"type": "PlaneBlend", "scale": 4, "num_feat": 4, "temporal": False})
    assert plain.refiner is None
    said = "refine must be a number of channels, 0: none; got -2"
    for kind in ({"type": "PlaneBlend"}, {"type": "STDNetT", "head": "planes"}):
        with pytest.raises(ValueError, match=said):
            build_network({**kind, "scale": 4, "refine": -2})


def test_it_moves_depth_by_no_more_than_steps_and_noise():
    refiner, lq = shaken(make()), 1 + torch.rand(3, 1, 6, 10)
    step = torch.tensor([0.0, 0.2, 0.1])
    moved = (refiner(lq, lq > 0, step) - lq).abs()
    most = 0.6 * step.view(3, 1, 1, 1) + 0.02 * lq
    assert (moved <= 1.0001 * most).all()
    assert (moved > 0.1 * most).any()


def test_depth_and_step_in_another_unit_give_depth_in_that_unit():
    refiner, lq, step = shaken(make()), 1 + torch.rand(2, 1, 5, 8), torch.tensor([0.0, 0.3])
    one, thousand = (refiner(f * lq, lq > 1.2, f * step) for f in (1, 1000))
    torch.testing.assert_close(thousand, 1000 * one, rtol=1e-5, atol=1e-3)


def test_a_clip_is_refined_frame_by_frame_and_holes_stay_holes():
    refiner, lq = shaken(make()), 1 + torch.rand(2, 3, 1, 6, 7)
    lq[0, 1, 0, 2, 3] = 0
    out = refiner.alone(lq, torch.empty(0), torch.tensor([0.1, 0.0]))
    alone = refiner.alone(lq[1:, 2:], torch.empty(0), torch.tensor([0.0]))
    torch.testing.assert_close(out["surface"][1:, 2:], alone["surface"])
    assert out["surface"][0, 1, 0, 2, 3] == 0
    assert (out["surface"] == 0).sum() == 1
    torch.testing.assert_close(out["limit"][0, 2], 0.06 + 0.02 * lq[0, 2])


def test_it_learns_where_walls_lie_better_than_planes_through_a_window():
    generator = torch.Generator().manual_seed(3)
    refiner = make(8)
    loss, optimizer = SurfaceLoss(), torch.optim.Adam(refiner.parameters(), 4e-3)
    for _ in range(120):
        lq, truth = walls(generator)
        out = refiner.alone(lq[:, None], torch.empty(0), torch.full((len(lq),), 0.1))
        optimizer.zero_grad()
        loss(out, truth[:, None], truth[:, None] > 0).backward()
        optimizer.step()
    lq, truth = walls(torch.Generator().manual_seed(4), n=30)
    with torch.no_grad():
        refined = refiner(lq, lq > 0, torch.full((30,), 0.1))
    planes = fit_local_planes(lq, 0.1).depth
    error, of_planes = ((x - truth).abs().mean() for x in (refined, planes))
    assert error < 0.7 * of_planes


def test_planes_of_a_network_pass_through_refined_depth():
    torch.manual_seed(1)
    options = {"type": "PlaneBlend", "scale": 4, "num_feat": 4, "temporal": False, "refine": 4}
    net = build_network(options).eval()
    lq, guide = torch.full((1, 1, 1, 5, 6), 2.0), torch.rand(1, 1, 3, 20, 24)
    step = torch.tensor([0.1])
    with torch.no_grad():
        torch.testing.assert_close(net(lq, guide, step)["pred"], torch.full((1, 1, 1, 20, 24), 2.0))
        net.refiner.move[1].bias[0] = 20  # all depth up by 0.6 steps
        torch.testing.assert_close(
            net(lq, guide, step)["pred"], torch.full((1, 1, 1, 20, 24), 2.06), atol=1e-4, rtol=0
        )


def test_the_error_of_a_prediction_reaches_the_refiner():
    torch.manual_seed(2)
    options = {"type": "PlaneBlend", "scale": 4, "num_feat": 4, "temporal": False, "refine": 4}
    net = build_network(options)
    lq, guide = 2 + torch.rand(1, 1, 1, 5, 6), torch.rand(1, 1, 3, 20, 24)
    (net(lq, guide, torch.tensor([0.1]))["pred"] - 3).square().mean().backward()
    assert net.refiner.move[1].weight.grad.any()


def test_slopes_and_what_the_trunk_sees_do_not_teach_the_refiner():
    # With them a training from scratch ended above bilinear (docs/plane_blend.md).
    found = find_surfaces(1 + torch.rand(1, 1, 5, 6), torch.tensor([0.1]), make())
    assert found.planes.depth.requires_grad
    assert not found.planes.slope_x.requires_grad
    assert not found.planes.slope_y.requires_grad
    assert not found.depth.requires_grad
