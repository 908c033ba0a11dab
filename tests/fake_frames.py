"""Frames whose every pixel says where it comes from, and how to put them on a disk."""

import cv2
import numpy as np

ROW, FRAME = 100, 10_000  # room for 100 columns and rows


def coordinates(frames, height, width):
    """Depth ``(t, H, W)`` [m]: frame, row and column of each pixel, in one number >= 1."""
    t, y, x = np.mgrid[:frames, :height, :width]
    return (1 + t * FRAME + y * ROW + x).astype(np.float32)


def coordinate_guide(frames, height, width):
    """RGB ``(t, H, W, 3)``: row, column and frame of each pixel."""
    t, y, x = np.mgrid[:frames, :height, :width]
    return np.stack([y, x, t], axis=-1).astype(np.uint8)


def write_rgb(path, rgb):
    """Store an RGB array under a name that decides the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))


def write_npy(path, array):
    """Store an array, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def write_png16(path, codes):
    """Store uint16 codes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), codes)


def coordinate_clip(frames, height, width, scale):
    """All arrays of a clip; each LR pixel holds the depth at its block's top left.

    ``valid`` is a pattern that only its own place in ``guide`` explains: ``sum % 3 > 0``.
    """
    gt, guide = coordinates(frames, height, width), coordinate_guide(frames, height, width)
    valid = guide.sum(axis=-1) % 3 > 0
    return {"lq": gt[:, ::scale, ::scale], "gt": gt, "guide": guide, "valid": valid}


def misaligned(clip, scale):
    """How many HR pixels of a changed coordinate clip are not where LR and RGB say.

    Args:
        clip: ``lq (t, h, w)`` and ``gt (t, H, W)`` in metres, ``guide (t, H, W, 3)`` uint8.
        scale: pixels of a block's side.
    """
    place = np.rint(clip["gt"]).astype(int) - 1
    t, y, x = place // FRAME, place % FRAME // ROW, place % ROW
    block = 1 + t * FRAME + y // scale * scale * ROW + x // scale * scale
    under = np.rint(clip["lq"]).astype(int).repeat(scale, axis=1).repeat(scale, axis=2)
    wrong = (under != block) | (clip["guide"] != np.stack([y, x, t], axis=-1)).any(-1)
    return int(wrong.sum())
