"""TEPE, temporal end-point error: two different metrics carry this name, so here are two names.

``calculate_tepe_warp3d`` is the one of DVSR (Sun et al., CVPR 2023) and of STDNet;
``calculate_tepe_diff`` is the one of SVDC (CVPR 2025). Their numbers must never share a column.
"""

import math

import numpy as np
import torch
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor

from stdnet_arch.metrics.motion import read_flow
from stdnet_arch.metrics.pixels import CM_PER_M, Clip, read_clip
from stdnet_arch.metrics.traits import lower_is_better, needs, of_whole_clips
from stdnet_arch.ops.warp import splat


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
@needs("flow_px")
def calculate_tepe_warp3d(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    flow_px: Tensor | np.ndarray,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    radius_px: float = 1.0,
    parity: bool = False,
) -> float:
    """Mean of ``|(pred[i+1] - W pred[i]) - (gt[i+1] - W gt[i])|``, with ``W`` along the true flow.

    ``W`` throws the points of frame i, with their depth, to where the flow takes them in the next
    frame. They are discs in a z-buffer (:func:`stdnet_arch.ops.warp.splat`): prediction and truth
    each by its own depth. The change of depth by motion is in both differences and falls out.

    Args:
        pred_m: predicted depth [m], ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``.
        gt_m: true depth [m], the same shape.
        flow_px: true flow (dx, dy) from frame i to i + 1, ``(t - 1, 2, H, W)``, with or without
            the leading 1.
        valid: bool mask, the shape of ``gt_m``; false pixels neither are thrown nor count.
        min_m: pixels count where ``gt_m`` is above this.
        max_m: pixels count where ``gt_m`` is at most this.
        radius_px: radius of the discs.
        parity: the papers' protocol: every pixel is thrown and in the mean; those that no disc
            covers count as 0. ``valid`` is ignored.

    Returns:
        Error in cm, over the pixels of frames 1 to t - 1 that a disc covers (``parity``: over all
        of them); ``nan`` without such a pixel, ``inf`` if a prediction that counts is not finite.

    Raises:
        ValueError: the shapes do not fit, or limits are given together with ``parity``.
    """
    clip = read_clip(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m, parity=parity)
    flow = read_flow(clip, flow_px)
    if clip.broken:
        return math.inf
    total, pixels = 0.0, 0
    for i, move in enumerate(flow):
        change, covered = _unexplained_change(clip, i, move, radius_px)
        judged = covered & clip.counted[i + 1]
        total += torch.where(judged, change.double(), 0.0).sum().item()
        pixels += change.numel() if parity else int(judged.sum())
    return CM_PER_M * total / pixels if pixels else math.nan


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
def calculate_tepe_diff(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
) -> float:
    """Mean of ``|(pred[i+1] - pred[i]) - (gt[i+1] - gt[i])|`` at the same pixel, without any warp.

    Args:
        pred_m: predicted depth [m], ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``.
        gt_m: true depth [m], the same shape.
        valid: bool mask of the same shape.
        min_m: pixels count where ``gt_m`` is above this.
        max_m: pixels count where ``gt_m`` is at most this; 10 in the paper of SVDC.

    Returns:
        Error in cm, over the pixels that count in both frames; ``nan`` without one, ``inf`` if a
        prediction that counts is not finite.
    """
    clip = read_clip(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m)
    if clip.broken:
        return math.inf
    total, pixels = 0.0, 0
    for i in range(len(clip.gt_m) - 1):
        error, later = (clip.pred_m[k].double() - clip.gt_m[k].double() for k in (i, i + 1))
        judged = clip.counted[i] & clip.counted[i + 1]
        total += torch.where(judged, (later - error).abs(), 0.0).sum().item()
        pixels += int(judged.sum())
    return CM_PER_M * total / pixels if pixels else math.nan


def _unexplained_change(
    clip: Clip, i: int, flow_px: Tensor, radius_px: float
) -> tuple[Tensor, Tensor]:
    """``|(pred - W pred) - (gt - W gt)|`` of frame ``i + 1`` [m] and where it is known."""
    # Prediction and truth as a batch of two: where points go is computed once.
    before, after = (torch.stack([clip.pred_m[k], clip.gt_m[k]]) for k in (i, i + 1))
    warped, covered = splat(before, flow_px[None], clip.counted[i, None], radius_px)
    change = after - warped
    return (change[0] - change[1]).abs(), covered.all(0)
