"""Agreement of a prediction's frames with one another: OPW along flow, TAE along poses.

Both compare the prediction with itself, so a prediction that is smooth and wrong does well: report
them beside an error, never by themselves.
"""

import math

import numpy as np
import torch
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor

from stdnet_arch.metrics.motion import Cameras, look_up, read_cameras, read_flow, read_guide
from stdnet_arch.metrics.pixels import CM_PER_M, Clip, read_clip
from stdnet_arch.metrics.traits import lower_is_better, needs, of_whole_clips
from stdnet_arch.ops.warp import camera_flow, flow_warp, splat

PERCENT = 100.0


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
@needs("flow_px", "guide")
def calculate_opw(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    flow_px: Tensor | np.ndarray,
    guide: Tensor | np.ndarray,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    sharpness: float = 50.0,
) -> float:
    """Optical-flow-based warping error (Wang et al., "Less is More", ACM MM 2022).

    Mean of ``exp(-50 |I[i] - warp I[i+1]|^2) |pred[i] - warp pred[i+1]|``: the later frame is
    looked up along the flow; where its colour is another, something came between, and weighs less.

    Args:
        pred_m: predicted depth [m], ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``.
        gt_m: true depth, the same shape; only says which pixels count.
        flow_px: flow (dx, dy) from frame i to i + 1, ``(t - 1, 2, H, W)``.
        guide: RGB in [0, 1], ``(t, 3, H, W)``.
        valid: bool mask, the shape of ``gt_m``.
        min_m: pixels count where ``gt_m`` is above this.
        max_m: pixels count where ``gt_m`` is at most this.
        sharpness: the 50 above; squares are summed over the three colours.

    Returns:
        Error in cm over pixels that count in frame i and whose point lies between counting pixels
        of frame i + 1. The weights do not change the number of pixels. ``nan`` without a pixel,
        ``inf`` if a prediction that counts is not finite. Real motion in depth is not subtracted:
        the truth itself is above 0.
    """
    clip = read_clip(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m)
    flow = read_flow(clip, flow_px)
    color = read_guide(clip, guide)
    if clip.broken:
        return math.inf
    total, pixels = 0.0, 0
    for i, move in enumerate(flow):
        later, known = look_up(clip.pred_m[i + 1], clip.counted[i + 1], move)
        judged = clip.counted[i] & known
        jump = (clip.pred_m[i] - later).abs()
        distance = (color[i] - flow_warp(color[i + 1, None], move[None])[0][0]).square().sum(0)
        weighted = torch.exp(-sharpness * distance.double()) * jump.double()
        total += torch.where(judged, weighted, 0.0).sum().item()
        pixels += int(judged.sum())
    return CM_PER_M * total / pixels if pixels else math.nan


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
@needs("intrinsics_px", "pose")
def calculate_tae(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    intrinsics_px: Tensor | np.ndarray,
    pose: Tensor | np.ndarray,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
) -> float:
    """Temporal alignment error (Video Depth Anything, CVPR 2025): reprojection by true poses.

    The predicted points of frame i are seen from frame i + 1 and the other way round. Each falls on
    its nearest pixel; the nearest point wins. The mean is over the pixels of
    ``|seen - pred| / pred``, and of these over the 2 (t - 1) directions.

    Args:
        pred_m: predicted depth [m], ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``.
        gt_m: true depth, the same shape; only says which pixels count.
        intrinsics_px: ``fx, fy, cx, cy``.
        pose: camera to world, ``(t, 4, 4)``, metres.
        valid: bool mask, the shape of ``gt_m``.
        min_m: pixels count where ``gt_m`` is above this.
        max_m: pixels count where ``gt_m`` is at most this.

    Returns:
        Percent; ``nan`` without a pixel, ``inf`` if a prediction that counts is not finite or not
        positive. Things that move on their own are errors here: the truth itself is above 0.
    """
    clip = read_clip(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m)
    cameras = read_cameras(clip, intrinsics_px, pose)
    if clip.broken or bool((clip.counted & (clip.pred_m <= 0)).any()):
        return math.inf
    errors = [
        _reprojection_error(clip, *pair, cameras)
        for i in range(len(clip.gt_m) - 1)
        for pair in ((i, i + 1), (i + 1, i))
    ]
    judged = [error for error in errors if not math.isnan(error)]
    return PERCENT * math.fsum(judged) / len(judged) if judged else math.nan


def _reprojection_error(clip: Clip, i: int, k: int, cameras: Cameras) -> float:
    """Mean of ``|seen - pred| / pred`` of frame ``k``, as frame ``i`` predicts it."""
    flow, depth = camera_flow(clip.pred_m[i, None], cameras.intrinsics_px, cameras.move(i, k))
    seen, covered = splat(depth, flow, clip.counted[i, None], radius_px=0)
    judged = covered[0] & clip.counted[k]
    error = (seen[0] - clip.pred_m[k]).abs().double() / clip.pred_m[k]
    pixels = int(judged.sum())
    return torch.where(judged, error, 0.0).sum().item() / pixels if pixels else math.nan
