"""Depth errors in centimetres over the valid pixels of a whole clip.

A metric takes metres and says itself which way is better (its attribute ``better``). Two special
values: ``nan`` means that no pixel could be judged, and whoever averages clips leaves such a clip
out and counts it; ``inf`` means that the prediction of a judged pixel is not finite, so a broken
network never looks good.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor

CM_PER_M = 100.0
_PIXELS_AT_ONCE = 1 << 22  # bounds the float64 copies of a long clip to tens of MB

Metric = Callable[..., float]


def lower_is_better(metric: Metric) -> Metric:
    """Mark a metric as an error, so that no options file has to remember it."""
    metric.better = "lower"  # type: ignore[attr-defined]
    return metric


@METRIC_REGISTRY.register()
@lower_is_better
def calculate_rmse(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    parity: bool = False,
) -> float:
    """Root of the mean squared depth error.

    Args:
        pred_m: predicted depth [m], any shape.
        gt_m: true depth [m], the same shape. Pixels that are not finite do not count.
        valid: bool mask of the same shape; false pixels do not count.
        min_m: pixels count where ``gt_m`` is above this (0 m is "no depth").
        max_m: pixels count where ``gt_m`` is at most this.
        parity: count every pixel, as the STDNet paper does, also those whose truth is 0; ``valid``
            is ignored. Datasets then need ``beyond_range: clip`` or ``keep``.

    Returns:
        Error in cm; ``nan`` without a pixel that counts, ``inf`` if a counted prediction (with
        ``parity`` also a truth) is not finite.

    Raises:
        ValueError: shapes differ, or limits are given together with ``parity``.
        TypeError: ``valid`` is not bool.
    """
    counted = _mask_of(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m, parity=parity)
    return CM_PER_M * math.sqrt(_mean_error(pred_m, gt_m, counted, power=2))


@METRIC_REGISTRY.register()
@lower_is_better
def calculate_mae(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    parity: bool = False,
) -> float:
    """Mean absolute depth error; arguments, result and errors as in :func:`calculate_rmse`."""
    counted = _mask_of(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m, parity=parity)
    return CM_PER_M * _mean_error(pred_m, gt_m, counted, power=1)


def _mask_of(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None,
    min_m: float,
    max_m: float,
    parity: bool,
) -> Tensor:
    """Which pixels count, bool, shape of ``gt_m``; checks the arguments."""
    pred, gt = torch.as_tensor(pred_m), torch.as_tensor(gt_m)
    if pred.shape != gt.shape:
        raise ValueError(
            f"pred_m and gt_m must have one shape, got {tuple(pred.shape)} and {tuple(gt.shape)}"
        )
    if parity:
        if min_m != 0.0 or max_m != math.inf:
            raise ValueError(
                f"parity counts every pixel and takes no limits, got min_m={min_m}, max_m={max_m}"
            )
        return torch.ones_like(gt, dtype=torch.bool)
    counted = gt.isfinite() & (gt > min_m) & (gt <= max_m)
    if valid is None:
        return counted
    mask = torch.as_tensor(valid, device=gt.device)
    if mask.dtype != torch.bool:
        raise TypeError(f"valid must be bool, got {mask.dtype}")
    if mask.shape != gt.shape:
        raise ValueError(
            f"valid must have the shape of gt_m, got {tuple(mask.shape)} and {tuple(gt.shape)}"
        )
    return counted & mask


def _mean_error(
    pred_m: Tensor | np.ndarray, gt_m: Tensor | np.ndarray, counted: Tensor, power: int
) -> float:
    """Mean of ``|pred - gt| ** power`` [m ** power] where ``counted``, summed in float64."""
    gt = torch.as_tensor(gt_m)
    pred = torch.as_tensor(pred_m, device=gt.device)
    total = torch.zeros((), dtype=torch.float64, device=gt.device)
    pieces = (x.reshape(-1).split(_PIXELS_AT_ONCE) for x in (pred, gt, counted))
    for pred_piece, gt_piece, counted_piece in zip(*pieces, strict=True):
        error = (pred_piece.double() - gt_piece.double()).abs() ** power
        error = torch.where(error.isnan(), math.inf, error)
        total += torch.where(counted_piece, error, 0.0).sum()
    pixels = int(counted.sum())
    return total.item() / pixels if pixels else math.nan
