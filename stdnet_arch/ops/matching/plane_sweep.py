"""Depth of a frame from others of known cameras: a plane sweep, and a check of its result.

Collins, "A Space-Sweep Approach to True Multi-Image Matching" (CVPR 1996): for each depth of a
list, every other view is looked up as if the whole frame lay on the plane of that depth. Where the
views agree, the surface is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.ops.warp import camera_flow, flow_warp

PIXELS_AT_ONCE = 1 << 21  # bounds the look-ups of large frames to some tens of MB
SMALLEST_DEVIATION = 1 / 255  # of grey in a window: less than that is no texture
UNSEEN = 1.0  # the cost of a plane that no other view sees: as if nothing correlated


class View(NamedTuple):
    """One frame and its camera."""

    gray: Tensor
    """``(1, H, W)``, in [0, 1]."""
    intrinsics_px: Tensor
    """``fx, fy, cx, cy``, ``(4,)``; ``(0, 0)`` is the centre of the first pixel."""
    pose: Tensor
    """Camera to world, ``(4, 4)``, metres; x right, y down, z forward; float64."""


def move_between(view: View, other: View) -> Tensor:
    """Points of ``view``'s camera -> points of the other one's, ``(4, 4)``."""
    return torch.linalg.inv(other.pose) @ view.pose


def plane_depths(near_m: float, far_m: float, planes: int) -> Tensor:
    """Depths of the planes [m], near to far, evenly spaced in 1 / depth, ``(planes,)``, float64.

    Raises:
        ValueError: not ``0 < near_m < far_m``, or fewer than 3 planes.

    Example:
        >>> plane_depths(1.0, 4.0, 3).tolist()
        [1.0, 1.6, 4.0]
    """
    if not 0 < near_m < far_m or planes < 3:
        raise ValueError(
            f"a sweep needs 0 < near_m < far_m and at least 3 planes; got {near_m}, {far_m}, "
            f"{planes}"
        )
    return 1 / torch.linspace(1 / near_m, 1 / far_m, planes, dtype=torch.float64)


def sweep_cost(view: View, others: Sequence[View], depths_m: Tensor, window_px: int) -> Tensor:
    """Measure how little the other views look like ``view`` if it lies at each depth.

    The cost of one view is ``1 - ZNCC`` (zero-mean normalised cross-correlation) of square windows.
    Of several, it is the mean of the better half of those that see the pixel: what hides a point
    before it hides it seldom after. Source: Kang, Szeliski and Chai, "Handling Occlusions in Dense
    Multi-view Stereo", CVPR 2001.

    Args:
        view: the frame that gets depth.
        others: at least one, of the same size.
        depths_m: the planes, ``(d,)``.
        window_px: side of the windows, odd.

    Returns:
        In [0, 2], ``(d, H, W)``; 1 where no other view sees the plane.

    Raises:
        ValueError: no other view, or an even window.
    """
    if not others or window_px < 1 or window_px % 2 == 0:
        raise ValueError(
            f"a sweep needs another view and an odd window_px; got {len(others)} views and "
            f"{window_px}"
        )
    H, W = view.gray.shape[-2:]
    parts = depths_m.to(view.gray).split(max(1, PIXELS_AT_ONCE // (H * W)))
    return torch.cat([_cost_of_planes(view, others, part, window_px) for part in parts])


def pick_depth(cost: Tensor, depths_m: Tensor) -> Tensor:
    """The depth of least cost, between the planes: the vertex of a parabola in 1 / depth.

    Args:
        cost: ``(d, H, W)``.
        depths_m: evenly spaced in 1 / depth, ``(d,)``.

    Returns:
        Depth [m], ``(1, H, W)``, within the planes.

    Example:
        >>> cost = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64).view(3, 1, 1)
        >>> round(pick_depth(cost, plane_depths(1.0, 4.0, 3)).item(), 3)
        1.6
    """
    best = cost.argmin(0, keepdim=True)
    inner = best.clamp(1, len(cost) - 2)
    before, here, after = (cost.gather(0, inner + k) for k in (-1, 0, 1))
    bend = (before + after - 2 * here).clamp(min=1e-12)
    # A best plane at the end of the list has one neighbour, and stays.
    part = torch.where(inner == best, ((before - after) / (2 * bend)).clamp(-0.5, 0.5), 0)
    inverse = 1 / depths_m.double()
    step = (inverse[-1] - inverse[0]) / (len(depths_m) - 1)
    return (1 / (inverse[0] + step * (best + part))).to(cost.dtype)


def agrees(
    depth_m: Tensor, view: View, other_depth_m: Tensor, other: View, tolerance: float
) -> tuple[Tensor, Tensor]:
    """Tell whether the depth of another view confirms this one's, pixel by pixel.

    Args:
        depth_m: depth of ``view`` [m], ``(1, H, W)``.
        view: the frame in question.
        other_depth_m: depth of ``other``, ``(1, H, W)``.
        other: another frame.
        tolerance: largest distance of the two, as a share of the depth there.

    Returns:
        Whether the two agree, and whether the point is in the other's picture at all, both bool
        ``(1, H, W)``.
    """
    move, intrinsics = move_between(view, other), (view.intrinsics_px, other.intrinsics_px)
    flow, there_m = camera_flow(depth_m[None], intrinsics[0], move, intrinsics[1])
    found_m, inside = flow_warp(other_depth_m[None], flow)
    close = (found_m - there_m).abs() <= tolerance * there_m
    return (close & inside)[0], inside[0]


def _cost_of_planes(view: View, others: Sequence[View], depths_m: Tensor, window_px: int) -> Tensor:
    H, W = view.gray.shape[-2:]
    planes = depths_m.view(-1, 1, 1, 1).expand(-1, 1, H, W)
    costs, seen = [], []
    for other in others:
        move = move_between(view, other)
        flow, _ = camera_flow(planes, view.intrinsics_px, move, other.intrinsics_px)
        looked_up, inside = flow_warp(other.gray.expand(len(planes), -1, -1, -1), flow)
        costs.append(1 - correlation(view.gray[None], looked_up, window_px)[:, 0])
        seen.append(inside[:, 0])
    return _better_half(torch.stack(costs), torch.stack(seen))


def correlation(x: Tensor, y: Tensor, window_px: int) -> Tensor:
    """Zero-mean normalised cross-correlation of square windows.

    Args:
        x: ``(1, 1, H, W)`` or ``(n, 1, H, W)``.
        y: ``(n, 1, H, W)``.
        window_px: side of the windows, odd; at borders, what of them is inside.

    Returns:
        In [-1, 1], ``(n, 1, H, W)``; 0 where a window has no texture.

    Example:
        >>> x = torch.arange(9.0).view(1, 1, 3, 3)
        >>> [round(value, 2) for value in correlation(x, -x, 3)[0, 0, 1].tolist()]
        [-1.0, -1.0, -1.0]
    """

    def mean(image: Tensor) -> Tensor:
        return F.avg_pool2d(image, window_px, 1, window_px // 2, count_include_pad=False)

    mean_x, mean_y = mean(x), mean(y)
    noise = SMALLEST_DEVIATION**2
    var_x = (mean(x * x) - mean_x**2).clamp(min=0) + noise
    var_y = (mean(y * y) - mean_y**2).clamp(min=0) + noise
    both = mean(x * y) - mean_x * mean_y
    return (both / (var_x * var_y).sqrt()).clamp(-1, 1)


def _better_half(costs: Tensor, seen: Tensor) -> Tensor:
    """Mean of the lower half (rounded up) of what counts, ``(v, d, H, W) -> (d, H, W)``."""
    ordered = torch.where(seen, costs, torch.inf).sort(0).values
    taken = (seen.sum(0) + 1) // 2
    rank = torch.arange(len(costs), device=costs.device).view(-1, 1, 1, 1)
    total = torch.where(rank < taken, ordered, 0).sum(0)
    return torch.where(taken > 0, total / taken.clamp(min=1), UNSEEN)
