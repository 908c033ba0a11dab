"""Errors that change from frame to frame: jitter of single pixels, and of whole frames."""

import math

import numpy as np
import torch
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor

from stdnet_arch.metrics.motion import look_up, moving_pixels, read_cameras, read_flow
from stdnet_arch.metrics.pixels import CM_PER_M, fit_line, read_clip
from stdnet_arch.metrics.traits import lower_is_better, needs, of_whole_clips

VISIBLE = 0.05  # a followed point whose true depth changes by more than this is another point


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
@needs(optional=("flow_px", "intrinsics_px", "pose"))
def calculate_jitter(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    flow_px: Tensor | np.ndarray | None = None,
    intrinsics_px: Tensor | np.ndarray | None = None,
    pose: Tensor | np.ndarray | None = None,
    motion_px: float = 1.0,
) -> float:
    """Measure how the error of what stands still flickers: its deviation from frame to frame.

    ``sqrt(mean((e[i+1] - e[i]) ** 2) / 2)`` with ``e = pred - gt``. Independent noise of deviation
    s gives s; an error that stays, or drifts slowly, gives about 0 (the estimator of von Neumann,
    1941). The truth is subtracted since a static point, too, comes nearer to a moving camera.

    Args:
        pred_m: predicted depth [m], ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``.
        gt_m: true depth [m], the same shape.
        valid: bool mask of the same shape.
        flow_px: true flow (dx, dy) from frame i to i + 1, ``(t - 1, 2, H, W)``: points are followed
            to the nearest pixel; one whose true depth changes by more than 5 % is another point.
            Without flow, errors are compared at the same pixel.
        intrinsics_px: ``fx, fy, cx, cy``.
        pose: camera to world, ``(t, 4, 4)``, metres.
        motion_px: limit of standing still: see
            :func:`~stdnet_arch.metrics.split_metric.calculate_rmse_moving`.

    Returns:
        Deviation in cm; ``nan`` without a static pixel, ``inf`` if a prediction that counts is not
        finite.
    """
    clip = read_clip(pred_m, gt_m, valid=valid)
    flow = None if flow_px is None else read_flow(clip, flow_px)
    cameras = None
    if pose is not None and intrinsics_px is not None:
        cameras = read_cameras(clip, intrinsics_px, pose)
    if clip.broken:
        return math.inf
    total, pixels = 0.0, 0
    still = torch.zeros((2, *clip.gt_m.shape[-2:]), device=clip.gt_m.device)
    for i in range(len(clip.gt_m) - 1):
        _, static = moving_pixels(clip, i, flow, cameras, motion_px)
        move = still if flow is None else flow[i]
        error, next_error = (clip.pred_m[k] - clip.gt_m[k] for k in (i, i + 1))
        both = torch.cat([next_error, clip.gt_m[i + 1]])
        # Whole pixels: between pixels the lookup would smooth away the noise that is sought.
        (later, later_gt), known = look_up(both, clip.counted[i + 1], move.round())
        judged = static & known & ((later_gt - clip.gt_m[i]).abs() <= VISIBLE * clip.gt_m[i])
        total += torch.where(judged, (later - error).double() ** 2, 0.0).sum().item()
        pixels += int(judged.sum())
    return CM_PER_M * math.sqrt(total / pixels / 2) if pixels else math.nan


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
def calculate_temporal_frequency_error(
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    from_per_frame: float = 0.25,
    to_per_frame: float = 0.5,
) -> float:
    """Measure quick swings of the error of whole frames: a band of its spectrum over time.

    The mean absolute error of each frame is a series. Of its discrete Fourier transform only a band
    is kept; the root mean square of what is left is the result. This is after StereoDiff, which
    splits the spectrum into 11 bands but does not say how it sums them up.

    Args:
        pred_m: predicted depth [m], ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``.
        gt_m: true depth [m], the same shape.
        valid: bool mask of the same shape.
        min_m: pixels count where ``gt_m`` is above this.
        max_m: pixels count where ``gt_m`` is at most this.
        from_per_frame: lower end of the band, in swings per frame, included; 0.25 is a swing in
            four frames, 0 includes the mean.
        to_per_frame: upper end, included; 0.5 (a swing in two frames) is the highest there is.

    Returns:
        Root mean square in cm. ``nan`` if a frame has no pixel that counts or the clip is too short
        to have a frequency within the band. ``inf`` if a prediction that counts is not finite.

    Raises:
        ValueError: the band is empty or leaves [0, 0.5].
    """
    if not 0 <= from_per_frame <= to_per_frame <= 0.5:
        raise ValueError(
            "from_per_frame and to_per_frame must be in order within [0, 0.5], got "
            f"{from_per_frame} and {to_per_frame}"
        )
    clip = read_clip(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m)
    if clip.broken:
        return math.inf
    series = torch.stack([_mean_error_cm(*frame) for frame in zip(*clip, strict=True)])
    frequency = _swings_per_frame(series)
    # Whole fractions such as 1 / 4 must not miss the band by a rounding.
    return _band_rms(
        series, (frequency >= from_per_frame - 1e-9) & (frequency <= to_per_frame + 1e-9)
    )


