"""A recursive filter over time, in the manner of a depth camera's SDK."""

import torch
from torch import Tensor

PERSISTENCE: tuple[tuple[int, int], ...] = (
    (1, 0), (8, 8), (2, 3), (2, 4), (2, 8), (1, 2), (1, 5), (1, 8), (0, 0),
)  # fmt: skip
"""A missing pixel keeps its last value if it was valid in ``a`` of the last ``b`` frames, by mode 0
(never) to 8 (always). The modes are those of the RealSense SDK."""


def temporal_recursive_filter(
    depth: Tensor, *, alpha: float, delta: float, persistence: int
) -> Tensor:
    """Exponential moving average of each pixel that starts again where depth jumps.

    After the public description of the temporal filter of the RealSense SDK (post-processing
    filters): ``s[i] = alpha * d[i] + (1 - alpha) * s[i - 1]`` where both are valid and less than
    ``delta`` apart, else ``s[i] = d[i]``.

    Args:
        depth: a clip, ``(t, ...)``; 0 where there is none.
        alpha: weight of the current frame, in (0, 1]; 1 changes nothing.
        delta: a larger difference is motion or another surface, unit of ``depth``.
        persistence: when a missing pixel takes its last value, index into :data:`PERSISTENCE`; the
            last frames are those before the current one.

    Returns:
        ``(t, ...)``; frame ``i`` depends on no later one.

    Raises:
        ValueError: ``alpha`` or ``persistence`` is out of range.

    Example:
        >>> depth = torch.tensor([[1.0], [1.5], [5.0]])  # three frames of one pixel
        >>> temporal_recursive_filter(depth, alpha=0.5, delta=1.0, persistence=0).tolist()
        [[1.0], [1.25], [5.0]]
    """
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha must be in (0, 1], got {alpha}")
    if not 0 <= persistence < len(PERSISTENCE):
        raise ValueError(f"persistence must be a mode of 0 to 8, got {persistence}")
    needed, last = PERSISTENCE[persistence]
    valid = depth > 0
    state = torch.zeros_like(depth[0])
    frames = []
    for i, frame in enumerate(depth):
        close = valid[i] & (state > 0) & ((frame - state).abs() < delta)
        blended = torch.where(close, alpha * frame + (1 - alpha) * state, frame)
        credible = valid[max(i - last, 0) : i].sum(0) >= needed
        frames.append(torch.where(valid[i], blended, state * credible))
        state = torch.where(valid[i], blended, state)
    return torch.stack(frames)
