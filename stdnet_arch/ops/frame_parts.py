"""Number of frames to compute at once: as many as stay in the cache, or as fill the card."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# Values of the widest map in memory at once. Measured on a CPU of 2 cores: convolutions of maps
# beyond the caches, freshly mapped by the system, run at two thirds of the rate of those within.
# A GPU wants all it can get; this keeps the prediction head of a long clip bounded.
PART_VALUES = {"cpu": 1 << 20, "cuda": 1 << 30}


def frames_at_once(device: torch.device, values_per_frame: int) -> int:
    """Frames, at least one, whose widest map stays within ``PART_VALUES``.

    Args:
        device: device of the maps.
        values_per_frame: number of values of the widest map that is made of one frame.
    """
    return max(PART_VALUES.get(device.type, PART_VALUES["cuda"]) // max(values_per_frame, 1), 1)


def run_in_parts(
    run: Callable[..., tuple[Tensor, ...]], frames: Sequence[Tensor | None], values_per_frame: int
) -> tuple[Tensor, ...]:
    """Run frames that do not depend on one another a few at a time.

    With gradients (which keep every part anyway), compiled or exported, all at once: one graph
    without loops.

    Args:
        run: takes ``(n, ...)`` tensors, or None, and returns ``(n, ...)`` tensors.
        frames: tensors of the frames, ``(n, ...)`` each; some may be None.
        values_per_frame: see :func:`frames_at_once`.

    Returns:
        As ``run`` on the whole.
    """
    first = next(x for x in frames if x is not None)
    most = frames_at_once(first.device, values_per_frame)
    if first.shape[0] <= most or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return run(*frames)
    starts = range(0, first.shape[0], most)
    parts = [run(*(None if x is None else x[i : i + most] for x in frames)) for i in starts]
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))
