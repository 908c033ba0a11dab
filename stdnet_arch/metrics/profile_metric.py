"""Errors of temporal profiles: how the lines of x-t and y-t slices are broken."""

import math

import numpy as np
import torch
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor

from stdnet_arch.metrics.pixels import CM_PER_M, read_clip
from stdnet_arch.metrics.traits import lower_is_better, of_whole_clips
from stdnet_arch.ops.profile import SLICES, profile_cells, profile_gradient

PARTS = ("time", "along", "both")


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
def calculate_profile_gradient(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    part: str = "time",
) -> float:
    """Measure errors of the gradients of x-t and y-t slices: flicker, seen on slices.

    Mean over all cells (two pixels of a slice by two frames) of x-t and of y-t slices. A cell
    counts if its four pixels do.

    Args:
        pred_m: predicted depth [m], ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``.
        gt_m: true depth [m], the same shape.
        valid: bool mask of the same shape.
        min_m: pixels count where ``gt_m`` is above this.
        max_m: pixels count where ``gt_m`` is at most this.
        part: ``time``: change from frame to frame, 0 for an error that stays; ``along``: change
            from pixel to pixel, sharpness; ``both``: length of the two as a vector.

    Returns:
        cm per frame (``along``: per pixel); ``nan`` without a cell that counts, ``inf`` if a
        prediction that counts is not finite.

    Raises:
        ValueError: another ``part``.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, got {part!r}")
    clip = read_clip(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m)
    if clip.broken:
        return math.inf
    total, cells = 0.0, 0
    for i in range(len(clip.gt_m) - 1):
        # Two frames at a time: float64 copies of a whole clip would be large.
        pair = slice(i, i + 2)
        counted = clip.counted[pair]
        error = (clip.pred_m[pair].double() - clip.gt_m[pair].double()).where(counted, 0)
        for slices in SLICES:
            along, over_time = profile_gradient(error, slices)
            wrong = {"time": over_time.abs(), "along": along.abs()}
            value = wrong[part] if part in wrong else torch.hypot(along, over_time)
            inside = profile_cells(counted, slices)
            total += value.where(inside, 0).sum().item()
            cells += int(inside.sum())
    return CM_PER_M * total / cells if cells else math.nan
