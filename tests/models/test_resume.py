"""Files and random states that survive a stop."""

import torch

from stdnet_arch.models.resume import capture_rng, gather_objects, restore_rng

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
