"""The ConvLSTM of a distillation: what it is shown, and when it stops to learn."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from stdnet_arch.models.memory_distillation import (
    CollapseGuard,
    MemoryReader,
    frames_around,
    spread_of,
)


def test_frames_around_repeat_the_border():
    clip = torch.arange(2 * 4).view(2, 4, 1, 1, 1)
    windows = frames_around(clip, 1).flatten(1).tolist()
    assert windows[:4] == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]
    assert windows[4:] == [[4, 4, 5], [4, 5, 6], [5, 6, 7], [6, 7, 7]]


@pytest.fixture
def clips():
    """Features of student and teacher of other widths and sizes, and a mask."""
    valid = torch.rand(2, 3, 1, 16, 24) > 0.3
    return torch.rand(2, 3, 4, 8, 12), torch.rand(2, 3, 5, 16, 24), valid


def test_both_are_read_by_one_convlstm_at_one_size_and_width(clips):
    reader = MemoryReader(4, 5, num_feat=6, pool=2)
    mine, theirs, share = reader(*clips)
    frames = [F.avg_pool2d(clips[1][:, k], 4) for k in range(3)]
    torch.testing.assert_close(theirs, reader.recurrence(torch.stack(frames, 1))[1])
    frames = [reader.adapter(F.avg_pool2d(clips[0][:, k], 2)) for k in range(3)]
    torch.testing.assert_close(mine, reader.recurrence(torch.stack(frames, 1))[1])
    torch.testing.assert_close(share, F.avg_pool2d(clips[2].float().mean(1), 4))


def test_a_radius_reads_a_memory_at_each_frame(clips):
    reader = MemoryReader(4, 5, num_feat=6, radius=1)
    theirs = reader(*clips)[1].unflatten(0, (2, 3))
    frames = F.avg_pool2d(clips[1].flatten(0, 1), 2).unflatten(0, (2, 3))
    torch.testing.assert_close(theirs[:, 0], reader.recurrence(frames[:, [0, 0, 1]])[1])
    torch.testing.assert_close(theirs[:, 1], reader.recurrence(frames[:, [0, 1, 2]])[1])


def test_nothing_flows_into_the_teacher(clips):
    student, teacher = (x.requires_grad_() for x in clips[:2])
    reader = MemoryReader(4, 5)
    mine, theirs, _ = reader(student, teacher, clips[2])
    (mine - theirs).square().mean().backward()
    assert teacher.grad is None
    assert student.grad.any()


def test_equal_widths_need_no_adapter():
    assert isinstance(MemoryReader(4, 4).adapter, nn.Identity)


@pytest.mark.parametrize(
    ("options", "got"), [({"pool": 0}, "None and 0"), ({"radius": 0}, "0 and")]
)
def test_impossible_options_are_refused(options, got):
    with pytest.raises(ValueError, match=f"radius >= 1 or ~, and pool >= 1; got {got}"):
        MemoryReader(4, 4, **options)


def test_a_pool_that_does_not_divide_is_refused(clips):
    with pytest.raises(ValueError, match="pool: 5 must divide features of 8x12"):
        MemoryReader(4, 5, pool=5)(*clips)


def test_the_guard_freezes_once_the_memories_are_equal():
    guard = CollapseGuard()
    assert guard.observe(1e-7, 1.0) is None
    assert "9e-09 is below 1e-08" in guard.observe(9e-9, 1.0)
    assert bool(guard.frozen)
    assert guard.observe(0.0, 0.0) is None


def test_the_guard_freezes_once_the_memory_fades():
    guard = CollapseGuard(min_spread=0.25)
    assert guard.observe(1.0, 4.0) is None
    assert guard.observe(1.0, 1.01) is None
    assert "spreads by 0.99, less than 1" in guard.observe(1.0, 0.99)


def test_the_guard_s_knowledge_is_in_its_state():
    first, second = CollapseGuard(), CollapseGuard()
    first.observe(1.0, 4.0)
    second.load_state_dict(first.state_dict())
    assert second.observe(1.0, 0.3) is not None
    assert math.isnan(CollapseGuard().first_spread)


@pytest.mark.parametrize("share", [-0.1, 1])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(ValueError, match=r"min_spread must be in \[0, 1\), got"):
        CollapseGuard(min_spread=share)


def test_the_spread_is_that_of_the_places_that_count():
    memory = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    share = (torch.rand(2, 1, 4, 5) > 0.5).double()
    kept = memory.permute(1, 0, 2, 3)[:, share[:, 0].bool()]
    torch.testing.assert_close(spread_of(memory, share), kept.std(correction=0))
