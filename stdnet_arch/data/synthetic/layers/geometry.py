"""Rooms, and where flat things stand, hang and lie in them.

The world is the first camera's space: x right, y down, z forward [m]. A flat thing is a 3x3 frame
with columns ``e1, e2, c``: its point ``(u, v)`` is ``c + u e1 + v e2``. So is an endless wall.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.synthetic.layers.draws import Draws

# Lowest and highest of each of: a desk, a room, a hall; a third of the scenes each.
_FRONT_M = ((0.6, 1.5), (2.5, 8.0), (8.0, 40.0))
_FLOOR_M = ((0.15, 0.5), (0.7, 1.8), (1.0, 6.0))
_CEILING_M = ((0.6, 2.0), (0.6, 2.0), (1.5, 9.0))
_SIDE_SHARE = (0.2, 1.0)
_PITCH = ((0.15, 1.0), (-0.25, 0.45), (-0.15, 0.25))
LIFT = 1e-3
"""Distance of a flat mark from its wall, as a share of its depth."""


class Pinholes(NamedTuple):
    """Pinhole cameras of a batch."""

    size: tuple[int, int]
    focal_px: Tensor  # (b,)
    centre_px: Tensor  # (b, 2) principal point x, y; pixel centres are whole numbers


class LayerRooms(NamedTuple):
    """Boxes seen from inside."""

    axes: Tensor  # (b, 3, 3) rows: right, down, forward
    normals: Tensor  # (b, 6, 3) towards floor, ceiling, front, left, right, back
    distances: Tensor  # (b, 6) [m]

    def inverse_depth(self, rays: Tensor) -> Tensor:
        """Inverse depth [1/m] of each wall along rays ``(b, n, 3)``: ``(b, n, 6)``."""
        return torch.einsum("bnc,bwc->bnw", rays, self.normals) / self.distances[:, None]


class Placed(NamedTuple):
    """Flat things of one sort, ``n`` in each scene."""

    frames: Tensor  # (b, n, 3, 3) columns e1, e2, c
    pivots: Tensor  # (b, n, 3) what they turn around [m]


def draw_view(d: Draws, batch: int, size: tuple[int, int]) -> Pinholes:
    """Cameras that see a crop, often a small part of a picture of up to 640 pixels."""
    H, W = size
    zoom = d.log_uniform(batch, lo=1.0, hi=max(1.3, 640 / max(H, W)))
    focal_px = W * zoom * d.log_uniform(batch, lo=0.6, hi=1.3)
    spare = torch.stack([(zoom - 1) * W, (zoom - 1) * H], -1)
    middle = torch.tensor([(W - 1) / 2, (H - 1) / 2], device=d.device)
    return Pinholes(size, focal_px, middle + spare * d.uniform(batch, 2, lo=-0.5, hi=0.5))


def rays_at(view: Pinholes, places: Tensor) -> Tensor:
    """Rays ``(b, n, 3)``, z = 1, through pixels ``(b, n, 2)``."""
    xy = (places - view.centre_px[:, None]) / view.focal_px[:, None, None]
    return F.pad(xy, (0, 1), value=1.0)


def rays_around(d: Draws, view: Pinholes, n: int, margin: float = 0.1) -> Tensor:
    """Rays through ``n`` random places of the picture, ``(b, n, 3)``."""
    H, W = view.size
    share = d.uniform(len(view.focal_px), n, 2, lo=-margin, hi=1 + margin)
    return rays_at(view, share * torch.tensor([W, H], device=d.device))


def _of_class(d: Draws, which: Tensor, table: tuple[tuple[float, float], ...]) -> Tensor:
    """A number of each scene's own range."""
    lo, hi = torch.tensor(table, device=d.device)[which].unbind(-1)
    return lo + (hi - lo) * d.uniform(len(which)) ** 1.3


