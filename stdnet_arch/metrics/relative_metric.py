"""Errors relative to the depth itself, as single-image depth estimation reports them.

Eigen et al., "Depth Map Prediction from a Single Image using a Multi-Scale Deep Network" (NeurIPS
2014). All take the options of :func:`~stdnet_arch.metrics.depth_metric.calculate_rmse`
but ``parity``, since the STDNet paper has none of them.
"""

import math

import numpy as np
import torch
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor

from stdnet_arch.metrics.pixels import counted_pixels, fit_line, mean_error
from stdnet_arch.metrics.traits import higher_is_better, lower_is_better

NEAREST_M = 1e-3  # predictions nearer than this have no logarithm and no ratio worth a number


@METRIC_REGISTRY.register()
@lower_is_better
def calculate_absrel(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    align: str = "none",
) -> float:
    """Mean of ``|pred - gt| / gt``.

    Returns:
        A ratio: 0.01 is one percent of the depth; ``nan`` without a pixel that counts, ``inf`` if a
        counted prediction is not finite.
    """
    counted = counted_pixels(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m)
    line = fit_line(pred_m, gt_m, counted, align)
    return mean_error(lambda pred, gt: (pred - gt).abs() / gt, pred_m, gt_m, counted, line)


@METRIC_REGISTRY.register()
@lower_is_better
def calculate_rmse_log(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    align: str = "none",
) -> float:
    """Root of the mean of ``(ln pred - ln gt) ** 2``; predictions below 1 mm become 1 mm.

    Returns:
        Natural logarithm: 0.01 is about one percent of the depth; ``nan`` without a pixel that
        counts, ``inf`` if a counted prediction is not finite.
    """

    def error(pred: Tensor, gt: Tensor) -> Tensor:
        # -inf is broken, and must not become 1 mm.
        near = torch.where(pred.isfinite(), pred.clamp(min=NEAREST_M), math.inf)
        return (near.log() - gt.log()) ** 2

    counted = counted_pixels(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m)
    line = fit_line(pred_m, gt_m, counted, align)
    return math.sqrt(mean_error(error, pred_m, gt_m, counted, line))


@METRIC_REGISTRY.register()
@higher_is_better
def calculate_delta(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    threshold: float = 1.25,
    min_m: float = 0.0,
    max_m: float = math.inf,
    align: str = "none",
) -> float:
    """Share of the pixels with ``max(pred / gt, gt / pred) < threshold``: 1.25, 1.10, 1.05, ...

    Returns:
        In [0, 1]; predictions that are not finite or not positive are outside of the threshold;
        ``nan`` without a pixel that counts.

    Raises:
        ValueError: ``threshold`` is not above 1; and as in
            :func:`~stdnet_arch.metrics.depth_metric.calculate_rmse`.
    """
    if not threshold > 1:
        raise ValueError(f"delta needs a threshold above 1, such as 1.25, got {threshold}")

    def within(pred: Tensor, gt: Tensor) -> Tensor:
        return ((pred < threshold * gt) & (gt < threshold * pred)).double()

    counted = counted_pixels(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m)
    line = fit_line(pred_m, gt_m, counted, align)
    return mean_error(within, pred_m, gt_m, counted, line)
