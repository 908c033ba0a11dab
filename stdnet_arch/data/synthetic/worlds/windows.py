"""Short windows of textured worlds whose motion a training can use."""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.synthetic.clip_pool import Window
from stdnet_arch.data.synthetic.worlds.source import Worlds

LOGGER = logging.getLogger(__name__)
FASTEST_PX = 13.0
"""Windows in which more than 1 % of the pixels move further are left out."""
STILL_PX = 0.4
"""Windows whose median motion is below it ..."""
STILL_SHARE = 0.3
"""... are kept this often."""


def render_windows(root: Path, frames: int, side: int, seed: int, count: int) -> list[Window]:
    """Render windows of the worlds that training may see.

    Args:
        root: folder of packed worlds.
        frames: number of frames of each window; one has no motion, so that none is left out.
        side: side of the square frames [px].
        seed: seed of what is drawn.
        count: windows.

    Raises:
        RuntimeError: no OpenGL without a display; the message says what to install.
    """
    source = Worlds(
        str(root), num_clips=100 * count, num_frame=frames, size=(side, side), seed=seed
    )
    rng = np.random.default_rng(seed)
    windows: list[Window] = []
    for clip in source.clips():
        flow_px = np.zeros((frames - 1, 2, side, side), np.float32)
        seen = np.zeros((frames - 1, side, side), bool)
        for i in range(frames - 1):
            flow_px[i], seen[i] = source.flow_px(clip, i)
        if frames > 1 and not _can_be_used(flow_px, rng):
            continue
        rgb = np.stack([source.guide(clip, i) for i in range(frames)])
        depth_m = np.stack([source.depth_m(clip, i) for i in range(frames)])
        windows.append(Window(rgb, depth_m, flow_px, seen))
        if len(windows) == count:
            return windows
    LOGGER.warning("%d windows were asked for, %d found", count, len(windows))
    return windows


def _can_be_used(flow_px: NDArray[np.floating], rng: np.random.Generator) -> bool:
    """Tell whether motion ``(t - 1, 2, H, W)`` is neither too fast nor, mostly, none."""
    middle, most = np.percentile(np.hypot(flow_px[:, 0], flow_px[:, 1]), (50, 99))
    return bool(most <= FASTEST_PX and (middle >= STILL_PX or rng.random() <= STILL_SHARE))
