"""Moving pixels of a clip, and following its points, for the metrics that need them."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from stdnet_arch.metrics.pixels import Array, Clip, one_clip
from stdnet_arch.ops.warp import camera_flow, warp_known

DEPTH_CHANGE = 0.02  # of the depth, between two frames: what counts as motion without flow


class Cameras(NamedTuple):
    """The cameras of a clip, on the device of its depth."""

    intrinsics_px: Tensor
    """``fx, fy, cx, cy``, ``(4,)``."""
    pose: Tensor
    """Camera to world, ``(t, 4, 4)`` float64, metres."""

    def move(self, i: int, k: int) -> Tensor:
        """Make the matrix from points of camera ``i`` to points of camera ``k``, ``(4, 4)``."""
        return torch.linalg.inv(self.pose[k]) @ self.pose[i]


def read_flow(clip: Clip, flow_px: Array) -> Tensor:
    """``(t - 1, 2, H, W)``, given with or without the batch axis; else a ValueError."""
    return _read_images(clip, flow_px, "flow_px", channels=2, frames=max(len(clip.gt_m) - 1, 0))


def read_guide(clip: Clip, guide: Array) -> Tensor:
    """``(t, 3, H, W)``, given with or without the batch axis; else a ValueError."""
    return _read_images(clip, guide, "guide", channels=3, frames=len(clip.gt_m))


def _read_images(clip: Clip, x: Array, name: str, channels: int, frames: int) -> Tensor:
    images = one_clip(x, name, channels).to(clip.gt_m.device)
    expected = (frames, channels, *clip.gt_m.shape[-2:])
    if images.shape != expected:
        raise ValueError(f"{name} must be {expected} for this clip, got {tuple(images.shape)}")
    return images


def read_cameras(clip: Clip, intrinsics_px: Array, pose: Array) -> Cameras:
    """Checked against the frames; given with or without the batch axis; else a ValueError."""
    device, expected = clip.gt_m.device, (len(clip.gt_m), 4, 4)
    intrinsics = torch.as_tensor(intrinsics_px, device=device)
    if intrinsics.shape not in {(4,), (1, 4)}:
        raise ValueError(
            f"intrinsics_px must be fx, fy, cx, cy, (4,), got {tuple(intrinsics.shape)}"
        )
    poses = torch.as_tensor(pose, device=device)
    if poses.shape not in {expected, (1, *expected)}:
        raise ValueError(f"pose must be {expected} for this clip, got {tuple(poses.shape)}")
    return Cameras(intrinsics.reshape(4), poses.reshape(expected).double())


def moving_pixels(
    clip: Clip, i: int, flow_px: Tensor | None, cameras: Cameras | None, motion_px: float
) -> tuple[Tensor, Tensor]:
    """Find the pixels of frame ``i`` that move until frame ``i + 1``, and those that stand still.

    With flow and cameras a pixel moves if its flow is more than ``motion_px`` away from the flow
    that only the camera would make. With only flow, it moves if its flow is longer than that;
    without, if its true depth changes by more than 2 %.

    Args:
        clip: prediction, truth, mask.
        i: frame, not the last one.
        flow_px: flow of the clip, ``(t - 1, 2, H, W)``, or None.
        cameras: cameras of the clip, or None.
        motion_px: see above.

    Returns:
        Moving and static, bool ``(1, H, W)`` each; a pixel that does not count (without flow, in
        either frame) is neither.
    """
    counted, gt_m = clip.counted[i], clip.gt_m[i]
    if flow_px is None:
        counted = counted & clip.counted[i + 1]
        amount, limit = (clip.gt_m[i + 1] - gt_m).abs() / gt_m, DEPTH_CHANGE
    else:
        own = flow_px[i]
        if cameras is not None:
            own = own - camera_flow(gt_m[None], cameras.intrinsics_px, cameras.move(i, i + 1))[0][0]
        amount, limit = torch.linalg.vector_norm(own, dim=0, keepdim=True), motion_px
    amount = torch.where(counted, amount, math.nan)
    return amount > limit, amount <= limit


def look_up(values: Tensor, counted: Tensor, flow_px: Tensor) -> tuple[Tensor, Tensor]:
    """Values of the next frame where the flow goes, bilinear between pixels that count.

    Args:
        values: values of the next frame, ``(c, H, W)``; those that do not count are not seen.
        counted: bool, of the next frame, ``(1, H, W)``.
        flow_px: from this frame to the next, ``(2, H, W)``.

    Returns:
        ``(c, H, W)``, and where it is known, bool ``(1, H, W)``: inside of the image, between
        pixels that all count.
    """
    (value,), (known,) = warp_known(values[None], counted[None], flow_px[None])
    return value, known
