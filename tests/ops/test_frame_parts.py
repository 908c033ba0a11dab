"""Frames a few at a time: the same, in order, and only where it is of use."""

import pytest
import torch

import stdnet_arch.ops.frame_parts as frame_parts
from stdnet_arch.ops.frame_parts import frames_at_once, run_in_parts


@pytest.fixture
def small_cache(monkeypatch):
    monkeypatch.setitem(frame_parts.PART_VALUES, "cpu", 24)


def run(sizes):
    def double(x, y):
        sizes.append(len(x))
        return 2 * x, x if y is None else x + y

    return double


@pytest.mark.parametrize(("values", "frames"), [(24, 1), (12, 2), (5, 4), (25, 1), (0, 24)])
@pytest.mark.usefixtures("small_cache")
def test_at_least_one_frame_and_no_more_than_fit(values, frames):
    assert frames_at_once(torch.device("cpu"), values) == frames


@pytest.mark.usefixtures("small_cache")
@torch.no_grad()
def test_parts_come_back_whole_and_in_order():
    sizes, x, y = [], torch.rand(5, 3), torch.rand(5, 3)
    twice, total = run_in_parts(run(sizes), (x, y), 12)
    assert sizes == [2, 2, 1]
    assert torch.equal(twice, 2 * x)
    assert torch.equal(total, x + y)


@pytest.mark.usefixtures("small_cache")
@torch.no_grad()
def test_what_is_not_given_stays_none():
    sizes, x = [], torch.rand(3, 2)
    assert torch.equal(run_in_parts(run(sizes), (x, None), 24)[1], x)
    assert sizes == [1, 1, 1]


@pytest.mark.usefixtures("small_cache")
def test_with_gradients_all_frames_run_at_once():
    sizes = []
    run_in_parts(run(sizes), (torch.rand(5, 3), None), 24)
    assert sizes == [5]
