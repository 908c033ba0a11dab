"""Masks of what two views both see, freed of specks."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

SMALLEST_ISLAND = 20
SMALLEST_HOLE = 10
DISK_RADIUS = 3


def clean_mask(
    mask: Tensor,
    smallest_island: int = SMALLEST_ISLAND,
    smallest_hole: int = SMALLEST_HOLE,
    radius: int = DISK_RADIUS,
) -> Tensor:
    """Remove islands, fill holes, close gaps; islands and holes are 4-connected.

    Args:
        mask: bool, ``(b, 1, h, w)``.
        smallest_island: smaller connected parts that are True become False, pixels.
        smallest_hole: smaller connected parts that are False become True, pixels.
        radius: radius of the disk that closes gaps [px]; beyond the frame there is nothing.

    Returns:
        Bool, the shape of ``mask``, on its device (computed on the CPU).

    Raises:
        TypeError: ``mask`` is not bool.

    Example:
        >>> mask = torch.zeros(1, 1, 24, 24, dtype=torch.bool)
        >>> mask[..., 5, 5] = True  # a lone pixel
        >>> int(clean_mask(mask).sum())
        0
    """
    if mask.dtype != torch.bool:
        raise TypeError(f"mask must be bool, got {mask.dtype}")
    span = np.arange(-radius, radius + 1)
    disk = span[:, None] ** 2 + span**2 <= radius**2
    planes = mask.flatten(0, 1).cpu().numpy()
    cleaned = np.empty_like(planes)
    for i, plane in enumerate(planes):
        filled = ~_without_small(~_without_small(plane, smallest_island), smallest_hole)
        padded = np.pad(filled, radius)  # else closing would see the frame's border as a gap
        closed = ndimage.binary_closing(padded, disk)
        inner = [slice(radius, side - radius) for side in padded.shape]
        cleaned[i] = closed[inner[0], inner[1]]
    return torch.from_numpy(cleaned).view(mask.shape).to(mask.device)


def _without_small(plane: np.ndarray, smallest: int) -> np.ndarray:
    """``(h, w)`` without the connected parts of fewer than ``smallest`` pixels."""
    labels, _ = ndimage.label(plane)
    sizes = np.bincount(labels.ravel())
    return plane & (sizes[labels] >= smallest)
