"""Accuracy of depth edges: F1 of occluding contours."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor

from stdnet_arch.metrics.pixels import Clip, read_clip
from stdnet_arch.metrics.traits import higher_is_better

RATIOS = tuple(np.linspace(1.05, 1.25, 10).tolist())
NEAREST_M = 1e-6  # a prediction at or behind the camera is an edge of any ratio


@METRIC_REGISTRY.register()
@higher_is_better
def calculate_boundary_f1(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
) -> float:
    """F1 of occluding contours (Bochkovskii et al., "Depth Pro", ICLR 2025).

    A contour of ratio r lies between two neighbours if one is more than r times as deep as the
    other. It has a direction: which of them is in front. Contours of the prediction are right if
    the truth has one at the very same place and in the same direction. Precision and recall are
    those of all pairs and frames of the clip together. F1 is averaged over ten ratios from 1.05 to
    1.25, weighted by ``r - 1``.

    Args:
        pred_m: predicted depth, ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``; its unit is of no account.
        gt_m: true depth [m], the same shape.
        valid: bool mask of the same shape; a pair counts if both pixels do.
        min_m: pixels count where ``gt_m`` is above this.
        max_m: pixels count where ``gt_m`` is at most this.

    Returns:
        In [0, 1]. ``nan`` if the truth has no contour of any ratio; a ratio without any in the
        truth is left out. 0 if a prediction that counts is not finite.
    """
    clip = read_clip(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m)
    if clip.broken:
        return 0.0
    counts = torch.zeros(3, len(RATIOS), dtype=torch.int64)
    for true, predicted in _pairs(clip):
        for row, values in enumerate((torch.minimum(true, predicted), predicted, true)):
            counts[row] += _how_many_above(values)
    hits, claimed, real = counts.double()
    weight = torch.tensor([ratio - 1 for ratio in RATIOS], dtype=torch.float64) * (real > 0)
    if not weight.any():
        return math.nan
    # 2 P R / (P + R) with P = hits / claimed, R = hits / real.
    f1 = 2 * hits / (claimed + real).clamp(min=1)
    return ((weight * f1).sum() / weight.sum()).item()


def _pairs(clip: Clip) -> Iterator[tuple[Tensor, Tensor]]:
    """Ratios of the depths of neighbours that count, in both directions: true, predicted, flat.

    Only pairs that either has a contour between; nearly all are none.
    """
    for pred, gt, counted in zip(*clip, strict=True):
        for axis in (-1, -2):
            size = gt.shape[axis] - 1
            (a, b), (c, d), (one, other) = (
                (x.narrow(axis, 0, size), x.narrow(axis, 1, size))
                for x in (gt, pred.clamp(min=NEAREST_M), counted)
            )
            kept = one & other & (_is_contour(a, b) | _is_contour(c, d))
            a, b, c, d = (x[kept].double() for x in (a, b, c, d))
            yield b / a, d / c
            yield a / b, c / d


def _is_contour(one: Tensor, other: Tensor) -> Tensor:
    # A little less than the first ratio: the exact comparison comes later, in float64.
    return torch.maximum(one, other) > 0.999 * RATIOS[0] * torch.minimum(one, other)


def _how_many_above(values: Tensor) -> Tensor:
    """For each of ``RATIOS``, how many values are above, int64 on the CPU."""
    return torch.stack([(values > ratio).sum() for ratio in RATIOS]).cpu()
