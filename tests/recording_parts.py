"""Small recordings on a disk, and checkpoints that need no training."""

import json

import cv2
import numpy as np
from basicsr.archs import build_network

from stdnet_arch.archs.checkpoints.adapters import save_checkpoint

RANGE_M = 10.0


def depth_clip(frames, height, width, seed=1):
    """Depth [m], whole millimetres, ``(t, h, w)``: a ramp that moves, with steps."""
    t, y, x = np.mgrid[:frames, :height, :width]
    noise = np.random.default_rng(seed).integers(0, 50, t.shape)
    return ((1000 + 60 * t + 100 * y + 37 * x + noise) / 1000).astype(np.float32)


def rgb_clip(frames, height, width, seed=2):
    """Random colours, ``(t, H, W, 3)``."""
    shape = (frames, height, width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def write_depth_folder(folder, depth_m, first=0):
    """One 16-bit PNG in millimetres per frame."""
    folder.mkdir(parents=True)
    for i, frame in enumerate(depth_m, first):
        codes = np.round(frame * 1000).astype(np.uint16)
        assert cv2.imwrite(str(folder / f"d_{i:04d}.png"), codes)


def write_rgb_folder(folder, rgb, first=0):
    """One PNG per frame."""
    folder.mkdir(parents=True)
    for i, frame in enumerate(rgb, first):
        assert cv2.imwrite(str(folder / f"c_{i:04d}.png"), frame[..., ::-1])


def write_recording(folder, frames=5, height=4, width=6, scale=4):
    """``depth/`` and ``rgb/`` of a clip; returns their arrays."""
    depth_m, rgb = (
        depth_clip(frames, height, width),
        rgb_clip(frames, height * scale, width * scale),
    )
    write_depth_folder(folder / "depth", depth_m)
    write_rgb_folder(folder / "rgb", rgb)
    return depth_m, rgb


def write_weights(path, **network_g):
    """A checkpoint that says what it is; bilinear by default, x4."""
    network_g = {"scale": 4, **(network_g or {"type": "Interpolation", "mode": "bilinear"})}
    save_checkpoint(
        build_network(dict(network_g)),
        path,
        about={"network_g": network_g, "depth_range_m": RANGE_M},
    )
    return path


def write_lines(path, items):
    """A manifest."""
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def write_gray(path, codes):
    """An 8-bit PNG of one channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.asarray(codes, np.uint8))


def write_picture(path, rgb):
    """A PNG of colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), rgb[..., ::-1])
