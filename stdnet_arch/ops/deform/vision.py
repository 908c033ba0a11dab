"""torchvision's operator: a convolution, or sampling by windows of ones and zeros."""

import torch
from torch import Tensor

FAR = 1e9  # pixels


def vision_conv(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    weight: Tensor,
    *,
    padding: int,
    dilation: int,
) -> Tensor:
    """torchvision's operator once per block of ``c_in`` channels, in float32 at least.

    Args:
        x: ``(b, n * c_in, h, w)``.
        offset: ``(b, 2 * groups * k * k, h', w')``.
        mask: ``(b, groups * k * k, h', w')`` or None.
        weight: ``(c_out, c_in, k, k)``.
        padding: taps start at ``-padding``.
        dilation: distance between taps, pixels.

    Returns:
        ``(b, n * c_out, h', w')``, dtype of ``x``.

    Raises:
        ImportError: torchvision is not installed.
    """
    parts = [
        _call(part, offset, mask, weight, padding, dilation) for part in x.split(weight.shape[1], 1)
    ]
    return torch.cat(parts, dim=1).to(x.dtype)


def vision_sample(
    x: Tensor, offset: Tensor, mask: Tensor | None, *, kernel: int, padding: int, dilation: int
) -> Tensor:
    """Sample each tap by weights that pick one tap each: exact and wasteful.

    Args:
        x: ``(b, c, h, w)``.
        offset: ``(b, 2 * groups * kernel**2, h', w')``.
        mask: ``(b, groups * kernel**2, h', w')`` or None.
        kernel: side of the window.
        padding: taps start at ``-padding``.
        dilation: distance between taps, pixels.

    Returns:
        ``(b, c, kernel**2, h', w')``, dtype of ``x``.

    Raises:
        ImportError: torchvision is not installed.
    """
    taps = kernel * kernel
    pick = torch.eye(taps, dtype=x.dtype, device=x.device).view(taps, 1, kernel, kernel)
    weight = pick.repeat(x.shape[1], 1, 1, 1)  # row 9c + k looks at channel c, tap k
    out = _call(x, offset, mask, weight, padding, dilation)
    return out.to(x.dtype).unflatten(1, (-1, taps))


def _call(
    x: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor, padding: int, dilation: int
) -> Tensor:
    """Call it in one dtype: it has no bfloat16, and half positions would be wrong by pixels."""
    try:
        from torchvision.ops import deform_conv2d
    except ImportError as error:
        raise ImportError("backend 'torchvision' needs the package torchvision") from error
    dtype = torch.promote_types(x.dtype, torch.float32)
    # A position that is not a number would be an address outside of the map there. An infinite one
    # has a gradient that is not a number: both become far away.
    offset = offset.to(dtype).nan_to_num(FAR, FAR, -FAR)
    with torch.autocast(x.device.type, enabled=False):
        return deform_conv2d(
            x.to(dtype),
            offset,
            weight.to(dtype),
            padding=padding,
            dilation=dilation,
            mask=None if mask is None else mask.to(dtype),
        )
