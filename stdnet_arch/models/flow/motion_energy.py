"""First filters of a flow network that answer to the direction of a motion."""

import math
from typing import cast

import torch
from torch import Tensor, nn

DIRECTIONS = 4
WAVELENGTH_PX = 5.0
ENVELOPE_PX = 1.8
"""Spread of the filters' Gaussian window."""
GAIN = 0.6
REST = 0.1
"""Share that stays of the random weights of the first filters and of the last ones."""


def start_with_motion_energy(level: nn.Module) -> None:
    """Set the weights of one level of SPyNet so that it can learn at once.

    Each filter sums two waves, a quarter of a wave apart in the two frames. Rectified, it answers
    more to one direction of motion than to the other. So the first layer tells directions before
    any training (Adelson and Bergen, Spatiotemporal energy models for the perception of motion,
    1985).
    Random filters do not: a network that starts with them learns to answer zero, and its
    rectifiers die there.

    Args:
        level: one of the toolbox's SPyNet: 8 channels in, RGB, RGB of the warped frame and flow.

    Raises:
        ValueError: its first layer has fewer filters than :data:`DIRECTIONS` times eight.
    """
    layers = [part for part in level.modules() if isinstance(part, nn.Conv2d)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(cast(Tensor, layer.bias))
    filters = motion_filters(layers[0].kernel_size[0])
    if layers[0].out_channels < len(filters):
        raise ValueError(
            f"the first layer must have {len(filters)} filters or more, "
            f"has {layers[0].out_channels}"
        )
    with torch.no_grad():
        layers[-1].weight.mul_(REST)
        layers[0].weight.mul_(REST)
        for first, channel in enumerate((0, 3)):
            layers[0].weight[: len(filters), channel : channel + 3] += filters[:, first, None]


def motion_filters(size: int) -> Tensor:
    """Pairs of Gabor filters for two frames, of four phases and both senses of each direction.

    Args:
        size: side of the filters [px].

    Returns:
        ``(8 * DIRECTIONS, 2, size, size)``; each filter has mean 0 and length :data:`GAIN`.
    """
    along = torch.arange(size) - (size - 1) / 2
    x, y = along.expand(size, size), along[:, None].expand(size, size)
    window = torch.exp(-(x**2 + y**2) / (2 * ENVELOPE_PX**2))
    pairs = []
    for direction in range(DIRECTIONS):
        angle = math.pi * direction / DIRECTIONS
        phase = 2 * math.pi / WAVELENGTH_PX * (x * math.cos(angle) + y * math.sin(angle))
        for sense in (1, -1):
            for quarter in range(4):
                start = quarter * math.pi / 2
                shifts = (start, start + sense * math.pi / 2)
                pairs.append(torch.stack([window * torch.cos(phase + shift) for shift in shifts]))
    filters = torch.stack(pairs)
    filters = filters - filters.mean(dim=(2, 3), keepdim=True)
    return GAIN * filters / filters.flatten(2).norm(dim=2)[..., None, None]
