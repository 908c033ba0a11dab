"""Random states that survive a stop, and numbers that follow from a key alone."""

import random

import numpy as np
import torch

from stdnet_arch.utils.random_states import (
    capture_rng,
    gather_objects,
    restore_rng,
    seeded,
    untouched,
)

CPU = torch.device("cpu")


def test_random_states_pass_through_a_file_of_plain_values(tmp_path):
    state = capture_rng(CPU)
    torch.save(state, tmp_path / "rng")
    torch.rand(7)
    restore_rng(torch.load(tmp_path / "rng", weights_only=True), CPU)
    again = capture_rng(CPU)
    assert torch.equal(again.pop("torch"), state.pop("torch"))
    assert again == state


def test_one_process_gathers_itself():
    assert gather_objects("mine") == ["mine"]


def draw():
    return random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002


def test_what_is_drawn_inside_changes_nothing_outside():
    state = capture_rng(CPU)
    expected = draw()
    restore_rng(state, CPU)
    with untouched():
        assert draw() == expected
    assert draw() == expected


def test_numbers_follow_from_the_key_alone():
    with seeded(1, 2):
        first = draw()
    draw()
    with seeded(1, 2):
        assert draw() == first
    with seeded(2, 1):
        assert not set(draw()) & set(first)


def test_an_error_inside_leaves_the_outside_as_it_was():
    state = capture_rng(CPU)
    expected = draw()
    restore_rng(state, CPU)
    try:
        with seeded(5):
            raise OSError
    except OSError:
        assert draw() == expected
