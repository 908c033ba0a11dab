"""Pixels of a clip that count, and means over them, for all depth metrics.

Two special values: ``nan`` means that no pixel could be judged, and whoever averages clips leaves
such a clip out and counts it. An error of ``inf`` (a quality of 0) means that the prediction of a
judged pixel is not finite: a broken network never looks good.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

CM_PER_M = 100.0
PIXELS_AT_ONCE = 1 << 22  # bounds the float64 copies of a long clip to tens of MB
ALIGNMENTS = ("none", "scale", "scale-shift")

Array = Tensor | np.ndarray
ErrorMap = Callable[[Tensor, Tensor], Tensor]


class Line(NamedTuple):
    """``scale * pred + shift``."""

    scale: float
    shift: float


UNCHANGED = Line(1.0, 0.0)


class Clip(NamedTuple):
    """One clip, frame by frame, each ``(t, 1, H, W)``."""

    pred_m: Tensor
    gt_m: Tensor
    counted: Tensor

    @property
    def broken(self) -> bool:
        """Tell whether the prediction of a pixel that counts is not finite."""
        pairs = zip(self.pred_m, self.counted, strict=True)
        return any(bool((~pred.isfinite() & counted).any()) for pred, counted in pairs)


def counted_pixels(
    pred_m: Array,
    gt_m: Array,
    *,
    valid: Array | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    parity: bool = False,
) -> Tensor:
    """Find the pixels that count: finite truth within the limits and the mask; with ``parity`` all.

    Returns:
        Bool, the shape of ``gt_m``.

    Raises:
        ValueError: shapes differ, or limits are given together with ``parity``.
        TypeError: ``valid`` is not bool.
    """
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


def read_clip(
    pred_m: Array,
    gt_m: Array,
    *,
    valid: Array | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    parity: bool = False,
) -> Clip:
    """One clip for a metric that looks at neighbours in space or time.

    Args:
        pred_m: ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``, metres.
        gt_m: the same shape.
        valid: bool, the same shape.
        min_m: see :func:`counted_pixels`, as the others.
        max_m: see there.
        parity: see there.

    Raises:
        ValueError: it is not one depth clip; and as :func:`counted_pixels`.
    """
    counted = counted_pixels(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m, parity=parity)
    gt = one_clip(gt_m, "gt_m", channels=1)
    pred = one_clip(pred_m, "pred_m", channels=1).to(gt.device)
    return Clip(pred, gt, one_clip(counted, "valid", channels=1))


def one_clip(x: Array, name: str, channels: int) -> Tensor:
    """``(1, t, c, H, W)`` or ``(t, c, H, W)`` -> ``(t, c, H, W)``; anything else is an error."""
    clip = torch.as_tensor(x)
    if clip.ndim == 5 and clip.shape[0] == 1:
        clip = clip[0]
    if clip.ndim != 4 or clip.shape[1] != channels:
        raise ValueError(
            f"{name} must be one clip, (1, t, {channels}, H, W) or (t, {channels}, H, W), got "
            f"{tuple(torch.as_tensor(x).shape)}"
        )
    return clip


def fit_line(pred_m: Array, gt_m: Array, counted: Tensor, align: str) -> Line:
    """The line through the predictions of a clip that comes nearest to the truth.

    Args:
        pred_m: any shape, metres.
        gt_m: the same shape.
        counted: bool, the same shape; predictions that are not finite do not take part.
        align: ``none``, ``scale`` (least squares of ``scale * pred - gt``) or ``scale-shift``
            (of ``scale * pred + shift - gt``); one line for the whole clip, in float64.

    Returns:
        The line. If all predictions are one number, ``scale-shift`` moves it to the mean truth.

    Raises:
        ValueError: another ``align``.
    """
    if align not in ALIGNMENTS:
        raise ValueError(f"align must be one of {', '.join(ALIGNMENTS)}, got {align!r}")
    if align == "none":
        return UNCHANGED
    fit = LineFit()
    fit.add(pred_m, gt_m, counted)
    return fit.line(align)


class LineFit:
    """The line of :func:`fit_line`, gathered piece by piece: a clip of any length, in no memory.

    Means and centred sums are merged in float64, so that depths far from 0 lose no digits. Source:
    Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983.
    """

    def __init__(self) -> None:
        self.pixels = 0
        self._mean_pred = self._mean_gt = 0.0
        self._square = self._both = 0.0

    def add(self, pred_m: Array, gt_m: Array, counted: Tensor) -> None:
        """Take in some more pixels; arguments as of :func:`fit_line`."""
        taken = counted & torch.as_tensor(pred_m, device=counted.device).isfinite()
        for all_pred, all_gt, mask in _pieces(pred_m, gt_m, taken):
            pred, gt = all_pred[mask], all_gt[mask]
            if not len(pred):
                continue
            mean_pred, mean_gt = pred.mean().item(), gt.mean().item()
            centred = pred - mean_pred
            off_pred, off_gt = mean_pred - self._mean_pred, mean_gt - self._mean_gt
            total = self.pixels + len(pred)
            share = len(pred) / total
            self._square += (centred**2).sum().item() + off_pred**2 * self.pixels * share
            self._both += (centred * (gt - mean_gt)).sum().item()
            self._both += off_pred * off_gt * self.pixels * share
            self._mean_pred += off_pred * share
            self._mean_gt += off_gt * share
            self.pixels = total

    def line(self, align: str) -> Line:
        """The line through all pixels so far; ``align`` as of :func:`fit_line`."""
        if align not in ALIGNMENTS:
            raise ValueError(f"align must be one of {', '.join(ALIGNMENTS)}, got {align!r}")
        if align == "none" or not self.pixels:
            return UNCHANGED
        both, square, shift_too = self._both, self._square, align == "scale-shift"
        if not shift_too:
            both += self.pixels * self._mean_pred * self._mean_gt
            square += self.pixels * self._mean_pred**2
        scale = both / square if square > 0 else 0.0
        return Line(scale, self._mean_gt - scale * self._mean_pred if shift_too else 0.0)


def mean_error(
    error: ErrorMap, pred_m: Array, gt_m: Array, counted: Tensor, line: Line = UNCHANGED
) -> float:
    """Mean of ``error(pred, gt)`` where ``counted``, summed in float64.

    Args:
        error: float64 depths [m] -> an error of each pixel; NaN becomes inf.
        pred_m: any shape.
        gt_m: the same shape.
        counted: bool, the same shape.
        line: scale and shift that are applied to the predictions first.

    Returns:
        ``nan`` without a pixel that counts.
    """

    def of_line(pred: Tensor, gt: Tensor) -> Tensor:
        return error(pred if line == UNCHANGED else line.scale * pred + line.shift, gt)

    pixels = int(counted.sum())
    return _sum(of_line, pred_m, gt_m, counted) / pixels if pixels else math.nan


def _sum(value: ErrorMap, pred_m: Array, gt_m: Array, counted: Tensor) -> float:
    total = torch.zeros((), dtype=torch.float64, device=counted.device)
    for pred, gt, mask in _pieces(pred_m, gt_m, counted):
        values = value(pred, gt)
        values = torch.where(values.isnan(), math.inf, values)
        total += torch.where(mask, values, 0.0).sum()
    return total.item()


def _pieces(pred_m: Array, gt_m: Array, counted: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Flat pieces of a clip, depths in float64."""
    gt = torch.as_tensor(gt_m)
    pred = torch.as_tensor(pred_m, device=gt.device)
    pieces = (x.reshape(-1).split(PIXELS_AT_ONCE) for x in (pred, gt, counted))
    for pred_piece, gt_piece, counted_piece in zip(*pieces, strict=True):
        yield pred_piece.double(), gt_piece.double(), counted_piece
