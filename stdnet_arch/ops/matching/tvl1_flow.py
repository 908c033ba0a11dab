"""Optical flow without a network or weights: TV-L1 (Zach, Pock and Bischof, DAGM 2007)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.warp import flow_warp

LUMA = (0.299, 0.587, 0.114)
SMALLEST = 16  # pixels of the shorter side at the coarsest level
TIME_STEP = 0.25
COUPLING = 0.3  # theta: how far the two halves of the alternation may be apart
DATA = 0.15  # lambda, for brightness in 0..255, as published


@torch.no_grad()
def tvl1_flow(frame: Tensor, other: Tensor, warps: int = 5, steps: int = 20) -> Tensor:
    """Find each pixel of ``frame`` in ``other``.

    Minimises ``|grad u| + lambda |other(p + u) - frame(p)|`` from coarse to fine: linearised
    ``warps`` times at each level, each time with ``steps`` rounds of thresholding and a dual step.

    Args:
        frame: grey or RGB in [0, 1], ``(b, 1 or 3, H, W)``.
        other: the same shape.
        warps: see above.
        steps: see above.

    Returns:
        Flow [px], (dx, dy), ``(b, 2, H, W)``, at least float32.

    Raises:
        ValueError: the shapes are not these.

    Example:
        >>> frame = torch.rand(1, 3, 20, 24)
        >>> flow_px = tvl1_flow(frame, frame, warps=1, steps=2)
        >>> tuple(flow_px.shape), flow_px.abs().amax().item() < 1e-3
        ((1, 2, 20, 24), True)
    """
    if frame.shape != other.shape or frame.ndim != 4 or frame.shape[1] not in {1, 3}:
        raise ValueError(
            "tvl1_flow needs two frames (b, 1 or 3, H, W) of one shape, got "
            f"{tuple(frame.shape)} and {tuple(other.shape)}"
        )
    pyramid = [(_brightness(frame), _brightness(other))]
    while min(pyramid[-1][0].shape[-2:]) >= 2 * SMALLEST:
        one, two = pyramid[-1]
        pyramid.append((_halve(one), _halve(two)))
    flow = pyramid[-1][0].new_zeros(len(frame), 2, *pyramid[-1][0].shape[-2:])
    for one, two in reversed(pyramid):
        flow = _refine(one, two, _to_size(flow, one), warps, steps)
    return flow


def _brightness(frame: Tensor) -> Tensor:
    frame = at_least_float32(frame)
    if frame.shape[1] == 3:
        weight = frame.new_tensor(LUMA).view(1, 3, 1, 1)
        frame = (frame * weight).sum(1, keepdim=True)
    return _blur(255 * frame)


def _blur(x: Tensor) -> Tensor:
    """Binomial 1-2-1, the border repeated."""
    kernel = x.new_tensor([1.0, 2.0, 1.0]) / 4
    for shape, pad in (((1, 1, 1, 3), (1, 1, 0, 0)), ((1, 1, 3, 1), (0, 0, 1, 1))):
        x = F.conv2d(F.pad(x, pad, mode="replicate"), kernel.view(shape))
    return x


def _halve(x: Tensor) -> Tensor:
    return F.interpolate(_blur(x), scale_factor=0.5, mode="bilinear", align_corners=False)


def _to_size(flow: Tensor, like: Tensor) -> Tensor:
    (h, w), (H, W) = flow.shape[-2:], like.shape[-2:]
    if (h, w) == (H, W):
        return flow
    up = F.interpolate(flow, size=(H, W), mode="bilinear", align_corners=False)
    return up * flow.new_tensor([W / w, H / h]).view(1, 2, 1, 1)


def _refine(one: Tensor, two: Tensor, flow: Tensor, warps: int, steps: int) -> Tensor:
    """Better flow at one level; all ``(b, 1 or 2, h, w)``."""
    dual = flow.new_zeros(len(flow), 2, 2, *flow.shape[-2:])  # of dx and dy, along x and y
    reach = DATA * COUPLING
    for _ in range(warps):
        moved, inside = flow_warp(two, flow)
        slope = _central(moved) * inside  # (b, 2, h, w); no evidence from beyond the border
        steepness = slope.square().sum(1, keepdim=True)
        constant = (moved - one) * inside - (slope * flow).sum(1, keepdim=True)
        for _ in range(steps):
            residual = constant + (slope * flow).sum(1, keepdim=True)
            exact = -residual / steepness.clamp(min=1e-6)
            flow = flow + slope * exact.clamp(-reach, reach)
            flow = flow + COUPLING * _divergence(dual)
            change = _forward(flow)
            step = TIME_STEP / COUPLING
            length = change.square().sum(2, keepdim=True).sqrt()
            dual = (dual + step * change) / (1 + step * length)
    return flow


def _central(x: Tensor) -> Tensor:
    """Slope of ``(b, 1, h, w)`` along x and y, ``(b, 2, h, w)``."""
    along_x = F.pad(x, (1, 1, 0, 0), mode="replicate")
    along_y = F.pad(x, (0, 0, 1, 1), mode="replicate")
    dx = (along_x[..., 2:] - along_x[..., :-2]) / 2
    return torch.cat((dx, (along_y[..., 2:, :] - along_y[..., :-2, :]) / 2), 1)


def _forward(x: Tensor) -> Tensor:
    """Differences to the next column and row, 0 at the last.

    ``(b, 2, h, w)`` -> ``(b, 2, 2, h, w)``: the second axis is that of ``x``, the third x or y.
    """
    dx = F.pad(x[..., 1:] - x[..., :-1], (0, 1))
    dy = F.pad(x[..., 1:, :] - x[..., :-1, :], (0, 0, 0, 1))
    return torch.stack((dx, dy), 2)


def _divergence(dual: Tensor) -> Tensor:
    """Minus the transpose of :func:`_forward`: ``(b, 2, 2, h, w)`` -> ``(b, 2, h, w)``."""
    across, down = dual.unbind(2)
    across = F.pad(across[..., :-1], (1, 1))
    down = F.pad(down[..., :-1, :], (0, 0, 1, 1))
    return across[..., 1:] - across[..., :-1] + down[..., 1:, :] - down[..., :-1, :]
