"""RMSE and MAE of parts of a clip: at edges and away from them, on what moves and on what does not.

STDNet claims to be better at edges and in motion; these say whether it is. Each pair splits what
the whole metric counts, so the two parts and the whole can be compared.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor

from stdnet_arch.metrics.motion import moving_pixels, read_cameras, read_flow
from stdnet_arch.metrics.pixels import CM_PER_M, Clip, fit_line, mean_error, read_clip
from stdnet_arch.metrics.traits import lower_is_better, needs, of_whole_clips

Array = Tensor | np.ndarray


@METRIC_REGISTRY.register()
@lower_is_better
def calculate_rmse_edge(
    pred_m: Array,
    gt_m: Array,
    *,
    valid: Array | None = None,
    edge_ratio: float = 1.05,
    edge_px: int = 4,
    align: str = "none",
) -> float:
    """RMSE of pixels near a depth edge of the truth.

    Args:
        pred_m: predicted depth [m], ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``.
        gt_m: true depth [m], the same shape.
        valid: bool mask of the same shape.
        edge_ratio: an edge is between two neighbours (left and right, above and below) that count
            and whose true depths have a larger ratio. No edge against pixels without depth.
        edge_px: near is a pixel with such a neighbour, or at most this many rows and columns away
            from one.
        align: see :func:`~stdnet_arch.metrics.depth_metric.calculate_rmse`; the line is that of
            the whole clip.

    Returns:
        Error in cm; ``nan`` without such a pixel, ``inf`` if a prediction there is not finite.
    """
    clip = read_clip(pred_m, gt_m, valid=valid)
    return _rmse_cm(clip, near_edges(clip, edge_ratio, edge_px), align)


@METRIC_REGISTRY.register()
@lower_is_better
def calculate_rmse_flat(
    pred_m: Array,
    gt_m: Array,
    *,
    valid: Array | None = None,
    edge_ratio: float = 1.05,
    edge_px: int = 4,
    align: str = "none",
) -> float:
    """RMSE of all other pixels than :func:`calculate_rmse_edge`; arguments as there."""
    clip = read_clip(pred_m, gt_m, valid=valid)
    return _rmse_cm(clip, ~near_edges(clip, edge_ratio, edge_px), align)


@METRIC_REGISTRY.register()
@lower_is_better
def calculate_mae_edge(
    pred_m: Array,
    gt_m: Array,
    *,
    valid: Array | None = None,
    edge_ratio: float = 1.05,
    edge_px: int = 4,
    align: str = "none",
) -> float:
    """MAE of the pixels of :func:`calculate_rmse_edge`; arguments as there."""
    clip = read_clip(pred_m, gt_m, valid=valid)
    return _mae_cm(clip, near_edges(clip, edge_ratio, edge_px), align)


@METRIC_REGISTRY.register()
@lower_is_better
def calculate_mae_flat(
    pred_m: Array,
    gt_m: Array,
    *,
    valid: Array | None = None,
    edge_ratio: float = 1.05,
    edge_px: int = 4,
    align: str = "none",
) -> float:
    """MAE of all other pixels than :func:`calculate_rmse_edge`; arguments as there."""
    clip = read_clip(pred_m, gt_m, valid=valid)
    return _mae_cm(clip, ~near_edges(clip, edge_ratio, edge_px), align)


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
@needs(optional=("flow_px", "intrinsics_px", "pose"))
def calculate_rmse_moving(
    pred_m: Array,
    gt_m: Array,
    *,
    valid: Array | None = None,
    flow_px: Array | None = None,
    intrinsics_px: Array | None = None,
    pose: Array | None = None,
    motion_px: float = 1.0,
    align: str = "none",
) -> float:
    """RMSE of pixels that move, by the best that the clip knows of motion.

    Args:
        pred_m: predicted depth [m], ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``.
        gt_m: true depth [m], the same shape.
        valid: bool mask of the same shape.
        flow_px: true flow (dx, dy) from frame i to i + 1, ``(t - 1, 2, H, W)``.
        intrinsics_px: ``fx, fy, cx, cy``.
        pose: camera to world, ``(t, 4, 4)``, metres.
        motion_px: with flow, poses and intrinsics, a pixel moves if its flow is more than this away
            from the flow that only the camera would make: things move. With only flow, it moves if
            its flow is longer: things or the camera move. Without flow, it moves if its true depth
            changes by more than 2 % to the next frame.
        align: see :func:`~stdnet_arch.metrics.depth_metric.calculate_rmse`; the line is that of
            the whole clip.

    Returns:
        Error in cm; the last frame has no next one and is left out. ``nan`` without such a pixel,
        ``inf`` if a prediction there is not finite.
    """
    clip = read_clip(pred_m, gt_m, valid=valid)
    moving, _ = _motion_masks(clip, flow_px, intrinsics_px, pose, motion_px)
    return _rmse_cm(clip, moving, align)


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
@needs(optional=("flow_px", "intrinsics_px", "pose"))
def calculate_rmse_static(
    pred_m: Array,
    gt_m: Array,
    *,
    valid: Array | None = None,
    flow_px: Array | None = None,
    intrinsics_px: Array | None = None,
    pose: Array | None = None,
    motion_px: float = 1.0,
    align: str = "none",
) -> float:
    """RMSE of pixels that do not move; arguments as in :func:`calculate_rmse_moving`."""
    clip = read_clip(pred_m, gt_m, valid=valid)
    _, static = _motion_masks(clip, flow_px, intrinsics_px, pose, motion_px)
    return _rmse_cm(clip, static, align)


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
@needs(optional=("flow_px", "intrinsics_px", "pose"))
def calculate_mae_moving(
    pred_m: Array,
    gt_m: Array,
    *,
    valid: Array | None = None,
    flow_px: Array | None = None,
    intrinsics_px: Array | None = None,
    pose: Array | None = None,
    motion_px: float = 1.0,
    align: str = "none",
) -> float:
    """MAE of pixels that move; arguments as in :func:`calculate_rmse_moving`."""
    clip = read_clip(pred_m, gt_m, valid=valid)
    moving, _ = _motion_masks(clip, flow_px, intrinsics_px, pose, motion_px)
    return _mae_cm(clip, moving, align)


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
@needs(optional=("flow_px", "intrinsics_px", "pose"))
def calculate_mae_static(
    pred_m: Array,
    gt_m: Array,
    *,
    valid: Array | None = None,
    flow_px: Array | None = None,
    intrinsics_px: Array | None = None,
    pose: Array | None = None,
    motion_px: float = 1.0,
    align: str = "none",
) -> float:
    """MAE of pixels that do not move; arguments as in :func:`calculate_rmse_moving`."""
    clip = read_clip(pred_m, gt_m, valid=valid)
    _, static = _motion_masks(clip, flow_px, intrinsics_px, pose, motion_px)
    return _mae_cm(clip, static, align)


def near_edges(clip: Clip, edge_ratio: float, edge_px: int) -> Tensor:
    """Pixels near a depth edge of the truth, bool ``(t, 1, H, W)``; see ``calculate_rmse_edge``.

    Raises:
        ValueError: a ratio that is not above 1, or a distance below 0.
    """
    if not edge_ratio > 1 or not isinstance(edge_px, int) or edge_px < 0:
        raise ValueError(
            "edge_ratio must be above 1 and edge_px a whole number of at least 0, got "
            f"{edge_ratio} and {edge_px}"
        )
    return torch.stack(
        [
            _near_edges_of_frame(gt_m, counted, edge_ratio, edge_px)
            for gt_m, counted in zip(clip.gt_m, clip.counted, strict=True)
        ]
    )


def _near_edges_of_frame(gt_m: Tensor, counted: Tensor, edge_ratio: float, edge_px: int) -> Tensor:
    edge = torch.zeros_like(counted)
    for axis in (-1, -2):
        size = gt_m.shape[axis] - 1
        one, other = (gt_m.narrow(axis, start, size) for start in (0, 1))
        both = counted.narrow(axis, 0, size) & counted.narrow(axis, 1, size)
        step = both & (torch.maximum(one, other) > edge_ratio * torch.minimum(one, other))
        edge.narrow(axis, 0, size).logical_or_(step)
        edge.narrow(axis, 1, size).logical_or_(step)
    return F.max_pool2d(edge.float(), 2 * edge_px + 1, stride=1, padding=edge_px) > 0


def _motion_masks(
    clip: Clip,
    flow_px: Array | None,
    intrinsics_px: Array | None,
    pose: Array | None,
    motion_px: float,
) -> tuple[Tensor, Tensor]:
    """Moving and static pixels of the clip, bool ``(t, 1, H, W)`` each."""
    flow = None if flow_px is None else read_flow(clip, flow_px)
    cameras = None
    if pose is not None and intrinsics_px is not None:
        cameras = read_cameras(clip, intrinsics_px, pose)
    moving, static = torch.zeros_like(clip.counted), torch.zeros_like(clip.counted)
    for i in range(len(clip.gt_m) - 1):
        moving[i], static[i] = moving_pixels(clip, i, flow, cameras, motion_px)
    return moving, static


def _rmse_cm(clip: Clip, part: Tensor, align: str) -> float:
    line = fit_line(*clip, align)
    counted = clip.counted & part
    square = mean_error(lambda p, g: (p - g) ** 2, clip.pred_m, clip.gt_m, counted, line)
    return CM_PER_M * math.sqrt(square)


def _mae_cm(clip: Clip, part: Tensor, align: str) -> float:
    line = fit_line(*clip, align)
    counted = clip.counted & part
    return CM_PER_M * mean_error(lambda p, g: (p - g).abs(), clip.pred_m, clip.gt_m, counted, line)
