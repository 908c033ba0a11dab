"""Classical filters that make depth follow the edges of a guide; whole clips at once, any device.

OpenCV has them per frame in a package (``opencv-contrib-python``) that cannot be installed beside
``opencv-python``; where it is there instead, the tests compare with it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.ops.frame_parts import run_in_parts

TINY = 1e-12
"""Weight of the pixel itself where all others vanish."""


def joint_bilateral_upsample(
    depth: Tensor, guide: Tensor, *, radius: int, sigma_space: float, sigma_color: float
) -> Tensor:
    """Enlarge depth by means over similar colours (Kopf et al., SIGGRAPH 2007, Eq. 4).

    Each pixel takes the low-resolution samples around it, weighted by two Gaussians: of the
    distance, and of the summed absolute difference of its colour to the mean colour of the sample's
    block. Samples without depth (0) and beyond the border do not count. With sides alike it is the
    joint bilateral filter, as OpenCV computes it.

    Args:
        depth: ``(n, 1, h, w)``; 0 where there is none.
        guide: RGB in [0, 1], ``(n, 3, H, W)``, sides a multiple of those of ``depth``.
        radius: radius of the disc of samples, in pixels of ``depth``.
        sigma_space: in pixels of ``depth``.
        sigma_color: in units of the guide.

    Returns:
        ``(n, 1, H, W)``; 0 where no sample in reach has depth.

    Example:
        >>> depth, guide = torch.full((1, 1, 4, 5), 2.0), torch.rand(1, 3, 16, 20)
        >>> width = {"radius": 1, "sigma_space": 1.0, "sigma_color": 0.1}
        >>> large = joint_bilateral_upsample(depth, guide, **width)
        >>> tuple(large.shape), round(large.mean().item(), 4)
        ((1, 1, 16, 20), 2.0)
    """
    scale = guide.shape[-1] // depth.shape[-1]
    taps = _disc(radius)
    near = -0.5 / sigma_space**2 * _squared_distances(scale, taps, depth)
    # A sample without depth has a colour so far away that its weight is 0, also in float64.
    nowhere = 1 + 100 * sigma_color

    def average(depth: Tensor, guide: Tensor) -> tuple[Tensor]:
        color = F.avg_pool2d(guide, scale).where(depth > 0, nowhere)
        padded = [F.pad(x, [radius] * 4, value=v) for x, v in ((color, nowhere), (depth, 0.0))]
        samples = torch.cat(padded, 1)
        # The pixels of a block lie side by side: a sample meets them all without being repeated.
        pixels = F.pixel_unshuffle(guide, scale).unflatten(1, (3, -1)).unbind(1)
        total = (TINY * depth).repeat(1, scale**2, 1, 1)
        weights = (TINY * (depth > 0).to(depth.dtype)).repeat(1, scale**2, 1, 1)
        h, w = depth.shape[-2:]
        for (dy, dx), log_near in zip(taps, near, strict=True):
            rows, columns = (slice(radius + d, radius + d + n) for d, n in ((dy, h), (dx, w)))
            *color, value = samples[..., rows, columns].contiguous().split(1, 1)
            apart = (pixels[0] - color[0]).abs_()
            apart += (pixels[1] - color[1]).abs_()
            apart += (pixels[2] - color[2]).abs_()
            weight = torch.addcmul(log_near, apart, apart, value=-0.5 / sigma_color**2).exp_()
            total.addcmul_(weight, value)
            weights += weight
        return (F.pixel_shuffle(total / weights.clamp_min_(TINY * TINY), scale),)

    return run_in_parts(average, (depth, guide), guide[0].numel())[0]


def _disc(radius: int) -> list[tuple[int, int]]:
    """(dy, dx) of the pixels within a radius, row by row."""
    side = range(-radius, radius + 1)
    return [(dy, dx) for dy in side for dx in side if dy * dy + dx * dx <= radius * radius]


def _squared_distances(scale: int, taps: list[tuple[int, int]], like: Tensor) -> Tensor:
    """From each pixel of a block to each tap, in blocks: ``(taps, scale * scale, 1, 1)``."""
    place = (torch.arange(scale, device=like.device, dtype=like.dtype) + 0.5) / scale - 0.5
    far = [(place - dy).square()[:, None] + (place - dx).square() for dy, dx in taps]
    return torch.stack(far).view(len(taps), -1, 1, 1)


def guided_filter(depth: Tensor, guide: Tensor, *, radius: int, eps: float) -> Tensor:
    """Depth as a locally linear function of colour (He et al., ECCV 2010, Eqs. 19-21).

    Args:
        depth: ``(n, 1, H, W)``.
        guide: RGB, ``(n, 3, H, W)``.
        radius: radius of the square windows [px], below both sides.
        eps: flatness of the function, in squared units of the guide.

    Returns:
        ``(n, 1, H, W)``.

    Example:
        >>> depth, guide = torch.full((1, 1, 8, 9), 2.0), torch.rand(1, 3, 8, 9)
        >>> round(guided_filter(depth, guide, radius=2, eps=1e-3).mean().item(), 4)
        2.0
    """
    color, level = _box_mean(guide, radius), _box_mean(depth, radius)
    covariance = _box_mean(guide * depth, radius) - color * level  # (n, 3, H, W)
    products = _box_mean(guide[:, [0, 0, 0, 1, 1, 2]] * guide[:, [0, 1, 2, 1, 2, 2]], radius)
    pairs = products[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].unflatten(1, (3, 3))
    variance = pairs - color[:, :, None] * color[:, None]
    variance = variance + eps * torch.eye(3).to(guide)[:, :, None, None]
    slope = _solve_3x3(variance, covariance)
    offset = level - (slope * color).sum(1, keepdim=True)
    return (_box_mean(slope, radius) * guide).sum(1, keepdim=True) + _box_mean(offset, radius)


def fast_global_smoother(
    depth: Tensor,
    guide: Tensor,
    *,
    smoothness: float,
    sigma_color: float,
    attenuation: float = 0.25,
    num_iter: int = 3,
) -> Tensor:
    """Smooth globally where the guide is smooth (Min et al., IEEE TIP 2014, Eqs. 5-8).

    Weighted least squares, solved exactly along rows, then along columns; as OpenCV, with a
    smoothness that falls by ``attenuation`` at each iteration (the paper's Eq. 14 differs by a
    factor).

    Args:
        depth: ``(n, 1, H, W)``.
        guide: RGB in [0, 1], ``(n, 3, H, W)``.
        smoothness: weight of neighbours against the data (lambda).
        sigma_color: Euclidean distance of colours at which neighbours count 1/e.
        attenuation: see above.
        num_iter: rounds over rows and columns.

    Returns:
        ``(n, 1, H, W)``.

    Example:
        >>> depth, guide = torch.tensor([[[[0.0, 0.0, 4.0, 4.0]]]]), torch.zeros(1, 3, 1, 4)
        >>> smooth = fast_global_smoother(depth, guide, smoothness=1.0, sigma_color=0.1)
        >>> [round(value, 2) for value in smooth.flatten().tolist()]
        [0.76, 1.37, 2.63, 3.24]
    """
    across = _likeness(guide, sigma_color)  # (W - 1, n, H)
    down = _likeness(guide.transpose(-1, -2), sigma_color)  # (H - 1, n, W)
    out = depth[:, 0]  # (n, H, W)
    for _ in range(num_iter):
        rows = _solve_along(out.permute(2, 0, 1), smoothness * across)  # (W, n, H)
        columns = _solve_along(rows.permute(2, 1, 0), smoothness * down)  # (H, n, W)
        out = columns.permute(1, 0, 2)
        smoothness *= attenuation
    return out[:, None]


def _box_mean(x: Tensor, radius: int) -> Tensor:
    """Mean over squares, mirrored at the border: ``(n, c, H, W)`` -> the same."""
    side = 2 * radius + 1
    # OpenCV's BORDER_REFLECT repeats the border pixel, PyTorch's "reflect" does not.
    for axis in (-1, -2):
        first = x.narrow(axis, 0, radius).flip(axis)
        last = x.narrow(axis, x.shape[axis] - radius, radius).flip(axis)
        x = _sliding_sum(torch.cat((first, x, last), axis), side, axis)
    return x / side**2


def _sliding_sum(x: Tensor, size: int, axis: int) -> Tensor:
    """Sums of ``size`` neighbours from sums of 1, 2, 4, ...: few additions, no cancellation."""
    length = x.shape[axis] - size + 1
    total, start, span = torch.zeros_like(x.narrow(axis, 0, length)), 0, 1
    while True:
        if size & span:
            total = total + x.narrow(axis, start, length)
            start += span
        if 2 * span > size:
            return total
        left = x.shape[axis] - span
        x = x.narrow(axis, 0, left) + x.narrow(axis, span, left)
        span *= 2


def _solve_3x3(matrix: Tensor, right: Tensor) -> Tensor:
    """``matrix (n, 3, 3, H, W)``, symmetric; ``right (n, 3, H, W)`` -> ``(n, 3, H, W)``."""
    one, two, three = matrix.unbind(1)
    pairs = ((two, three), (three, one), (one, two))
    adjugate = torch.stack([torch.linalg.cross(a, b, dim=1) for a, b in pairs], 1)
    determinant = (one * adjugate[:, 0]).sum(1, keepdim=True)
    return (right[:, :, None] * adjugate).sum(1) / determinant


def _likeness(guide: Tensor, sigma_color: float) -> Tensor:
    """Compare each pixel and the next of its row: 1 where alike, in (0, 1], ``(W - 1, n, H)``."""
    apart = (guide[..., 1:] - guide[..., :-1]).square().sum(1).sqrt()  # (n, H, W - 1)
    return torch.exp(-apart / sigma_color).permute(2, 0, 1).contiguous()


def _solve_along(data: Tensor, weight: Tensor) -> Tensor:
    """Minimise ``sum (u - data)^2 + sum weight * (u[i + 1] - u[i])^2`` along the first axis.

    Elimination and substitution of the tridiagonal system, all lines at once.

    Args:
        data: ``(m, ...)``.
        weight: ``(m - 1, ...)``.
    """
    ratios: list[Tensor] = []
    values: list[Tensor] = []
    zero = torch.zeros_like(data[0])
    before, ratio, value = zero, zero, zero
    for i, row in enumerate(data.contiguous()):
        after = weight[i] if i < len(weight) else zero
        pivot = 1 + before * (1 - ratio) + after
        ratio, value = after / pivot, (row + before * value) / pivot
        ratios.append(ratio)
        values.append(value)
        before = after
    for i in range(len(values) - 2, -1, -1):
        values[i] = values[i] + ratios[i] * values[i + 1]
    return torch.stack(values)
