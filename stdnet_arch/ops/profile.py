"""Temporal profiles: the x-t and y-t slices of a clip, and their gradients."""

from torch import Tensor

SLICES = ("rows", "columns")
"""An x-t slice is a row over time, a y-t slice a column over time."""


def profile_gradient(clip: Tensor, slices: str) -> tuple[Tensor, Tensor]:
    """Measure how slices change along line and time, in cells of two pixels by two frames.

    What moves is a slanted line in a slice: its gradient points across that line. Flicker is a
    gradient over time without a line.

    Args:
        clip: ``(..., t, c, H, W)``.
        slices: ``rows`` or ``columns``.

    Returns:
        Change per pixel along the slice, mean of two frames, and per frame, mean of two pixels:
        ``(..., t - 1, c, H, W - 1)`` each, or ``(..., t - 1, c, H - 1, W)`` for columns; empty
        where the clip has one frame or slices have one pixel.

    Raises:
        ValueError: other ``slices``.

    Example:
        >>> import torch
        >>> [tuple(x.shape) for x in profile_gradient(torch.rand(1, 4, 1, 6, 8), "rows")]
        [(1, 3, 1, 6, 7), (1, 3, 1, 6, 7)]
    """
    first, second = (_pick(clip, -4, k) for k in (0, 1))
    dim = _dim(slices)
    corners = [_pick(frame, dim, k) for frame in (first, second) for k in (0, 1)]
    near, far, later_near, later_far = corners
    along = ((far - near) + (later_far - later_near)) / 2
    over_time = ((later_near - near) + (later_far - far)) / 2
    return along, over_time


def profile_cells(mask: Tensor, slices: str) -> Tensor:
    """Find the cells that are within a mask with all four pixels.

    Args:
        mask: bool, ``(..., t, c, H, W)``.
        slices: see :func:`profile_gradient`, as the sizes of the result.
    """
    first, second = (_pick(mask, -4, k) for k in (0, 1))
    both = first & second
    return _pick(both, _dim(slices), 0) & _pick(both, _dim(slices), 1)


def _dim(slices: str) -> int:
    if slices not in SLICES:
        raise ValueError(f"slices must be one of {', '.join(SLICES)}, got {slices!r}")
    return -1 if slices == "rows" else -2


def _pick(x: Tensor, dim: int, first: int) -> Tensor:
    """All but the last (``first`` 0) or all but the first (1) along ``dim``."""
    return x.narrow(dim, min(first, x.shape[dim]), max(x.shape[dim] - 1, 0))
