"""Dense optical flow without weights: Lucas and Kanade (IJCAI 1981), coarse to fine."""

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.ops.warp import flow_warp

SMALLEST = 16
"""Sides of the coarsest level, at least, pixels."""
DAMPING = 1e-3
"""Added to the diagonal of the normal equations: where there is no texture, flow stays as it is."""


def lucas_kanade(
    frame: Tensor, other: Tensor, levels: int = 5, iterations: int = 5, window: int = 7
) -> Tensor:
    """Find each pixel of ``frame`` in ``other``.

    Least squares of the brightness in a window around each pixel, repeated on the warped frame and
    from coarse to fine. Good for what moves smoothly and has texture; use a network for more.

    Args:
        frame: ``(b, c, H, W)`` in [0, 1], floating point.
        other: the same shape.
        levels: largest number of levels of the pyramid; each halves the frame, down to 16 pixels.
        iterations: per level.
        window: side of the window, odd, pixels.

    Returns:
        Flow [px], (dx, dy), ``(b, 2, H, W)``.

    Raises:
        ValueError: the shapes differ, or ``window`` is even.

    Example:
        >>> ramp = torch.linspace(0, 6, 32).sin().expand(1, 3, 32, 32) / 2 + 0.5
        >>> flow_px = lucas_kanade(ramp, ramp)
        >>> tuple(flow_px.shape), flow_px.abs().amax().item() < 1e-3
        ((1, 2, 32, 32), True)
    """
    if frame.shape != other.shape or frame.ndim != 4:
        raise ValueError(
            f"frame and other must both be (b, c, H, W), got {tuple(frame.shape)} and "
            f"{tuple(other.shape)}"
        )
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window must be odd, got {window}")
    pairs = [(_smooth(frame), _smooth(other))]
    while len(pairs) < levels and min(pairs[-1][0].shape[-2:]) >= 2 * SMALLEST:
        one, two = (_smooth(_resize(x, _half(x))) for x in pairs[-1])
        pairs.append((one, two))
    flow = frame.new_zeros(len(frame), 2, *pairs[-1][0].shape[-2:])
    for one, two in reversed(pairs):
        flow = _enlarge(flow, one.shape[-2:])
        for _ in range(iterations):
            flow = _smooth(flow + _step(one, two, flow, window))  # else noise grows
    return flow


def _step(one: Tensor, two: Tensor, flow: Tensor, window: int) -> Tensor:
    """Solve for the change of flow, from the linearised brightness in each window."""
    warped, inside = flow_warp(two, flow)
    dx, dy = _derivatives((one + warped) / 2)
    dt = (warped - one) * inside
    xx, xy, yy, xt, yt = (
        F.avg_pool2d(x.sum(1, keepdim=True), window, 1, window // 2)
        for x in (dx * dx, dx * dy, dy * dy, dx * dt, dy * dt)
    )
    xx, yy = xx + DAMPING, yy + DAMPING
    scale = xx * yy - xy * xy
    move = torch.cat((xy * yt - yy * xt, xy * xt - xx * yt), 1) / scale
    return move.clamp(-1, 1)  # the linearisation holds for about a pixel


def _derivatives(x: Tensor) -> tuple[Tensor, Tensor]:
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    return across, down


def _smooth(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)


def _half(x: Tensor) -> tuple[int, int]:
    h, w = x.shape[-2:]
    return (h + 1) // 2, (w + 1) // 2


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def _enlarge(flow: Tensor, size: torch.Size) -> Tensor:
    """A flow of another size is as much longer."""
    h, w = flow.shape[-2:]
    factor = flow.new_tensor([size[1] / w, size[0] / h]).view(2, 1, 1)
    return _resize(flow, (size[0], size[1])) * factor
