"""Colours for depth and error, with one range for a whole clip."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.utils.depth_color import depth_to_rgb

DEPTH_COLOURS = "turbo_r"  # those of depth_to_rgb: near is red, far is blue
ERROR_COLOURS = "inferno"  # no error is black
NO_ERROR_KNOWN = (96, 96, 96)


class DepthRange(NamedTuple):
    """Depths [m] that get the first and the last colour."""

    near_m: float
    far_m: float


def depth_range(depth_m: NDArray[np.floating], trim_percent: float = 0.5) -> DepthRange:
    """The depths of a whole clip, so that all of its frames are coloured alike.

    Args:
        depth_m: depth [m], any shape; pixels that are not finite or not > 0 do not count.
        trim_percent: share of the nearest and of the farthest pixels to leave out.

    Raises:
        ValueError: no pixel counts.
    """
    seen = depth_m[np.isfinite(depth_m) & (depth_m > 0)]
    if seen.size == 0:
        raise ValueError(f"a depth range needs one valid pixel, got none in {depth_m.shape}")
    near_m, far_m = np.percentile(seen, [trim_percent, 100 - trim_percent])
    # One flat wall still needs two different ends.
    return DepthRange(float(near_m), float(max(far_m, near_m * 1.01)))


def colorize_depth(depth_m: NDArray[np.floating], limits: DepthRange) -> NDArray[np.uint8]:
    """Depth as colours, linear in depth; invalid pixels (not finite or not > 0) are black.

    Args:
        depth_m: depth [m], any shape.
        limits: depths of the first and last colour; the same for all frames of a clip.

    Returns:
        RGB, the shape of ``depth_m`` and 3.
    """
    return depth_to_rgb(depth_m, *limits, valid=np.isfinite(depth_m) & (depth_m > 0))


def error_cm(
    pred_m: NDArray[np.floating],
    gt_m: NDArray[np.floating],
    valid: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Absolute error [cm]; NaN where the truth is unknown.

    Args:
        pred_m: predicted depth [m], any shape.
        gt_m: true depth [m], same shape; not finite or not > 0 is unknown.
        valid: further mask of the known pixels, same shape.
    """
    if pred_m.shape != gt_m.shape:
        raise ValueError(f"pred_m and gt_m must be alike, got {pred_m.shape} and {gt_m.shape}")
    known = np.isfinite(gt_m) & (gt_m > 0)
    if valid is not None:
        known &= valid
    error = np.full(gt_m.shape, np.nan, np.float32)
    error[known] = 100 * np.abs(pred_m[known] - gt_m[known])
    return error


def rms_cm(error_cm: NDArray[np.floating]) -> float:
    """Compute the root mean square of an error as :func:`error_cm` gives it, NaN left out [cm]."""
    return float(np.sqrt(np.nanmean(np.square(error_cm, dtype=np.float64))))


def colorize_error(error_cm: NDArray[np.floating], limit_cm: float) -> NDArray[np.uint8]:
    """Error as colours from 0 to ``limit_cm``; grey where it is NaN.

    Args:
        error_cm: absolute error [cm], any shape.
        limit_cm: error of the last colour; larger ones share it.

    Returns:
        RGB, the shape of ``error_cm`` and 3.
    """
    from matplotlib import colormaps

    if not limit_cm > 0:
        raise ValueError(f"limit_cm must be > 0, got {limit_cm}")
    known = ~np.isnan(error_cm)
    share = np.clip(np.where(known, error_cm, 0) / limit_cm, 0, 1)
    table = colormaps[ERROR_COLOURS](np.arange(256), bytes=True)[:, :3]
    rgb = table[np.rint(255 * share).astype(np.uint8)]
    return np.where(known[..., None], rgb, np.array(NO_ERROR_KNOWN, np.uint8))
