"""Tensors inside lists, tuples and dataclasses."""

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

T = TypeVar("T")


def to_device(nested: T, device: torch.device | str) -> T:
    """A copy whose tensors are on a device.

    A tensor that is there several times is moved once and stays one; one that is on the device
    already stays itself.

    Args:
        nested: tensors in lists, tuples and dataclasses, at any depth.
        device: target device.
    """
    moved: dict[int, Tensor] = {}

    def move(item: Any) -> Any:  # noqa: ANN401  anything that holds tensors
        if isinstance(item, Tensor):
            if id(item) not in moved:
                moved[id(item)] = item.to(device)
            return moved[id(item)]
        if isinstance(item, list | tuple):
            return type(item)(move(part) for part in item)
        if is_dataclass(item) and not isinstance(item, type):
            return type(item)(**{f.name: move(getattr(item, f.name)) for f in fields(item)})
        return item

    return cast(T, move(nested))
