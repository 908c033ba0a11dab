"""PSNR and SSIM of RGB video on the luma channel, as the space-time papers report them.

Predictions are clamped to [0, 1] and rounded to 8 bit first, as a saved picture would be; Y is
BT.601 with limited range (16-235). Both are computed per frame and averaged over the clip. A clip
with a value that is not finite, which no picture could hold, counts as 0.
"""

import math

import torch
import torch.nn.functional as F
from basicsr.utils.registry import METRIC_REGISTRY
from torch import Tensor

from stdnet_arch.metrics.traits import higher_is_better

Y_WEIGHTS = (65.481, 128.553, 24.966)
Y_OFFSET = 16.0
VIEWS = ("left", "right")
BROKEN = 0.0
"""Quality of a prediction that is not finite."""
_SSIM_SIDE, _SSIM_SIGMA = 11, 1.5


@METRIC_REGISTRY.register()
@higher_is_better
def calculate_psnr_y(
    pred: Tensor, gt: Tensor, *, valid: Tensor | None = None, view: str | None = None
) -> float:
    """Peak signal-to-noise ratio of Y.

    Args:
        pred: RGB frames in [0, 1], ``(..., 3, H, W)``.
        gt: the truth, the same shape.
        valid: none may be invalid; bool, the same shape.
        view: view of stereo video, ``(..., 6, H, W)``: ``left`` or ``right``.

    Returns:
        Mean over the frames [dB]; ``inf`` if one is exact, 0 if a prediction is not finite.

    Raises:
        ValueError: shapes differ, are not RGB, or a pixel is invalid.
    """
    pred, gt = _of_view(pred, view), _of_view(gt, view)
    _check(pred, gt, None if valid is None else _of_view(valid, view))
    if not bool(pred.isfinite().all()):
        return BROKEN
    error = (luma(pred) - luma(gt)).square().mean(dim=(-1, -2)).flatten()
    return (10 * torch.log10(255.0**2 / error)).mean().item()


@METRIC_REGISTRY.register()
@higher_is_better
def calculate_ssim_y(
    pred: Tensor, gt: Tensor, *, valid: Tensor | None = None, view: str | None = None
) -> float:
    """Structural similarity of Y (Wang et al. 2004): 11 x 11 Gaussian, sigma 1.5, inner pixels.

    Args:
        pred: RGB frames in [0, 1], ``(..., 3, H, W)``, sides at least 11.
        gt: the truth, the same shape.
        valid: none may be invalid; bool, the same shape.
        view: view of stereo video, ``(..., 6, H, W)``: ``left`` or ``right``.

    Returns:
        Mean over the frames, at most 1; 0 if a prediction is not finite.

    Raises:
        ValueError: shapes differ, are not RGB or too small, or a pixel is invalid.
    """
    pred, gt = _of_view(pred, view), _of_view(gt, view)
    _check(pred, gt, None if valid is None else _of_view(valid, view))
    if min(pred.shape[-2:]) < _SSIM_SIDE:
        raise ValueError(f"SSIM needs sides of at least {_SSIM_SIDE}, got {tuple(pred.shape[-2:])}")
    if not bool(pred.isfinite().all()):
        return BROKEN
    one, two = (luma(x).reshape(-1, 1, *x.shape[-2:]) for x in (pred, gt))
    # One frame at a time: five float64 maps each.
    values = [_ssim(a[None], b[None]) for a, b in zip(one, two, strict=True)]
    return torch.stack(values).mean().item()


def _of_view(x: Tensor, view: str | None) -> Tensor:
    """The channels of a view; everything without one."""
    if view is None:
        return x
    if view not in VIEWS:
        raise ValueError(f"view must be {' or '.join(VIEWS)}, got {view!r}")
    if x.ndim < 3 or x.shape[-3] != 3 * len(VIEWS):
        raise ValueError(f"view: {view} needs stereo frames (..., 6, H, W), got {tuple(x.shape)}")
    first = 3 * VIEWS.index(view)
    return x[..., first : first + 3, :, :]


def luma(rgb: Tensor) -> Tensor:
    """Y of the 8-bit picture: ``(..., 3, H, W)`` in [0, 1] -> ``(..., H, W)`` float64, 16-235."""
    weights = torch.tensor(Y_WEIGHTS, dtype=torch.float64, device=rgb.device)
    picture = (rgb.double().clamp(0, 1) * 255).round() / 255
    return (picture * weights.view(3, 1, 1)).sum(-3) + Y_OFFSET


def _ssim(one: Tensor, two: Tensor) -> Tensor:
    """``(1, 1, H, W)`` each -> their mean similarity."""
    place = torch.arange(_SSIM_SIDE, dtype=one.dtype, device=one.device) - _SSIM_SIDE // 2
    line = torch.exp(-(place**2) / (2 * _SSIM_SIGMA**2))
    line = line / line.sum()

    def smooth(x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x, line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_1, mean_2 = smooth(one), smooth(two)
    variance = smooth(one * one) - mean_1**2 + smooth(two * two) - mean_2**2
    covariance = smooth(one * two) - mean_1 * mean_2
    likeness = (2 * mean_1 * mean_2 + c1) / (mean_1**2 + mean_2**2 + c1)
    return (likeness * (2 * covariance + c2) / (variance + c2)).mean()


def _check(pred: Tensor, gt: Tensor, valid: Tensor | None) -> None:
    if pred.shape != gt.shape:
        raise ValueError(
            f"pred and gt must have one shape, got {tuple(pred.shape)} and {tuple(gt.shape)}"
        )
    if pred.ndim < 3 or pred.shape[-3] != 3 or math.prod(pred.shape) == 0:
        raise ValueError(
            f"pred must be RGB frames (..., 3, H, W), or (..., 6, H, W) with view: left or right, "
            f"got {tuple(pred.shape)}"
        )
    if valid is not None and not bool(valid.all()):
        raise ValueError("PSNR and SSIM count whole frames, got a mask with invalid pixels")
