"""The clips that cost is measured on: of a size, without meaning."""

import numpy as np
from numpy.typing import NDArray


def padded_size(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Height and width, extended to multiples of a number."""
    height, width = size
    return height + -height % multiple, width + -width % multiple


def make_clip(
    frames: int, size: tuple[int, int], scale: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Random depth of 1 to 9 m, ``(t, h, w)``, and random RGB, ``(t, H, W, 3)``.

    Args:
        frames: ``t``.
        size: H and W, multiples of ``scale``.
        scale: H / h.

    Raises:
        ValueError: ``size`` is no multiple of ``scale``.
    """
    height, width = size
    if height % scale or width % scale:
        raise ValueError(f"sides must be multiples of {scale} (scale), got {height}x{width}")
    rng = np.random.default_rng(0)
    lq_m = rng.uniform(1, 9, (frames, height // scale, width // scale)).astype(np.float32)
    return lq_m, rng.integers(0, 256, (frames, height, width, 3), dtype=np.uint8)
