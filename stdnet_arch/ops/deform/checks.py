"""Checks of shapes, before an index error deep in a kernel."""

from collections.abc import Sequence

from torch import Tensor


def check_window(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    geometry: tuple[int, int, int, int],
) -> None:
    """Raise unless maps, offsets and mask belong to one window.

    Args:
        x: ``(b, c, h, w)``.
        offset: ``(b, 2 * groups * kernel**2, h', w')``.
        mask: ``(b, groups * kernel**2, h', w')`` or None.
        geometry: kernel, padding, dilation, groups.

    Raises:
        TypeError: a tensor is not floating point.
        ValueError: any other mismatch; the message says required and got.
    """
    kernel, padding, dilation, groups = geometry
    if min(kernel, dilation, groups) < 1:
        raise ValueError(
            f"kernel, dilation and groups must be at least 1, got {kernel}, {dilation}, {groups}"
        )
    taps = groups * kernel * kernel
    _check_map("x", x)
    if x.shape[1] % groups:
        raise ValueError(f"x must have a multiple of {groups} channels (groups), got {x.shape[1]}")
    size = [side + 2 * padding - dilation * (kernel - 1) for side in x.shape[-2:]]
    for name, value, channels in (("offset", offset, 2 * taps), ("mask", mask, taps)):
        if value is None:
            continue
        _check_map(name, value)
        if value.shape[1] != channels:
            each = f"{channels // taps} for each of {kernel}x{kernel} taps of {groups} groups"
            raise ValueError(f"{name} must have {channels} channels ({each}), got {value.shape[1]}")
        _check_like(name, value, x)
        if list(value.shape[-2:]) != size:
            raise ValueError(
                f"{name} must be {_sides(size)} for x of {_sides(x.shape[-2:])} (kernel {kernel}, "
                f"padding {padding}, dilation {dilation}), got {_sides(value.shape[-2:])}"
            )


def check_positions(x: Tensor, position: Tensor, mask: Tensor | None) -> None:
    """Raise unless maps, positions and mask belong together.

    Args:
        x: ``(b, c, h, w)``.
        position: ``(b, groups, taps, 2, h', w')``.
        mask: ``(b, groups, taps, h', w')`` or None.

    Raises:
        TypeError: a tensor is not floating point.
        ValueError: any other mismatch; the message says required and got.
    """
    _check_map("x", x)
    if position.ndim != 6 or position.shape[3] != 2:
        raise ValueError(
            f"position must be (b, groups, taps, 2, h, w), got {tuple(position.shape)}"
        )
    _check_like("position", position, x)
    groups = position.shape[1]
    if x.shape[1] % groups:
        raise ValueError(f"x must have a multiple of {groups} channels (groups), got {x.shape[1]}")
    if mask is None:
        return
    wanted = (*position.shape[:3], *position.shape[4:])
    if mask.shape != wanted:
        raise ValueError(f"mask must be {tuple(wanted)} as position, got {tuple(mask.shape)}")
    _check_like("mask", mask, x)


def check_weight(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> None:
    """Raise unless a kernel fits the maps.

    Args:
        x: ``(b, n * c_in, h, w)``.
        weight: ``(c_out, c_in, k, k)``.
        bias: ``(c_out,)`` or None.
        groups: groups of channels with their own offsets.

    Raises:
        ValueError: the message says required and got.
    """
    if weight.ndim != 4 or weight.shape[2] != weight.shape[3]:
        raise ValueError(f"weight must be (c_out, c_in, k, k), got {tuple(weight.shape)}")
    c_out, c_in = weight.shape[:2]
    if x.shape[1] % c_in:
        raise ValueError(f"x must have a multiple of {c_in} channels (weight), got {x.shape[1]}")
    if c_in % max(groups, 1):
        raise ValueError(f"weight must take a multiple of {groups} channels (groups), got {c_in}")
    if bias is not None and bias.shape != (c_out,):
        raise ValueError(f"bias must be ({c_out},), got {tuple(bias.shape)}")
    _check_like("weight", weight, x, batch=False)


def _check_map(name: str, value: Tensor) -> None:
    if value.ndim != 4:
        raise ValueError(f"{name} must be (b, c, h, w), got {tuple(value.shape)}")


def _check_like(name: str, value: Tensor, x: Tensor, *, batch: bool = True) -> None:
    """Floating point, on x's device, and of x's batch."""
    for what, each in (("x", x), (name, value)):
        if not each.is_floating_point():
            raise TypeError(f"{what} must be floating point, got {each.dtype}")
    if value.device != x.device:
        raise ValueError(f"{name} must be on x's device {x.device}, got {value.device}")
    if batch and value.shape[0] != x.shape[0]:
        raise ValueError(f"{name} must have x's batch {x.shape[0]}, got {value.shape[0]}")


def _sides(sides: Sequence[int]) -> str:
    return "x".join(str(side) for side in sides)
