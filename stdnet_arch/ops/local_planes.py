"""Local planes through low-resolution depth: each pixel's own surface, dequantised, with slopes."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

FLAT = 0.3
"""Ridge on the slopes [px^2]: a pixel with no neighbour on its surface gets a flat plane."""
SLACK = 0.004
"""Share of the depth by which members of a surface may miss its plane, beside the step."""
FIRST_SLACK = 0.012
"""The same in the first round, when slopes are not known yet."""
FIRST_STEPS = 1.6
"""Steps by which neighbours may differ in the first round, for each pixel of distance."""
LATER_STEPS = 1.1
"""Steps by which members may miss the plane in later rounds."""
CENTRE_STEPS = 0.7
"""Steps by which the plane may leave the pixel's own depth: half of one, and some noise."""


class LocalPlanes(NamedTuple):
    """A plane for each pixel: ``depth + slope_x * dx + slope_y * dy``, ``dx``, ``dy`` in pixels."""

    depth: Tensor
    """Depth at the pixel's centre, ``(n, 1, h, w)``."""
    slope_x: Tensor
    """Change of depth per pixel to the right, ``(n, 1, h, w)``."""
    slope_y: Tensor
    """Change of depth per pixel downwards, ``(n, 1, h, w)``."""


def fit_local_planes(
    lq: Tensor,
    step: Tensor | float = 0.0,
    measured: Tensor | None = None,
    radius: int = 2,
    rounds: int = 2,
) -> LocalPlanes:
    """Fit a plane to each pixel's own surface by robust least squares.

    Round by round, the neighbours within a tolerance of the present plane are its members. The
    plane is fitted again to them, with weights that fall with distance. The first round has a flat
    plane and a tolerance that grows with distance, so that slopes are found. Scale-free: ``lq`` and
    ``step`` times a factor give planes times that factor.

    Args:
        lq: depth, ``(n, 1, h, w)``, any unit; at least float32 for the fit.
        step: quantisation step of ``lq``, in its unit: a number, or ``(n,)``; 0: continuous.
        measured: measured pixels of ``lq``, ``(n, 1, h, w)`` bool; others belong to no plane but
            their own. None: everywhere.
        radius: neighbours that are looked at, on each side [px].
        rounds: fits after the first one.

    Returns:
        Planes in the unit of ``lq``. Slopes at the border look at replicated pixels as holes.

    Raises:
        ValueError: a shape does not fit, or ``radius`` is below 1.

    Example:
        >>> planes = fit_local_planes(torch.full((1, 1, 4, 5), 2.0), step=0.1)
        >>> float(planes.depth.mean()), float(planes.slope_x.abs().max())
        (2.0, 0.0)
    """
    if lq.ndim != 4 or lq.shape[1] != 1 or radius < 1:
        raise ValueError(
            f"lq must be (n, 1, h, w) and radius >= 1; got {tuple(lq.shape)}, {radius}"
        )
    # Products of sums cancel: in half precision the planes would be noise.
    with torch.autocast(lq.device.type, enabled=False):
        return _fit(
            lq.to(torch.promote_types(lq.dtype, torch.float32)), step, measured, radius, rounds
        )


def _fit(
    lq: Tensor, step: Tensor | float, measured: Tensor | None, radius: int, rounds: int
) -> LocalPlanes:
    n, _, h, w = lq.shape
    taps = _taps(radius, lq)
    around, known = _neighbours(lq, measured, radius)
    offset = around - lq.flatten(2).transpose(1, 2)  # (n, h*w, k*k), small: exact in float32
    own = lq.flatten(2).transpose(1, 2)  # (n, h*w, 1)
    unit = torch.as_tensor(step, dtype=lq.dtype, device=lq.device).reshape(-1, 1, 1)
    known = known * taps.weight
    plane = torch.zeros(n, h * w, 3, dtype=lq.dtype, device=lq.device)
    for i in range(rounds + 1):
        if i == 0:
            tolerance = (FIRST_STEPS * unit + FIRST_SLACK * own) * taps.distance
            member = (offset.abs() <= tolerance) * known
        else:
            tolerance = LATER_STEPS * unit + SLACK * own
            member = ((offset - plane @ taps.basis.T).abs() <= tolerance) * known
        plane = _solve(member, offset, taps)
        limit = CENTRE_STEPS * unit + SLACK * own
        plane = torch.cat((plane[..., :1].clamp(-limit, limit), plane[..., 1:]), -1)
    depth, slope_x, slope_y = plane.transpose(1, 2).unflatten(2, (h, w)).split(1, 1)
    return LocalPlanes(lq + depth, slope_x, slope_y)


class _Taps(NamedTuple):
    """The window around a pixel."""

    basis: Tensor
    """1, dx, dy of each tap, ``(k*k, 3)``."""
    products: Tensor
    """1, dx, dy, dx dx, dx dy, dy dy of each tap, ``(k*k, 6)``."""
    weight: Tensor
    """Gaussian of the distance, ``(k*k,)``."""
    distance: Tensor
    """At least 1 px, ``(k*k,)``."""


def _taps(radius: int, like: Tensor) -> _Taps:
    side = torch.arange(-radius, radius + 1, dtype=like.dtype, device=like.device)
    dy, dx = (d.flatten() for d in torch.meshgrid(side, side, indexing="ij"))
    one = torch.ones_like(dx)
    squared = dx * dx + dy * dy
    return _Taps(
        torch.stack((one, dx, dy), 1),
        torch.stack((one, dx, dy, dx * dx, dx * dy, dy * dy), 1),
        torch.exp(-squared / (2 * (0.75 * radius) ** 2)),
        squared.sqrt().clamp_min(1),
    )


def _neighbours(lq: Tensor, measured: Tensor | None, radius: int) -> tuple[Tensor, Tensor]:
    """Depth of each pixel's window, and 1 where it counts: ``(n, h*w, k*k)`` each."""
    size = 2 * radius + 1
    counts = torch.ones_like(lq) if measured is None else measured.to(lq.dtype)
    padded = F.pad(lq, [radius] * 4, mode="replicate")
    known = F.unfold(F.pad(counts, [radius] * 4), size)
    # A hole's own (filled) depth is all that its plane knows.
    known[:, size * size // 2] = 1
    return F.unfold(padded, size).transpose(1, 2), known.transpose(1, 2)


def _solve(member: Tensor, offset: Tensor, taps: _Taps) -> Tensor:
    """Weighted least squares of planes: ``(n, h*w, k*k)`` each -> ``(n, h*w, 3)``.

    Normal equations by Cramer's rule; the ridge keeps them far from singular, and the centre is
    always a member.
    """
    s0, sx, sy, sxx, sxy, syy = (member @ taps.products).unbind(-1)
    b0, bx, by = ((member * offset) @ taps.basis).unbind(-1)
    sxx, syy = sxx + FLAT, syy + FLAT
    c00, c01, c02 = sxx * syy - sxy * sxy, sxy * sy - sx * syy, sx * sxy - sxx * sy
    c11, c12, c22 = s0 * syy - sy * sy, sx * sy - s0 * sxy, s0 * sxx - sx * sx
    determinant = s0 * c00 + sx * c01 + sy * c02
    rows = (
        c00 * b0 + c01 * bx + c02 * by,
        c01 * b0 + c11 * bx + c12 * by,
        c02 * b0 + c12 * bx + c22 * by,
    )
    return torch.stack(rows, -1) / determinant[..., None]
