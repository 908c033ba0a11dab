"""Moving images by flow: sampling backwards, splatting forwards, and the flow of a camera."""

import math
from collections.abc import Iterator
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.ops.deform_sample import deform_sample


def flow_warp(x: Tensor, flow_px: Tensor) -> tuple[Tensor, Tensor]:
    """Look up where each pixel goes: ``warped[p] = x[p + flow[p]]``, bilinear.

    Args:
        x: the later frame, ``(b, c, H, W)``, floating point.
        flow_px: (dx, dy) from the earlier frame to ``x``, ``(b, 2, H, W)``.

    Returns:
        ``x`` as the earlier frame sees it, ``(b, c, H, W)``, and whether the point is inside of
        ``x``, bool ``(b, 1, H, W)``. Outside of it (or where the flow is not finite) the first is
        the nearest border.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> later = torch.arange(3.0).view(1, 1, 1, 3)
        >>> flow_px = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3)  # right
        >>> warped, inside = flow_warp(later, flow_px)
        >>> warped.flatten().tolist(), inside.flatten().tolist()
        ([1.0, 2.0, 2.0], [True, True, False])
    """
    _check(x, flow_px)
    H, W = x.shape[-2:]
    column, row = _targets(flow_px.to(x.dtype))
    inside = _lie_inside(column, row)
    # grid_sample wants -1 and 1 at the centres of the outer pixels; a side of 1 has no extent.
    sides = (2 * place / max(n - 1, 1) - 1 for place, n in ((column, W), (row, H)))
    grid = torch.stack(tuple(sides), dim=-1).nan_to_num(0, 2, -2).expand(len(x), -1, -1, -1)
    warped = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=True)
    return warped, inside


def lands_inside(flow_px: Tensor) -> Tensor:
    """Tell where the flow of a pixel ends inside of the image, as :func:`flow_warp` does.

    Args:
        flow_px: (dx, dy), ``(b, 2, H, W)``.

    Returns:
        Bool, ``(b, 1, H, W)``.
    """
    return _lie_inside(*_targets(flow_px))


