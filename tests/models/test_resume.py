"""Files and random states that survive a stop."""

import pytest
import torch

from stdnet_arch.models.resume import capture_rng, gather_objects, restore_rng, save_whole

CPU = torch.device("cpu")


def test_a_save_that_is_cut_short_leaves_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "4.state"
    save_whole({"iter": 4}, path)

    def cut_short(_state, partial):
        partial.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", cut_short)
    with pytest.raises(KeyboardInterrupt):
        save_whole({"iter": 5}, path)
    assert torch.load(path, weights_only=True) == {"iter": 4}
    assert [found.name for found in tmp_path.glob("*state")] == [
        "4.state"
    ]  # what resuming looks for


def test_random_states_pass_through_a_file_of_plain_values(tmp_path):
    state = capture_rng(CPU)
    save_whole(state, tmp_path / "rng")
    torch.rand(7)
    restore_rng(torch.load(tmp_path / "rng", weights_only=True), CPU)
    again = capture_rng(CPU)
    assert torch.equal(again.pop("torch"), state.pop("torch"))
    assert again == state


def test_one_process_gathers_itself():
    assert gather_objects("mine") == ["mine"]
