"""Work a few rows at a time: maps of all candidates at full size would leave a CPU's cache."""

import torch
from torch import Tensor

PART_VALUES = 1 << 18
"""Values of all candidates that are in work at once."""


def rows_at_once(maps: Tensor, factor: int = 1) -> int | None:
    """Tell how many rows to work on at once.

    Args:
        maps: ``(n, j, 16, h, w)``, one value for each candidate.
        factor: rows of ``maps`` that belong together.

    Returns:
        Rows, in units of ``factor``; None: all at once. So it is with gradients, while a graph is
        made, and on a GPU.
    """
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or maps.device.type != "cpu":
        return None
    return max(PART_VALUES * (maps.shape[-2] // factor) // maps.numel(), 1)
