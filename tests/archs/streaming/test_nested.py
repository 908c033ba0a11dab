"""Tensors are found wherever they are kept, and moved once."""

from dataclasses import dataclass

import torch

from stdnet_arch.archs.streaming.nested import to_device


@dataclass(frozen=True)
class Kept:
    name: str
    maps: tuple[torch.Tensor, ...]


def test_all_tensors_move_and_what_was_one_stays_one():
    shared = torch.rand(2, 3)
    nested = [Kept("a", (shared, torch.rand(1))), (shared, 5)]
    (kept, (again, number)) = to_device(nested, "meta")
    assert (kept.name, number) == ("a", 5)
    assert {x.device.type for x in (*kept.maps, again)} == {"meta"}
    assert kept.maps[0] is again
    assert nested[0].maps[0] is shared


def test_what_is_there_already_stays_itself():
    x = torch.rand(3)
    assert to_device([x], "cpu")[0] is x