@METRIC_REGISTRY.register()
@lower_is_better
@of_whole_clips
def calculate_absrel_band(  # noqa: PLR0913  the options of AbsRel, and which of how many bands
    pred_m: Tensor | np.ndarray,
    gt_m: Tensor | np.ndarray,
    *,
    valid: Tensor | np.ndarray | None = None,
    min_m: float = 0.0,
    max_m: float = math.inf,
    align: str = "none",
    band: int = 10,
    bands: int = 11,
) -> float:
    """Measure swings of whole frames' relative error in one of StereoDiff's frequency bands.

    The AbsRel of each frame is a series. Its discrete Fourier transform is split into ``bands``
    parts of equal width, F0 (slow, with the mean) to F10 (from frame to frame). One part by itself
    is turned back into a series, whose root mean square is the result. The paper neither says where
    the bands end nor how a band becomes a number. A root mean square fits what it prints (F0 of the
    AbsRel is a little above its mean). The parts add up to the whole series.

    Args:
        pred_m: predicted depth [m], ``(1, t, 1, H, W)`` or ``(t, 1, H, W)``.
        gt_m: true depth [m], the same shape.
        valid: bool mask of the same shape.
        min_m: pixels count where ``gt_m`` is above this.
        max_m: pixels count where ``gt_m`` is at most this.
        align: ``none``, ``scale`` or ``scale-shift``: one line for the clip first; the paper's is
            the last.
        band: index of the band, from 0; holds ``band <= 2 bands f < band + 1`` for ``f`` swings per
            frame, the last one also ``f = 0.5``.
        bands: number of bands.

    Returns:
        A ratio, as AbsRel. ``nan`` if a frame has no pixel that counts or the clip is too short to
        have a frequency in the band. ``inf`` if a prediction that counts is not finite.

    Raises:
        ValueError: no such band; shapes that differ or no clip; another ``align``.
    """
    if not 0 <= band < bands:
        raise ValueError(f"band must be in 0..{bands - 1} of {bands} bands, got {band}")
    clip = read_clip(pred_m, gt_m, valid=valid, min_m=min_m, max_m=max_m)
    line = fit_line(clip.pred_m, clip.gt_m, clip.counted, align)
    if clip.broken:
        return math.inf
    errors = []
    for pred, gt, counted in zip(*clip, strict=True):
        truth = gt[counted].double()
        moved = line.scale * pred[counted].double() + line.shift
        errors.append(((moved - truth).abs() / truth).mean())
    series = torch.stack(errors)
    return absrel_band(series, band, bands)


def absrel_band(series: Tensor, band: int, bands: int) -> float:
    """Root mean square of one of ``bands`` equal parts of the spectrum of a series ``(t,)``.

    Returns:
        ``nan`` if the series is too short for it or holds NaN.
    """
    # Whole fractions such as 1 / 22 must not miss their band by a rounding.
    number = (2 * bands * _swings_per_frame(series) + 1e-9).floor().clamp(max=bands - 1)
    return _band_rms(series, number == band)


def _swings_per_frame(series: Tensor) -> Tensor:
    """The frequency of each coefficient of a series' Fourier transform, in [0, 0.5]."""
    return torch.fft.fftfreq(len(series), dtype=torch.float64, device=series.device).abs()


def _band_rms(series: Tensor, kept: Tensor) -> float:
    """Root mean square of what is left of a series; NaN if nothing is."""
    if not kept.any():
        return math.nan
    band = torch.fft.ifft(torch.fft.fft(series) * kept).real
    return band.square().mean().sqrt().item()


def _mean_error_cm(pred_m: Tensor, gt_m: Tensor, counted: Tensor) -> Tensor:
    """Mean absolute error of one frame [cm], float64; NaN without a pixel that counts."""
    return CM_PER_M * (pred_m[counted].double() - gt_m[counted].double()).abs().mean()
