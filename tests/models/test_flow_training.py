"""A SPyNet against exact flow: errors by hand, levels, and a file that networks start from."""

import math

import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.checkpoints.adapters import read_about
from stdnet_arch.archs.shared.flow import SpyNetFlow
from stdnet_arch.data.synthetic.layers import LayerScenes
from stdnet_arch.models.flow_training import (
    FlowRecipe,
    FlowTrainer,
    Pairs,
    draw_pairs,
    endpoint_error,
    judge_flow,
    level_loss,
    shift_pairs,
    train_flow,
    watching_levels,
)
from stdnet_arch.utils.input_errors import InputError


def shifted(n=2, size=64, by=(3, 0)):
    """Noise that moves by whole pixels; what leaves the frame is not seen."""
    frame = torch.rand(n, 3, size, size)
    flow = torch.tensor(by, dtype=torch.float32).view(1, 2, 1, 1).expand(n, 2, size, size)
    valid = torch.ones(n, 1, size, size, dtype=torch.bool)
    valid[..., size - by[0] :] = False
    return Pairs(frame, frame.roll(by, (-1, -2)), flow, valid)


def test_an_endpoint_error_is_a_length_over_what_is_seen():
    truth = torch.zeros(1, 2, 1, 3)
    flow = torch.tensor([[3.0, 0, 9], [4, 1, 9]]).view(1, 2, 1, 3)
    seen = torch.tensor([True, True, False]).view(1, 1, 1, 3)
    assert endpoint_error(flow, truth, seen).item() == pytest.approx((5 + 1) / 2)


def test_the_last_level_is_the_network_s_flow_and_the_others_halve():
    net, pairs = SpyNetFlow(), shifted()
    with watching_levels(net.spynet) as flows:
        flow = net(pairs.frame, pairs.other)
    torch.testing.assert_close(flows[-1], flow)
    assert [each.shape[-1] for each in flows] == [2, 4, 8, 16, 32, 64]


def test_every_level_is_judged_in_pixels_of_its_own():
    pairs = shifted(by=(4, 0))
    whole = [torch.zeros(2, 2, s, s) for s in (16, 64)]
    assert level_loss(whole, pairs).item() == pytest.approx(4 / 4 + 4)
    right = [pairs.flow_px[..., :s, :s] / (64 / s) for s in (16, 64)]
    assert level_loss(right, pairs).item() == pytest.approx(0)


def test_a_few_steps_on_one_motion_bring_the_flow_nearer():
    pairs = shifted()
    trainer = FlowTrainer(FlowRecipe(seconds=1, size=64), draw=lambda: pairs)
    losses = [trainer.step(0.0).item() for _ in range(25)]
    assert losses[-1] < 0.7 * losses[0]


def test_pairs_of_scenes_are_found_where_their_flow_says():
    pairs = draw_pairs(LayerScenes("cpu", 5), 3, 64)
    assert (pairs.frame.shape, pairs.flow_px.shape) == ((3, 3, 64, 64), (3, 2, 64, 64))
    assert pairs.valid.float().mean() > 0.5


def test_a_shifted_pair_shows_the_same_points_where_its_flow_says():
    pairs = draw_pairs(LayerScenes("cpu", 5), 4, 64 + 2 * 9)
    random = torch.Generator().manual_seed(3)
    still = pairs._replace(other=pairs.frame, flow_px=torch.zeros_like(pairs.flow_px))
    moved = shift_pairs(still._replace(valid=torch.ones_like(pairs.valid)), 9, random)
    assert moved.frame.shape == moved.other.shape == (4, 3, 64, 64)
    assert torch.equal(moved.frame, pairs.frame[..., 9:-9, 9:-9])
    shifts = moved.flow_px[:, :, 0, 0].int()
    assert len({tuple(shift) for shift in shifts.tolist()}) > 1
    assert shifts.abs().max() <= 9
    for n, (dx, dy) in enumerate(shifts.tolist()):
        for y, x in [(0, 0), (31, 40), (63, 63), (12, 63)]:
            there = 0 <= y + dy < 64 and 0 <= x + dx < 64
            assert bool(moved.valid[n, 0, y, x]) == there
            if there:
                assert torch.equal(moved.other[n, :, y + dy, x + dx], moved.frame[n, :, y, x])


def test_levels_are_one_until_they_part():
    pairs = shifted()
    trainer = FlowTrainer(FlowRecipe(seconds=1, size=64, tied=0.5), draw=lambda: pairs)
    trainer.step(0.4)
    assert len(set(trainer.levels)) == 1
    trainer.step(0.5)
    first, *others = (level.basic_module[0].weight for level in trainer.levels)
    assert len(set(trainer.levels)) == 6
    assert all(not torch.equal(first, other) for other in others)


def test_a_flow_of_zero_is_off_by_the_motion():
    net = SpyNetFlow()
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    found = judge_flow(net, LayerScenes("cpu", 5), 3, 64)
    pairs = draw_pairs(LayerScenes("cpu", 5), 3, 64)
    motion = torch.linalg.vector_norm(pairs.flow_px, dim=1, keepdim=True)[pairs.valid].mean()
    assert found["epe_px"] == found["epe_of_no_motion_px"] == pytest.approx(motion.item())


def test_the_file_is_what_networks_start_from(tmp_path):
    path, said = tmp_path / "spynet.safetensors", []
    found = train_flow(FlowRecipe(seconds=0.5, batch=1, size=64), path, said.append, pairs=2)
    about = read_about(path)
    assert about["epe_px"] == found["epe_px"]
    assert about["license"] == "Apache-2.0"
    options = {"num_feat": 4, "num_block": 1}
    net = build_network(
        {"type": "ToolboxVSR", "scale": 4, "arch": "BasicVSR", "options": options,
         "flow_weights": str(path)}
    )  # fmt: skip
    flow = SpyNetFlow()
    flow.load(path)
    assert torch.equal(net.net.spynet.estimator.spynet.mean, flow.spynet.mean)
    pairs = draw_pairs(LayerScenes("cpu", 9), 1, 64)
    torch.testing.assert_close(
        net.net.spynet.estimator(*pairs[:2]), flow(*pairs[:2]), atol=0, rtol=0
    )


@pytest.mark.parametrize(
    "options",
    [{"size": 63}, {"size": 32}, {"lr": 0}, {"batch": 0}, {"lr": math.inf}, {"seconds": math.inf},
     {"seed": 1 << 31}, {"shift_px": -1}, {"shift_px": 97}, {"tied": 1.0}],
)  # fmt: skip
def test_a_recipe_that_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match="must be"):
        FlowRecipe(**{"seconds": 1, **options})


def test_a_step_larger_than_the_memory_is_refused():
    with pytest.raises(InputError, match="of memory"):
        FlowRecipe(seconds=1, batch=10**9)


def test_a_training_that_diverged_writes_nothing(tmp_path):
    recipe = FlowRecipe(seconds=0.01, lr=1e30, batch=1, size=64)
    with pytest.raises(InputError, match="diverged"):
        train_flow(recipe, tmp_path / "x.pth", lambda _: None, pairs=1)
    assert list(tmp_path.iterdir()) == []
