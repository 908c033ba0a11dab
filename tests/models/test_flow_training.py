"""A SPyNet against exact flow: errors by hand, levels, pairs, a file that networks start from."""

import math

import cv2
import numpy as np
import pytest
import torch
from basicsr.archs import build_network

from stdnet_arch.archs.checkpoints.adapters import read_about
from stdnet_arch.archs.shared.flow import SpyNetFlow
from stdnet_arch.data.synthetic.layers import LayerScenes
from stdnet_arch.models.flow.motion_energy import GAIN, motion_filters, start_with_motion_energy
from stdnet_arch.models.flow.pairs import (
    SMALL_MOTION_PX,
    Pairs,
    draw_pairs,
    draw_small_motions,
    shift_pairs,
)
from stdnet_arch.models.flow.training import (
    FlowRecipe,
    FlowTrainer,
    endpoint_error,
    judge_flow,
    level_loss,
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
    trainer = FlowTrainer(FlowRecipe(seconds=1, alone=0), draw=lambda: pairs)
    losses = [trainer.step(0.0).item() for _ in range(12)]
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


def test_a_texture_is_found_again_where_its_flow_says():
    """Against OpenCV's cubic sampling, which has steps of 1/32 px."""
    pairs = draw_small_motions(3, 30, torch.Generator().manual_seed(2))
    assert pairs.frame.shape == (3, 3, 30, 30)
    assert 0.3 < pairs.flow_px.abs().max() <= 2 * SMALL_MOTION_PX
    x, y = np.meshgrid(np.arange(30), np.arange(30))
    for frame, other, flow, _ in zip(*pairs, strict=True):
        points = np.float32(flow[0] + x), np.float32(flow[1] + y)
        image = np.ascontiguousarray(other.permute(1, 2, 0).numpy())
        found = torch.from_numpy(cv2.remap(image, *points, cv2.INTER_CUBIC)).permute(2, 0, 1)
        inner = (..., slice(5, -5), slice(5, -5))
        error = (found.clamp(0, 1) - frame)[inner].abs().mean()
        assert error < 0.02
        assert (other - frame)[inner].abs().mean() > 4 * error


def test_what_moves_out_of_the_frame_is_not_judged():
    pairs = draw_small_motions(2, 25, torch.Generator().manual_seed(4))
    x = pairs.flow_px[:, :1] + torch.arange(25)
    y = pairs.flow_px[:, 1:] + torch.arange(25)[:, None]
    assert torch.equal(pairs.valid, (x >= 0) & (x <= 24) & (y >= 0) & (y <= 24))
    assert not pairs.valid.all()


def test_filters_answer_to_one_direction_of_motion():
    """A grating that moves by a quarter of its wave: summed and rectified, one sense wins."""
    filters = motion_filters(7)
    assert filters.shape == (32, 2, 7, 7)
    torch.testing.assert_close(filters.mean(dim=(2, 3)), torch.zeros(32, 2), atol=1e-6, rtol=0)
    torch.testing.assert_close(filters.flatten(2).norm(dim=2), torch.full((32, 2), GAIN))
    across = torch.arange(-3.0, 4).expand(7, 7)
    answers = torch.zeros(2)
    for start in torch.arange(0, 6.28, 0.1):
        first = torch.cos(2 * math.pi * across / 5 + start)
        second = torch.cos(2 * math.pi * across / 5 + start + math.pi / 2)
        seen = (filters[:8] * torch.stack([first, second])).sum(dim=(1, 2, 3)).relu().square()
        answers += seen.view(2, 4).sum(dim=1)
    assert answers[0] > 5 * answers[1]


def test_a_level_without_room_for_the_filters_is_refused():
    with pytest.raises(ValueError, match="32 filters or more, has 8"):
        start_with_motion_energy(torch.nn.Conv2d(8, 8, 7))


def test_a_level_learns_small_motions_within_seconds():
    """Random weights learn nothing here: their rectifiers die while they learn to answer zero."""
    trainer = FlowTrainer(FlowRecipe(seconds=1))
    losses = [trainer.step(0.0).item() for _ in range(150)]
    pairs = draw_small_motions(64, 24, torch.Generator().manual_seed(6))
    motion = endpoint_error(torch.zeros_like(pairs.flow_px), pairs.flow_px, pairs.valid).item()
    assert sum(losses[-50:]) / 50 < 0.8 * motion


def test_levels_are_one_until_they_part():
    pairs = shifted()
    trainer = FlowTrainer(FlowRecipe(seconds=1, size=64, tied=0.5), draw=lambda: pairs)
    trainer.step(0.1)
    assert trainer.is_alone
    trainer.step(0.4)
    assert not trainer.is_alone
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
     {"seed": 1 << 31}, {"shift_px": -1}, {"shift_px": 97}, {"tied": 1.0},
     {"alone": 0.6}, {"alone": -0.1}],
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
