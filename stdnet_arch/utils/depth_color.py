"""Depth to colours: near is red, far is blue, no depth is black."""

from functools import lru_cache

import numpy as np


def depth_to_rgb(
    depth_m: np.ndarray, min_m: float, max_m: float, valid: np.ndarray | None = None
) -> np.ndarray:
    """Colour depths with one range; give a whole clip the same range, or it seems to flicker.

    Args:
        depth_m: depth [m], any shape.
        min_m: depth of the first colour; nearer depths share it.
        max_m: depth of the last colour; farther depths share it.
        valid: bool, shape of ``depth_m``; false pixels are black, as are those that are not finite.

    Returns:
        uint8, ``(*depth_m.shape, 3)``, RGB.
    """
    if not min_m <= max_m:
        raise ValueError(f"min_m must not exceed max_m, got {min_m} and {max_m}")
    shown = np.isfinite(depth_m) if valid is None else np.isfinite(depth_m) & valid
    share = (np.where(shown, depth_m, min_m) - min_m) / max(max_m - min_m, 1e-9)
    index = 255 - np.round(share.clip(0, 1) * 255).astype(np.uint8)
    return np.where(shown[..., None], _turbo()[index], np.uint8(0))


@lru_cache(maxsize=1)
def _turbo() -> np.ndarray:
    # Here and not at the top: matplotlib costs a third of a second at every start of the trainer.
    from matplotlib import colormaps

    return (colormaps["turbo"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
