"""The distillation losses against loops written from the formulas."""

import math

import pytest
import torch
from basicsr.losses import build_loss

from stdnet_arch.losses.distill_loss import (
    SpatialAttentionDistillLoss,
    TemporalMemoryDistillLoss,
    memory_distance,
)


def features(b=2, t=3, c=4, h=6, w=10):
    return torch.randn(b, t, c, h, w, dtype=torch.float64)


def map_by_loop(frame, valid, size, p):
    """Attention of ``(c, h, w)`` averaged to ``size``, times the share of valid pixels there."""
    h, w = size
    result = {}
    for y in range(h):
        for x in range(w):
            k, m = frame.shape[1] // h, frame.shape[2] // w
            cell = frame[:, y * k : (y + 1) * k, x * m : (x + 1) * m]
            attention = sum(abs(v) ** p for v in cell.flatten().tolist()) / (k * m)
            kv, mv = valid.shape[0] // h, valid.shape[1] // w
            share = valid[y * kv : (y + 1) * kv, x * mv : (x + 1) * mv].double().mean().item()
            result[y, x] = attention * share
    return result


def spatial_by_loop(student, teacher, valid, p, normalize):
    size = min(student.shape[3], teacher.shape[3]), min(student.shape[4], teacher.shape[4])
    total, count = 0.0, 0
    for i in range(student.shape[0]):
        for k in range(student.shape[1]):
            seen = valid[i, k, 0]
            maps = [map_by_loop(x[i, k], seen, size, p) for x in (student, teacher)]
            norms = [math.sqrt(sum(v**2 for v in m.values())) if normalize else 1 for m in maps]
            both = ((maps[0][q] / norms[0], maps[1][q] / norms[1]) for q in maps[0])
            total, count = total + math.sqrt(sum((a - b) ** 2 for a, b in both)), count + 1
    return total / count


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("sizes", [(6, 10), (3, 5), (12, 20)])
def test_the_spatial_loss_is_the_formula_for_any_sizes_and_widths(normalize, p, sizes):
    student, teacher = features(), features(c=7, h=sizes[0], w=sizes[1])
    valid = torch.rand(2, 3, 1, 12, 20) > 0.3
    loss = SpatialAttentionDistillLoss(loss_weight=0.5, p=p, normalize=normalize)
    expected = 0.5 * spatial_by_loop(student, teacher, valid, p, normalize)
    assert loss(student, teacher, valid).item() == pytest.approx(expected)


def test_sizes_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="whole multiples of 4x10 .* got 6x10"):
        SpatialAttentionDistillLoss()(features(), features(h=4))


def test_equal_features_cost_nothing_and_pull_nowhere():
    student = features().requires_grad_()
    loss = SpatialAttentionDistillLoss()(student, student.detach())
    loss.backward()
    assert loss.item() == 0
    assert not student.grad.any()


def test_a_normalized_map_knows_no_scale():
    student, teacher = features(), features()
    loss = SpatialAttentionDistillLoss()
    torch.testing.assert_close(loss(student, 1000 * teacher), loss(student, teacher))


def test_pixels_that_are_not_valid_do_not_count():
    student, teacher = features(), features()
    valid = torch.rand(2, 3, 1, 6, 10) > 0.4
    loss = SpatialAttentionDistillLoss(normalize=False)
    other = torch.where(valid, student, 1e3)
    torch.testing.assert_close(loss(other, teacher, valid), loss(student, teacher, valid))


@pytest.mark.parametrize("normalize", [True, False])
def test_nothing_valid_costs_nothing(normalize):
    student = features().requires_grad_()
    nothing = torch.zeros(2, 3, 1, 6, 10, dtype=torch.bool)
    loss = SpatialAttentionDistillLoss(normalize=normalize)(student, features(), nothing)
    loss.backward()
    assert loss.item() == 0
    assert not student.grad.any()


def test_gradients_reach_the_student_alone_and_are_right():
    student = features(b=1, t=2, c=2, h=2, w=3).requires_grad_()
    teacher = features(b=1, t=2, c=3, h=2, w=3).requires_grad_()
    loss = SpatialAttentionDistillLoss()
    assert torch.autograd.gradcheck(lambda x: loss(x, teacher), (student,))
    loss(student, teacher).backward()
    assert teacher.grad is None


def test_the_memory_loss_is_a_root_mean_square_over_what_counts():
    mine, theirs = (torch.randn(2, 3, 4, 5, dtype=torch.float64) for _ in range(2))
    share = (torch.rand(2, 1, 4, 5) > 0.5).double()
    expected = 0.0
    for i in range(2):
        kept = share[i, 0].bool()
        square = (mine[i][:, kept] - theirs[i][:, kept]) ** 2
        expected += 0.7 * math.sqrt(square.sum().item() / square.numel()) / 2
    loss = TemporalMemoryDistillLoss(loss_weight=0.7)
    assert loss(mine, theirs, share).item() == pytest.approx(expected)


def test_memories_one_apart_have_a_distance_of_one():
    mine = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(memory_distance(mine + 1, mine), torch.ones(2))


def test_equal_memories_pull_nowhere():
    mine = torch.randn(2, 3, 4, 5).requires_grad_()
    TemporalMemoryDistillLoss()(mine, mine.detach(), torch.zeros(2, 1, 4, 5)).backward()
    assert not mine.grad.any()


def test_an_impossible_exponent_is_refused():
    with pytest.raises(ValueError, match=r"p must be positive .* got 0"):
        SpatialAttentionDistillLoss(p=0)


@pytest.mark.parametrize("kind", ["SpatialAttentionDistillLoss", "TemporalMemoryDistillLoss"])
def test_the_toolbox_builds_them(kind):
    assert build_loss({"type": kind, "loss_weight": 0.25}).loss_weight == 0.25