def draw_room(d: Draws, batch: int) -> LayerRooms:
    """Rooms of all sizes, looked at from within."""
    which = d.below(3, batch)
    front = _of_class(d, which, _FRONT_M)
    floor, ceiling = _of_class(d, which, _FLOOR_M), _of_class(d, which, _CEILING_M)
    sides = front * d.uniform(3, batch, lo=_SIDE_SHARE[0], hi=_SIDE_SHARE[1])
    yaw = d.uniform(batch, lo=-0.9, hi=0.9)
    pitch, roll = _of_class(d, which, _PITCH), d.normal(batch, std=0.05)
    axes = _turn(roll, 2) @ _turn(pitch, 0) @ _turn(yaw, 1)
    right, down, forward = axes.unbind(-1)
    normals = torch.stack([down, -down, forward, -right, right, -forward], 1)
    distances = torch.stack([floor, ceiling, front, *sides.unbind(0)], 1)
    return LayerRooms(torch.stack([right, down, forward], 1), normals, distances)


def _turn(angle: Tensor, axis: int) -> Tensor:
    """Rotations ``(b, 3, 3)`` about one of the coordinate axes."""
    rows = torch.zeros(len(angle), 3, 3, device=angle.device)
    i, j = [k for k in range(3) if k != axis]
    rows[:, axis, axis] = 1.0
    rows[:, i, i] = rows[:, j, j] = angle.cos()
    rows[:, i, j], rows[:, j, i] = -angle.sin(), angle.sin()
    return rows


def wall_axes(room: LayerRooms) -> Tensor:
    """Directions along each wall, ``(b, 6, 2, 3)``: sideways, and down or forward."""
    right, down, forward = room.axes.unbind(1)
    pairs = [right, forward, right, forward, right, down, forward, down, forward, down, right, down]
    return torch.stack(pairs, 1).unflatten(1, (6, 2))


def place_walls(room: LayerRooms) -> Placed:
    """The six walls; their unit is the metre."""
    centres = room.normals * room.distances[..., None]
    frames = torch.cat([wall_axes(room), centres[:, :, None]], 2).transpose(2, 3)
    return Placed(frames, centres)


def place_partition(d: Draws, room: LayerRooms) -> Placed:
    """A wall with doors before the front wall; its unit is half the room's height."""
    right, down, forward = room.axes.unbind(1)
    height = (room.distances[:, 0] + room.distances[:, 1])[:, None] / 2
    away = room.distances[:, 2:3] * d.uniform(len(height), 1, lo=0.35, hi=0.85)
    centre = forward * away + down * (room.distances[:, :1] - height)
    lean = d.normal(len(height), 1, std=0.15)
    along = F.normalize(right + lean * forward, dim=-1)
    frames = torch.stack([along * height, down * height, centre], -1)[:, None]
    return Placed(frames, centre[:, None])


def place_marks(d: Draws, room: LayerRooms, view: Pinholes, n: int) -> Placed:
    """Posters, carpets, patches of light: flat on the wall that is seen where they are."""
    rays = rays_around(d, view, n)
    inverse, wall = room.inverse_depth(rays).max(-1)
    rows = torch.arange(len(wall), device=d.device)[:, None]
    axes = wall_axes(room)[rows, wall]
    z = 1 / inverse
    size = (draw_angles(d, view, n) * z)[..., None] * d.log_uniform(len(wall), n, 2, lo=0.6, hi=1.6)
    centre = rays * (z * (1 - LIFT))[..., None]
    frames = torch.cat([axes * size[..., None], centre[:, :, None]], 2).transpose(2, 3)
    return Placed(frames, centre)


def draw_angles(d: Draws, view: Pinholes, n: int) -> Tensor:
    """Half sizes of things over their depth, ``(b, n)``: parts of the crop or of the picture."""
    crop = (view.size[1] / view.focal_px)[:, None]
    part = d.log_uniform(len(crop), n, lo=0.08, hi=0.7)
    picture = torch.sqrt(crop) * 0.9
    return part * torch.where(d.chance(len(crop), n, p=0.5), crop, picture)


