"""Deformable sampling: values at k x k learned taps, masked (Dai et al. 2017; Zhu et al. 2019).

The one deformable primitive of this package: :func:`modulated_deform_conv` is this and one matrix
product. Offsets follow torchvision's order: per group, per tap, (dy, dx) in pixels. Backends
(``ops/deform/``) give the same numbers at different cost; :func:`choose_backend` says which is
taken where, ``backend=``, :func:`deform_backend` and ``STDNET_DEFORM_BACKEND`` override it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from stdnet_arch.ops.deform.checks import check_positions, check_weight, check_window
from stdnet_arch.ops.deform.choice import Backend, choose_backend, deform_backend, sampler_of
from stdnet_arch.ops.deform.layout import tap_positions
from stdnet_arch.ops.deform.lean_product import sampled_product
from stdnet_arch.ops.deform.vision import vision_conv, vision_sample

__all__ = [
    "Backend",
    "deform_backend",
    "deform_sample",
    "deform_sample_maps",
    "modulated_deform_conv",
    "sample_at",
    "tap_positions",
]


def deform_sample(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None = None,
    *,
    kernel: int = 3,
    padding: int = 1,
    dilation: int = 1,
    groups: int = 1,
    backend: Backend | None = None,
) -> Tensor:
    """Sample ``x`` bilinearly at the displaced taps of a ``kernel`` x ``kernel`` window; zero
    outside.

    Args:
        x: values, ``(b, c, h, w)``.
        offset: ``(b, 2 * groups * kernel**2, h', w')``, pixels, (dy, dx) per tap.
        mask: modulation, ``(b, groups * kernel**2, h', w')``, or None for ones.
        kernel: side of the window.
        padding: taps start at ``-padding``; stride is 1, ``h' = h + 2 * padding - dilation *
            (kernel - 1)``.
        dilation: distance between taps, pixels.
        groups: channel groups with their own offsets.
        backend: ``gather`` (the readable reference), ``grid_sample`` (any device and dtype, can be
            exported), ``rows`` (CPU), ``triton`` (CUDA), ``torchvision``; default see
            :func:`choose_backend`.

    Returns:
        ``(b, c, kernel**2, h', w')``, dtype of ``x``, not always contiguous. Gradients reach
        ``x``, ``offset`` and ``mask``. Where an offset is not a number, the result may be anything.

    Raises:
        ValueError: channels, sizes, dtypes or devices do not fit, or ``backend`` cannot do it.

    Example:
        >>> x = torch.arange(9.0).view(1, 1, 3, 3)
        >>> right = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 3, 3)  # (dy, dx)
        >>> deform_sample(x, right, kernel=1, padding=0)[0, 0, 0].round().tolist()
        [[1.0, 2.0, 0.0], [4.0, 5.0, 0.0], [7.0, 8.0, 0.0]]
    """
    check_window(x, offset, mask, (kernel, padding, dilation, groups))
    chosen = choose_backend(x, groups, backend)
    if chosen == "torchvision":
        return vision_sample(x, offset, mask, kernel=kernel, padding=padding, dilation=dilation)
    dtype = torch.promote_types(x.dtype, torch.float32)
    position = tap_positions(offset, kernel, padding, dilation, groups, dtype)
    if mask is not None:
        mask = mask.unflatten(1, (groups, -1))
    return sample_at(x, position, mask, backend=chosen)


def deform_sample_maps(
    maps: Sequence[Tensor],
    offset: Tensor,
    mask: Tensor | None = None,
    *,
    kernel: int = 3,
    padding: int = 1,
    dilation: int = 1,
    groups: int = 1,
    backend: Backend | None = None,
) -> tuple[Tensor, ...]:
    """Sample several maps at the same displaced taps in one call (keys and values).

    Args:
        maps: ``(b, c_i, h, w)`` each, ``c_i`` multiples of ``groups``.
        offset: ``(b, 2 * groups * kernel**2, h', w')``, see :func:`deform_sample`.
        mask: ``(b, groups * kernel**2, h', w')`` or None.
        kernel: see :func:`deform_sample`.
        padding: see :func:`deform_sample`.
        dilation: see :func:`deform_sample`.
        groups: channel groups, of each map, with their own offsets.
        backend: see :func:`deform_sample`.

    Returns:
        ``(b, c_i, kernel**2, h', w')`` each.

    Raises:
        ValueError: see :func:`deform_sample`; or there are no maps.

    Example:
        >>> depth, rgb = torch.rand(1, 2, 4, 5), torch.rand(1, 6, 4, 5)
        >>> [tuple(x.shape) for x in deform_sample_maps([depth, rgb], torch.zeros(1, 18, 4, 5))]
        [(1, 2, 9, 4, 5), (1, 6, 9, 4, 5)]
    """
    if not maps:
        raise ValueError("maps must hold at least one map, got none")
    for each in maps:
        check_window(each, offset, mask, (kernel, padding, dilation, groups))
    # A group of the joint map is that group of every map, side by side.
    joint = torch.cat([each.unflatten(1, (groups, -1)) for each in maps], dim=2).flatten(1, 2)
    geometry = {"kernel": kernel, "padding": padding, "dilation": dilation, "groups": groups}
    sampled = deform_sample(joint, offset, mask, **geometry, backend=backend)
    shares = [each.shape[1] // groups for each in maps]
    parts = sampled.unflatten(1, (groups, -1)).split(shares, dim=2)
    return tuple(part.flatten(1, 2) for part in parts)


def sample_at(
    x: Tensor,
    position: Tensor,
    mask: Tensor | None = None,
    *,
    backend: Backend | None = None,
) -> Tensor:
    """Sample ``x`` bilinearly at any positions; zero outside.

    Args:
        x: values, ``(b, c, h, w)``.
        position: (y, x) in pixels, ``(b, groups, taps, 2, h', w')``, e.g. some of the taps of
            :func:`tap_positions`.
        mask: ``(b, groups, taps, h', w')`` or None for ones.
        backend: see :func:`deform_sample`, but not ``torchvision``.

    Returns:
        ``(b, c, taps, h', w')``, dtype of ``x``, not always contiguous.

    Raises:
        ValueError: channels, sizes, dtypes or devices do not fit, or ``backend`` cannot do it.

    Example:
        >>> x = torch.arange(6.0).view(1, 1, 2, 3)
        >>> middle = torch.tensor([0.5, 1.0]).view(1, 1, 1, 2, 1, 1)  # (y, x): between 1 and 4
        >>> sample_at(x, middle).item()
        2.5
    """
    check_positions(x, position, mask)
    groups, taps = position.shape[1:3]
    h, w = position.shape[-2:]
    sampler = sampler_of(choose_backend(x, groups, backend))
    position = position.to(torch.promote_types(x.dtype, torch.float32))
    table = sampler.prepare(x.unflatten(1, (1, groups, -1)))
    columns = sampler.columns(table, position, _like(mask, position), (x.shape[-2], x.shape[-1]))
    columns = columns.squeeze(1).to(x.dtype)  # (b, k, h' * w')
    if sampler.taps_first:
        parts = columns.unflatten(1, (groups, taps, -1)).transpose(2, 3)
    else:
        parts = columns.unflatten(1, (groups, -1, taps))
    return parts.flatten(1, 2).unflatten(-1, (h, w))


def modulated_deform_conv(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    padding: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """Modulated deformable convolution (DCNv2, Zhu et al. 2019), stride 1.

    Maps that share offsets **and** weights are convolved in one call: with ``c = n * c_in``
    channels in ``x``, each of the ``n`` blocks is convolved with ``weight`` on its own. The
    sampled values, k * k times the size of ``x``, are never in memory at once, with or without
    gradients. Gradients of gradients need ``deform_sample(..., backend="gather")``.

    Args:
        x: ``(b, n * c_in, h, w)``.
        offset: ``(b, 2 * groups * k * k, h', w')``, pixels.
        mask: ``(b, groups * k * k, h', w')`` or None.
        weight: ``(c_out, c_in, k, k)``.
        bias: ``(c_out,)`` or None.
        padding: see :func:`deform_sample`.
        dilation: see :func:`deform_sample`.
        groups: groups of ``c_in / groups`` channels, of each block, with their own offsets.

    Returns:
        ``(b, n * c_out, h', w')``, dtype of ``x``, or autocast's.

    Raises:
        ValueError: ``x`` is not a whole number of ``c_in`` blocks, or see :func:`deform_sample`.

    Example:
        >>> x, weight = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
        >>> modulated_deform_conv(x, torch.zeros(1, 18, 3, 3), None, weight)[0, 0].tolist()
        [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]
    """
    c_out, c_in, kernel = weight.shape[:3]
    check_window(x, offset, mask, (kernel, padding, dilation, groups))
    check_weight(x, weight, bias, groups)
    x = x.to(_product_dtype(x))
    chosen = choose_backend(x, groups * (x.shape[1] // c_in))
    if chosen == "torchvision":
        out = vision_conv(x, offset, mask, weight, padding=padding, dilation=dilation)
    else:
        position = tap_positions(
            offset, kernel, padding, dilation, groups, torch.promote_types(x.dtype, torch.float32)
        )
        share = None if mask is None else _like(mask.unflatten(1, (groups, -1)), position)
        blocks = x.unflatten(1, (-1, groups, c_in // groups))
        matrix = weight.to(x.dtype).flatten(2).unflatten(1, (groups, -1))
        out = sampled_product(blocks, position, share, matrix, sampler_of(chosen)).flatten(1, 2)
    if bias is None:
        return out
    return out + bias.to(out.dtype).repeat(out.shape[1] // c_out)[:, None, None]


def _like(mask: Tensor | None, position: Tensor) -> Tensor | None:
    return None if mask is None else mask.to(position.dtype)


def _product_dtype(x: Tensor) -> torch.dtype:
    """Matrix products run in autocast's dtype, as those of any convolution."""
    if torch.is_autocast_enabled(x.device.type):
        return torch.get_autocast_dtype(x.device.type)
    return x.dtype
