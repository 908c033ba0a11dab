"""Short windows of textured worlds whose motion a training can use."""

import logging
from pathlib import Path

import numpy as np

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
        frames: number of frames of each window.
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
        flows = [source.flow_px(clip, i) for i in range(frames - 1)]
        lengths = np.concatenate([np.hypot(*flow).ravel() for flow, _ in flows])
        middle, most = np.percentile(lengths, (50, 99))
        if most > FASTEST_PX or (middle < STILL_PX and rng.random() > STILL_SHARE):
            continue
        rgb = np.stack([source.guide(clip, i) for i in range(frames)])
        depth_m = np.stack([source.depth_m(clip, i) for i in range(frames)])
        flow_px, seen = (np.stack(parts) for parts in zip(*flows, strict=True))
        windows.append(Window(rgb, depth_m, flow_px, seen))
        if len(windows) == count:
            return windows
    LOGGER.warning("%d windows were asked for, %d found", count, len(windows))
    return windows
