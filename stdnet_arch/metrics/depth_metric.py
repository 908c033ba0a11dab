"""Depth errors in centimetres over the valid pixels of a whole clip.

A metric takes metres and says itself which way is better (:mod:`stdnet_arch.metrics.traits`); for
its special values see :mod:`stdnet_arch.metrics.pixels`.
"""

import math

import numpy as np
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor

from stdnet_arch.metrics.pixels import CM_PER_M, counted_pixels, fit_line, mean_error
from stdnet_arch.metrics.traits import lower_is_better


@METRIC_REGISTRY.register()
@lower_is_better
def calculate_rmse(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    align: str = "none",
    parity: bool = False,
) -> float:
    """Root of the mean squared depth error.

    Args:
        pred_m: predicted depth [m], any shape.
        gt_m: true depth [m], the same shape. Pixels that are not finite do not count.
        valid: bool mask of the same shape; false pixels do not count.
        min_m: pixels count where ``gt_m`` is above this (0 m is "no depth").
        max_m: pixels count where ``gt_m`` is at most this.
        align: ``none``, ``scale`` or ``scale-shift``: the clip's predictions are first moved by one
            line, least squares on the pixels that count (:func:`~.pixels.fit_line`).
        parity: count every pixel, as the STDNet paper does, also those whose truth is 0; ``valid``
            is ignored. Datasets then need ``beyond_range: clip`` or ``keep``.

    Returns:
        Error in cm; ``nan`` without a pixel that counts, ``inf`` if a counted prediction (with
        ``parity`` also a truth) is not finite.

    Raises:
        ValueError: shapes differ, ``align`` is not known, or limits or ``align`` are given together
            with ``parity``.
        TypeError: ``valid`` is not bool.
    """
    counted = counted_pixels(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m, parity=parity)
    _check_protocol(align, parity)
    line = fit_line(pred_m, gt_m, counted, align)
    return CM_PER_M * math.sqrt(
        mean_error(lambda pred, gt: (pred - gt) ** 2, pred_m, gt_m, counted, line)
    )


@METRIC_REGISTRY.register()
@lower_is_better
def calculate_mae(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    align: str = "none",
    parity: bool = False,
) -> float:
    """Mean absolute depth error; arguments, result and errors as in :func:`calculate_rmse`."""
    counted = counted_pixels(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m, parity=parity)
    _check_protocol(align, parity)
    line = fit_line(pred_m, gt_m, counted, align)
    return CM_PER_M * mean_error(lambda pred, gt: (pred - gt).abs(), pred_m, gt_m, counted, line)


def _check_protocol(align: str, parity: bool) -> None:
    if parity and align != "none":
        raise ValueError(f"parity is the paper's protocol, without align; got align: {align}")