def warp_to_edges(x: Tensor, flow_px: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    """Look up where each pixel goes in an image that ends at the edges of its outer pixels.

    :func:`flow_warp` calls a point outside beyond the centres of the outer pixels, half a pixel
    earlier: there, what is interpolated is exact.

    Args:
        x: ``(n, c, h, w)``.
        flow_px: (dx, dy) [px of ``x``], ``(n, 2, h, w)``.
        mode: ``bilinear`` or ``nearest``.

    Returns:
        ``x[p + flow_px[p]]``, ``(n, c, h, w)``, outside the border, and 1 inside or 0, ``(n, 1, h,
        w)``.

    Example:
        >>> x, flow_px = torch.arange(3.0).view(1, 1, 1, 3), torch.zeros(1, 2, 1, 3)
        >>> flow_px[:, 0] = 1  # right
        >>> found, inside = warp_to_edges(x, flow_px, "nearest")
        >>> found.flatten().tolist(), inside.flatten().tolist()
        ([1.0, 2.0, 2.0], [1.0, 1.0, 0.0])
    """
    h, w = x.shape[-2:]
    rows = torch.arange(h, device=x.device, dtype=flow_px.dtype)[:, None]
    columns = torch.arange(w, device=x.device, dtype=flow_px.dtype)[None]
    u = (2 * (columns + flow_px[:, 0]) + 1) / w - 1
    v = (2 * (rows + flow_px[:, 1]) + 1) / h - 1
    inside = ((u.abs() <= 1) & (v.abs() <= 1)).to(x.dtype)[:, None]
    # Not a number has no place; grid_sample's backward would write anywhere.
    grid = torch.stack((u, v), -1).nan_to_num(2, 2, -2).clamp(-2, 2)
    found = F.grid_sample(
        x, grid.to(x.dtype), mode=mode, padding_mode="border", align_corners=False
    )
    return found, inside


def flow_sample(x: Tensor, flow_px: Tensor) -> Tensor:
    """As :func:`flow_warp`, with zeros outside and at most the work of a deformable tap.

    Args:
        x: ``(b, c, h, w)``.
        flow_px: (dx, dy), ``(b, 2, h, w)``.

    Returns:
        ``(b, c, h, w)``, dtype of ``x``.

    Example:
        >>> flow_px = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
        >>> flow_sample(torch.arange(3.0).view(1, 1, 1, 3), flow_px).flatten().tolist()
        [1.0, 2.0, 0.0]
    """
    return deform_sample(x, flow_px.flip(1), kernel=1, padding=0)[:, :, 0]


def warp_known(x: Tensor, known: Tensor, flow_px: Tensor) -> tuple[Tensor, Tensor]:
    """As :func:`flow_warp`, between pixels that are known; gradients never see the others.

    Args:
        x: the later frame, ``(b, c, H, W)``; what it is where it is not known is not looked at.
        known: bool, ``(b, 1, H, W)``.
        flow_px: (dx, dy) from the earlier frame to ``x``, ``(b, 2, H, W)``.

    Returns:
        ``x`` as the earlier frame sees it, ``(b, c, H, W)``, 0 where it is not known, and where it
        is, bool ``(b, 1, H, W)``: inside of the image, between pixels that are all known.

    Example:
        >>> later = torch.arange(3.0).view(1, 1, 1, 3)
        >>> known = torch.tensor([[[[True, False, True]]]])
        >>> warped, there = warp_known(later, known, torch.zeros(1, 2, 1, 3))
        >>> warped.flatten().tolist(), there.flatten().tolist()
        ([0.0, 0.0, 2.0], [True, False, True])
    """
    filled = torch.cat([torch.where(known, x, 0.0), known.to(x.dtype)], dim=1)
    both, inside = flow_warp(filled, flow_px)
    value, share = both[:, :-1], both[:, -1:]
    # Bilinear weights sum to 1 but for rounding; what is missing must not darken the value.
    found = inside & (share > 1 - 1e-3)
    return torch.where(found, value / share.where(found, 1.0), 0.0), found


def splat(
    depth: Tensor, flow_px: Tensor, valid: Tensor | None = None, radius_px: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Throw each pixel as a disc to where it goes; the nearest depth wins (a z-buffer).

    A disc covers the pixels whose centres are less than ``radius_px`` away from where it lands. So
    with radius 1 a flow of whole pixels moves single pixels, and any other closes the gaps.

    Args:
        depth: depth to throw, which also gives the order, ``(b, 1, H, W)``, floating point.
        flow_px: (dx, dy) of each pixel, ``(b, 2, H, W)``, or ``(1, 2, H, W)`` for all images.
            Pixels with a flow that is not finite are not thrown.
        valid: mask of the pixels that are thrown, bool, ``(b, 1, H, W)`` or ``(1, 1, H, W)``;
            None: all. NaN never is.
        radius_px: radius of the discs; 0: only the nearest pixel.

    Returns:
        Depth of the nearest disc over each pixel, ``(b, 1, H, W)``, 0 where there is none, and
        where there is one, bool ``(b, 1, H, W)``.

    Raises:
        ValueError: the shapes do not fit, or the radius is negative.

    Example:
        >>> depth = torch.tensor([5.0, 2.0, 5.0]).view(1, 1, 1, 3)
        >>> flow_px = torch.tensor([[1.0, 0, 0], [0, 0, 0]]).view(1, 2, 1, 3)  # right, behind
        >>> thrown, hit = splat(depth, flow_px)
        >>> thrown.flatten().tolist(), hit.flatten().tolist()
        ([0.0, 2.0, 5.0], [False, True, True])
    """
    _check(depth, flow_px)
    if depth.shape[1] != 1 or not radius_px >= 0:
        raise ValueError(
            f"splat needs depth (b, 1, H, W) and a radius_px >= 0, got {tuple(depth.shape)} and "
            f"{radius_px}"
        )
    b, _, H, W = depth.shape
    column, row = _targets(flow_px)
    thrown = column.isfinite() & row.isfinite() & ~depth[:, 0].isnan()
    if valid is not None:
        thrown &= valid[:, 0]
    thrown_depth = torch.where(thrown, depth[:, 0], math.inf)
    # What falls beside the image falls on a margin, where it covers no pixel.
    reach = max(math.ceil(radius_px), 1)
    margin = 2 * reach
    width = W + 2 * margin
    column = column.nan_to_num(0).clamp(-reach, W - 1 + reach)
    row = row.nan_to_num(0).clamp(-reach, H - 1 + reach)
    nearest = depth.new_full((b, (H + 2 * margin) * width), math.inf)
    for x, y, covers in _covered_pixels(column, row, radius_px):
        place = ((y + margin) * width + x + margin).flatten(1)
        lands = torch.where(covers, thrown_depth, math.inf).flatten(1)
        nearest.scatter_reduce_(1, place.expand(b, -1), lands, "amin")
    inner = slice(margin, margin + H), slice(margin, margin + W)
    image = nearest.view(b, 1, -1, width)[..., inner[0], inner[1]]
    covered = image < math.inf
    return torch.where(covered, image, 0.0), covered


def camera_flow(
    depth_m: Tensor, intrinsics_px: Tensor, move: Tensor, other_px: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Find where a moving pinhole camera sees the points of a depth image if nothing else moves.

    Args:
        depth_m: z-depth [m], ``(b, 1, H, W)``.
        intrinsics_px: ``fx, fy, cx, cy``, ``(4,)``; ``(0, 0)`` is the centre of the first pixel.
        move: turns points of this camera into points of the other one, ``(4, 4)``, metres; with
            camera-to-world poses ``inverse(pose_other) @ pose_this``. x right, y down, z forward.
        other_px: intrinsics of the other camera; None: the same.

    Returns:
        Flow (dx, dy) [px], ``(b, 2, H, W)``, NaN for points that are not in front of the other
        camera, and z-depth there [m], ``(b, 1, H, W)``.

    Example:
        >>> depth_m, intrinsics_px = torch.full((1, 1, 1, 2), 4.0), torch.tensor([8.0, 8, 0.5, 0])
        >>> move = torch.eye(4)
        >>> move[0, 3] = 1.0  # for the other camera, points are 1 m further right
        >>> flow_px, other_m = camera_flow(depth_m, intrinsics_px, move)
        >>> flow_px.flatten(1).tolist(), other_m.flatten().tolist()
        ([[2.0, 2.0, 0.0, 0.0]], [4.0, 4.0])
    """
    H, W = depth_m.shape[-2:]
    fx, fy, cx, cy = intrinsics_px.to(depth_m.dtype)
    column, row = _grid(H, W, depth_m)
    ray = torch.stack([(column - cx) / fx, (row - cy) / fy, torch.ones_like(column)])
    turn, shift = move[:3, :3].to(depth_m.dtype), move[:3, 3].to(depth_m.dtype)
    turned = torch.einsum("ij,jyx->iyx", turn, ray)
    x, y, z = (turned * depth_m + shift.view(3, 1, 1)).unbind(1)  # (b, H, W) each
    in_front = torch.where(z > 0, z, math.nan)
    if other_px is not None:
        fx, fy, cx, cy = other_px.to(depth_m.dtype)
    flow = torch.stack([fx * x / in_front + cx - column, fy * y / in_front + cy - row], dim=1)
    return flow, z.unsqueeze(1)


def _covered_pixels(
    column: Tensor, row: Tensor, radius_px: float
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Column and row of each pixel that a disc could reach, int64, and whether it does, bool."""
    if radius_px == 0:
        yield column.round().long(), row.round().long(), torch.ones_like(column, dtype=torch.bool)
        return
    left, top, reach = column.floor(), row.floor(), math.ceil(radius_px)
    across, down = column - left, row - top  # in [0, 1)
    left, top = left.long(), top.long()
    for dx, dy in product(range(1 - reach, reach + 1), repeat=2):
        covers = (across - dx) ** 2 + (down - dy) ** 2 < radius_px**2
        yield left + dx, top + dy, covers


def _targets(flow_px: Tensor) -> tuple[Tensor, Tensor]:
    """Column and row where each pixel goes, ``(b, H, W)`` each."""
    H, W = flow_px.shape[-2:]
    column, row = _grid(H, W, flow_px)
    return column + flow_px[:, 0], row + flow_px[:, 1]


def _lie_inside(column: Tensor, row: Tensor) -> Tensor:
    """Tell which of the points ``(b, H, W)`` lie between the outer pixels, ``(b, 1, H, W)``."""
    H, W = column.shape[-2:]
    inside = (column >= 0) & (column <= W - 1) & (row >= 0) & (row <= H - 1)
    return inside[:, None]


def _grid(H: int, W: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Column and row of each pixel, ``(H, W)`` each."""
    row, column = torch.meshgrid(
        torch.arange(H, dtype=like.dtype, device=like.device),
        torch.arange(W, dtype=like.dtype, device=like.device),
        indexing="ij",
    )
    return column, row


def _check(image: Tensor, flow_px: Tensor) -> None:
    b, *_, H, W = image.shape
    if image.ndim != 4 or flow_px.shape not in {(b, 2, H, W), (1, 2, H, W)}:
        raise ValueError(
            f"flow_px must be (b, 2, H, W) of an image (b, c, H, W), got {tuple(flow_px.shape)} "
            f"for {tuple(image.shape)}"
        )
