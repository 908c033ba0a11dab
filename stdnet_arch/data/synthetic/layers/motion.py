"""Motion of cameras and things over time, and the matrices that follow from it."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.synthetic.layers.draws import Draws
from stdnet_arch.data.synthetic.layers.geometry import Pinholes, Placed


class Sway(NamedTuple):
    """Smooth bounded motion: a sum of sines along directions, 0 at time 0."""

    amplitude: Tensor  # (..., s, 3)
    rate: Tensor  # (..., s, 1) [rad/frame]
    phase: Tensor  # (..., s, 1) [rad]

    def at(self, times: Tensor) -> Tensor:
        """Return the place at ``times`` ``(t,)`` [frames], ``(..., t, 3)``."""
        angle = self.rate * times + self.phase  # (..., s, t)
        way = (angle.sin() - self.phase.sin())[..., None] * self.amplitude[..., None, :]
        return way.sum(-3)


class CameraMotion(NamedTuple):
    """Paths of the cameras of a batch, and their turns."""

    shift: Sway  # [m]
    turn: Sway  # [rad], a rotation vector


class ThingPath(NamedTuple):
    """Paths of things, and their turns around their pivots."""

    shift: Sway  # [m]
    turn: Sway  # [rad]
    pivots: Tensor  # (b, n, 3) [m]


def draw_sway(d: Draws, speed: Tensor, shake: Tensor | None = None) -> Sway:
    """Motion of at most about ``speed`` ``(...)`` per frame, and a quick ``shake`` that wide."""
    shape = speed.shape
    rate = d.log_uniform(*shape, lo=0.03, hi=0.3)
    way = F.normalize(d.normal(*shape, 3), dim=-1)
    parts = [(way * (speed / rate)[..., None], rate)]
    if shake is not None:
        for lo, hi in ((0.5, 1.4), (1.4, 2.8)):
            parts.append((d.normal(*shape, 3) * shake[..., None], d.uniform(*shape, lo=lo, hi=hi)))
    amplitude = torch.stack([amplitude for amplitude, _ in parts], -2)
    rates = torch.stack([rate for _, rate in parts], -1)[..., None]
    # Most motion is near its greatest speed at time 0, where the sine is steepest.
    phase = d.normal(*rates.shape, std=0.6)
    return Sway(amplitude, rates, phase)


def draw_camera_path(d: Draws, view: Pinholes, near_m: Tensor) -> CameraMotion:
    """A still camera, a slow or a fast one; ``near_m`` ``(b,)`` is the depth of near things."""
    b = len(near_m)
    kind = d.uniform(b)
    px = torch.where(kind < 0.6, d.uniform(b, lo=0.1, hi=2.0), d.log_uniform(b, lo=2.0, hi=9.0)) * (
        kind > 0.15
    )
    share = d.uniform(b)
    shake_px = torch.where(d.chance(b, p=0.5), d.uniform(b, hi=0.35), 0.0) * (kind > 0.08)
    turn = draw_sway(d, px * share / view.focal_px, shake_px / view.focal_px)
    metres = near_m / view.focal_px
    shift = draw_sway(d, px * (1 - share) * metres, 0.3 * shake_px * metres)
    return CameraMotion(shift, turn)


def draw_thing_path(d: Draws, view: Pinholes, placed: Placed, moving: float) -> ThingPath:
    """Own motion of a part of the things, up to about 6 pixels a frame."""
    b, n = placed.pivots.shape[:2]
    moves = d.chance(b, n, p=moving)
    px = d.log_uniform(b, n, lo=0.3, hi=6.0) * moves
    metres = placed.pivots[..., 2].clamp_min(0.1) / view.focal_px[:, None]
    turn = d.uniform(b, n, hi=0.04) * (moves & d.chance(b, n, p=0.5))
    return ThingPath(draw_sway(d, px * metres), draw_sway(d, turn), placed.pivots)


def rotations(vectors: Tensor) -> Tensor:
    """Rotation matrices ``(..., 3, 3)`` of rotation vectors ``(..., 3)`` (Rodrigues' formula)."""
    angle = vectors.norm(dim=-1)[..., None, None].clamp_min(1e-12)
    x, y, z = (vectors / angle[..., 0]).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    same = torch.eye(3, device=vectors.device, dtype=vectors.dtype)
    return same + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)


def moved_frames(frames: Tensor, path: ThingPath, times: Tensor) -> Tensor:
    """Frames of things over time in the world, ``(b, t, n, 3, 3)``."""
    turn = rotations(path.turn.at(times))  # (b, n, t, 3, 3)
    pivot = path.pivots[:, :, None, :, None]
    around = frames[:, :, None].clone()
    around[..., 2:] -= pivot
    moved = turn @ around
    moved[..., 2:] += pivot + path.shift.at(times)[..., None]
    return moved.transpose(1, 2)


def seen_frames(world: Tensor, path: CameraMotion, times: Tensor) -> Tensor:
    """Frames ``(b, t, n, 3, 3)`` of the world as the moving cameras see them."""
    back = rotations(path.turn.at(times)).transpose(-1, -2)[:, :, None]
    shifted = world.clone()
    shifted[..., 2] -= path.shift.at(times)[:, :, None]
    return back @ shifted


def pixels_of(view: Pinholes, seen: Tensor) -> Tensor:
    """Homographies ``(b, t, n, 3, 3)`` from a thing's ``(u, v, 1)`` to pixels, scaled by depth."""
    K = torch.zeros(len(view.focal_px), 3, 3, device=seen.device, dtype=seen.dtype)
    K[:, 0, 0] = K[:, 1, 1] = view.focal_px.to(seen.dtype)
    K[:, :2, 2] = view.centre_px.to(seen.dtype)
    K[:, 2, 2] = 1.0
    return K[:, None, None] @ seen


def inverse(matrices: Tensor) -> Tensor:
    """Inverses of ``(..., 3, 3)``, by cofactors: on a GPU, nothing waits for a check."""
    a, b, c = matrices.unbind(-1)
    rows = torch.stack(
        [torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], -2
    )
    volume = (rows[..., 0, :] * a).sum(-1)
    tiny = torch.full_like(volume, 1e-12)
    return rows / torch.where(volume.abs() < 1e-12, tiny, volume)[..., None, None]