def standing_depth(room: LayerRooms, rays: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
    """Depth at which things of that half height stand on the floor, and whether they can."""
    floor = torch.einsum("bnc,bc->bn", rays, room.normals[:, 0])
    inverse = (floor + angles) / room.distances[:, :1]
    behind_it = room.inverse_depth(rays).amax(-1)
    return 1 / inverse.clamp_min(1e-3), inverse > 1.02 * behind_it


def place_cutouts(d: Draws, room: LayerRooms, view: Pinholes, standing: Tensor) -> Placed:
    """Flat things that stand on the floor where ``standing`` ``(b, n)`` says so, or float."""
    b, n = standing.shape
    rays, angles = rays_around(d, view, n), draw_angles(d, view, n)
    wall = 1 / room.inverse_depth(rays).amax(-1)
    on_floor, possible = standing_depth(room, rays, angles)
    free = wall * (1 - 0.8 * d.uniform(b, n) ** 1.5).clamp_max(0.97)
    z = torch.where(standing & possible, on_floor, free)
    centre = rays * z[..., None]
    down = room.axes[:, 1:2].expand(b, n, 3)
    upright = _upright_axes(down, rays, d.normal(b, n, std=0.5).clamp(-1.2, 1.2))
    loose = _loose_axes(d, down, rays)
    axes = torch.where(standing[..., None, None], upright, loose) * (angles * z)[..., None, None]
    return Placed(torch.cat([axes, centre[:, :, None]], 2).transpose(2, 3), centre)


def _upright_axes(down: Tensor, rays: Tensor, yaw: Tensor) -> Tensor:
    """Sideways and down of things turned by ``yaw`` from facing the camera, ``(b, n, 2, 3)``."""
    across = F.normalize(torch.linalg.cross(down, rays), dim=-1)
    along = torch.linalg.cross(across, down)
    sideways = across * yaw.cos()[..., None] + along * yaw.sin()[..., None]
    return torch.stack([sideways, down], 2)


def _loose_axes(d: Draws, down: Tensor, rays: Tensor) -> Tensor:
    """Axes of things that face the camera more or less, some of them turned: ``(b, n, 2, 3)``."""
    b, n, _ = rays.shape
    facing = F.normalize(F.normalize(-rays, dim=-1) + d.normal(b, n, 3, std=0.4), dim=-1)
    side = down - (down * facing).sum(-1, keepdim=True) * facing
    e2 = F.normalize(side + 1e-3, dim=-1)
    e1 = torch.linalg.cross(facing, e2)
    turn = torch.where(
        d.chance(b, n, p=0.6), d.normal(b, n, std=0.1), d.uniform(b, n, lo=-3.14, hi=3.14)
    )
    cos, sin = turn.cos()[..., None], turn.sin()[..., None]
    return torch.stack([e1 * cos + e2 * sin, e2 * cos - e1 * sin], 2)


def place_boxes(d: Draws, room: LayerRooms, view: Pinholes, n: int) -> tuple[Placed, Placed]:
    """Boxes on the floor: the three faces seen of each, ``3 n`` of them; and their footprints."""
    b = len(view.focal_px)
    rays, angles = rays_around(d, view, n), draw_angles(d, view, n).clamp_max(0.35)
    wall = 1 / room.inverse_depth(rays).amax(-1)
    on_floor, possible = standing_depth(room, rays, angles)
    z = torch.where(possible, on_floor, wall * d.uniform(b, n, lo=0.3, hi=0.9))
    half_y = angles * z
    half = torch.stack([half_y * d.log_uniform(b, n, lo=0.4, hi=2), half_y], -1)
    half = torch.cat([half, half[..., 1:] * d.log_uniform(b, n, 1, lo=0.4, hi=2)], -1)
    half = torch.minimum(half, 0.4 * z[..., None])
    centre = rays * z[..., None]
    down = room.axes[:, 1:2].expand(b, n, 3)
    across, _ = _upright_axes(down, rays, d.uniform(b, n, lo=-0.75, hi=0.75)).unbind(2)
    axes = torch.stack([across, down, torch.linalg.cross(across, down)], 2) * half[..., None]
    towards = -torch.sign(torch.einsum("bnic,bnc->bni", axes, centre))
    middles = centre[:, :, None] + towards[..., None] * axes
    faces = [(axes[:, :, (i + 1) % 3], axes[:, :, (i + 2) % 3], middles[:, :, i]) for i in range(3)]
    frames = torch.stack([torch.stack(face, -1) for face in faces], 2).flatten(1, 2)
    pivots = centre.repeat_interleave(3, dim=1)
    foot = torch.stack([axes[:, :, 0] * 1.3, axes[:, :, 2] * 1.3, centre + axes[:, :, 1]], -1)
    return Placed(frames, pivots), Placed(foot, centre)
