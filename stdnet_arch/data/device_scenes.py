"""Clips before a sensor measures them: RGB, depth and flow, and what can be cut out of them."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

CELL = 4
"""Flow is given on a grid of so many pixels."""
FARTHEST_FLOW_PX = 32.0
"""Flow beyond it is not asked of a network."""


class Scenes(NamedTuple):
    """Clips without a sensor; flow goes to the frame before."""

    rgb: Tensor
    """``(b, t, 3, H, W)`` in [0, 1]."""
    depth_m: Tensor
    """``(b, t, 1, H, W)``."""
    flow_px: Tensor
    """``(b, t - 1, 2, H/4, W/4)``."""
    flow_valid: Tensor
    """``(b, t - 1, 1, H/4, W/4)``."""


class SceneMaker(Protocol):
    """Maker of clips: :class:`LayerScenes` or a :class:`ClipPool`."""

    def scenes(self, batch: int) -> Scenes:
        """Draw the next clips."""


def scenes_from_flow(rgb: Tensor, depth_m: Tensor, flow_px: Tensor, visible: Tensor) -> Scenes:
    """Turn time round, so that known flow to the next frame becomes flow to the frame before.

    Args:
        rgb: ``(b, t, 3, H, W)``.
        depth_m: ``(b, t, 1, H, W)``.
        flow_px: from each frame to the next, ``(b, t - 1, 2, H, W)``, or every fourth pixel of it.
        visible: bool, ``(b, t - 1, 1, ...)`` like it.
    """
    if flow_px.shape[-1] == rgb.shape[-1]:
        flow_px, visible = (
            x[..., CELL // 2 :: CELL, CELL // 2 :: CELL] for x in (flow_px, visible)
        )
    valid = visible & flow_px.isfinite().all(2, keepdim=True)
    valid &= flow_px.abs().amax(2, keepdim=True) < FARTHEST_FLOW_PX
    flow = flow_px.nan_to_num(0, 0, 0).flip(1)
    return Scenes(rgb.flip(1), depth_m.flip(1), flow, valid.flip(1))


def mirrored(scenes: Scenes, axis: int = -1) -> Scenes:
    """Swap left and right (axis -1) or top and bottom (-2); flow turns along."""
    rgb, depth_m, flow, valid = (x.flip(axis) for x in scenes)
    sign = flow.new_tensor([-1, 1] if axis == -1 else [1, -1])
    return Scenes(rgb, depth_m, flow * sign.view(2, 1, 1), valid)


def cut_out(scenes: Scenes, corner: Tensor, h: int, w: int) -> Scenes:
    """Cut smaller frames out, each at a place of its own; flow is that between the new ones.

    Args:
        scenes: larger clips.
        corner: upper left corners (y, x) in cells, long ``(b, t, 2)``.
        h: new height [px], a multiple of 4.
        w: new width, likewise.
    """
    rgb, depth_m = (_windows(x, CELL * corner, h, w) for x in scenes[:2])
    flow, valid = (_windows(x, corner[:, 1:], h // CELL, w // CELL) for x in scenes[2:])
    moved = CELL * (corner[:, 1:] - corner[:, :-1]).flip(-1)  # as flow, (x, y)
    flow = flow + moved[..., None, None]
    place = torch.arange(max(h, w), device=flow.device)[CELL // 2 :: CELL]
    x, y = flow[:, :, :1] + place[: w // CELL], flow[:, :, 1:] + place[: h // CELL, None]
    seen = (x >= 0) & (x < w) & (y >= 0) & (y < h)
    seen &= flow.abs().amax(2, keepdim=True) < FARTHEST_FLOW_PX
    return Scenes(rgb, depth_m, flow, valid & seen)


def _windows(x: Tensor, corner: Tensor, height: int, width: int) -> Tensor:
    """Cut ``(height, width)`` out of each frame of ``(b, t, c, H, W)`` at ``corner (b, t, 2)``."""
    clips = [
        torch.stack([
            frame[:, top : top + height, left : left + width]
            for frame, (top, left) in zip(clip, places, strict=True)
        ])
        for clip, places in zip(x, corner.tolist(), strict=True)
    ]  # fmt: skip
    return torch.stack(clips)


def continued(scenes: Scenes, other: Scenes, first: Tensor) -> Scenes:
    """Let clips go on as others; no flow leads across.

    Args:
        scenes: clips.
        other: clips of the same sizes.
        first: first frame that is of ``other``, long ``(b, 1)``; the number of frames: none is.
    """
    b, t = scenes.rgb.shape[:2]
    new = (torch.arange(t, device=first.device) >= first).view(b, t, 1, 1, 1)
    whole = new[:, 1:] & new[:, :-1]  # both frames that the flow joins
    flow = torch.where(whole, other.flow_px, scenes.flow_px)
    valid = torch.where(whole, other.flow_valid, scenes.flow_valid & ~new[:, 1:])
    rgb = torch.where(new, other.rgb, scenes.rgb)
    return Scenes(rgb, torch.where(new, other.depth_m, scenes.depth_m), flow, valid)
