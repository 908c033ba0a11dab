"""Pictures, depth and flow of layered scenes: every surface at every pixel, the nearest one wins.

Depth is that at the centre of a pixel. Colour is smooth at outlines (the share of the pixel that an
outline covers, from its slope), at creases, and within textures (their halved copies).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.synthetic.layers.motion import (
    inverse,
    moved_frames,
    pixels_of,
    seen_frames,
)
from stdnet_arch.data.synthetic.layers.scene import LayerScene, Surfaces
from stdnet_arch.data.synthetic.layers.shapes import ENDLESS, NOTHING, OUTLINES
from stdnet_arch.data.synthetic.layers.textures import TextureAtlas

FAR_INVERSE = 0.008  # nothing is farther than 1 / this [m]
_QUAD, _OPENINGS = 0, 15


class Matrices(NamedTuple):
    """Places of surfaces at each time."""

    world: Tensor  # (b, t, n, 3, 3) frames in the world
    to_pixel: Tensor  # (b, t, n, 3, 3) from u, v, 1 to pixels times depth
    from_pixel: Tensor  # (b, t, n, 3, 3) from x, y, 1 to u, v, 1 times inverse depth


class Cover(NamedTuple):
    """Cover of each pixel by each surface, ``(n, b, t, H, W)``."""

    share: Tensor  # of the pixel that it covers
    inverse: Tensor  # inverse depth [1/m]; -1 where it covers nothing


class Front(NamedTuple):
    """The two nearest surfaces of each pixel, ``(b, t, H, W)``, and the one at its centre."""

    first: Tensor
    second: Tensor
    first_inverse: Tensor
    second_inverse: Tensor
    share: Tensor  # of the first
    centre: Tensor
    centre_inverse: Tensor


def matrices_of(scene: LayerScene, surfaces: Surfaces, times: Tensor) -> Matrices:
    """Place surfaces at ``times`` ``(t,)`` [frames], in float64: flow needs it."""
    times = times.double()
    world = moved_frames(surfaces.frames.double(), surfaces.path, times)
    to_pixel = pixels_of(scene.view, seen_frames(world, scene.camera, times))
    return Matrices(world, to_pixel, inverse(to_pixel))


def cover(
    surfaces: Surfaces, from_pixel: Tensor, size: tuple[int, int], soft: Tensor | None = None
) -> Cover:
    """Coverage and inverse depth of all surfaces.

    Args:
        surfaces: ``n`` of each of ``b`` scenes.
        from_pixel: ``(b, t, n, 3, 3)``.
        size: ``H, W``.
        soft: width of the border in units of u and v, ``(b, n)``; None: that of a pixel.
    """
    b, t, n = from_pixel.shape[:3]
    device = from_pixel.device
    M = from_pixel.permute(2, 0, 1, 3, 4).flatten(0, 1).float()
    share = torch.zeros(n * b, t, *size, device=device)
    away = torch.full((n * b, t, *size), -1.0, device=device)
    forms, relief = (x.transpose(0, 1).flatten(0, 1) for x in (surfaces.forms, surfaces.relief))
    border = None if soft is None else soft.T.flatten()
    order, counts = _by_kind(surfaces.kinds.T, device)
    for kind, rows in zip(counts, order.split([*counts.values()]), strict=True):
        width = None if border is None else border[rows]
        inner, p = _cover_kind(kind, M[rows], forms[rows], size, width)
        if kind not in {ENDLESS, _QUAD, _OPENINGS} and soft is None:
            p = _with_relief(p, inner.place, relief[rows])
        share[rows] = inner.share
        away[rows] = torch.where(inner.share > 0, p, -1.0)
    return Cover(share.unflatten(0, (n, b)), away.unflatten(0, (n, b)))


class _Inner(NamedTuple):
    share: Tensor
    place: tuple[Tensor, Tensor]


def _by_kind(kinds: Tensor, device: torch.device) -> tuple[Tensor, dict[int, int]]:
    """Rows of all surfaces that are there, kind by kind, and how many of each."""
    flat = kinds.flatten()
    order = flat.argsort(stable=True)
    values, numbers = flat[order].unique_consecutive(return_counts=True)
    counts = dict(zip(values.tolist(), numbers.tolist(), strict=True))
    counts.pop(NOTHING, None)
    return order[: sum(counts.values())].to(device, non_blocking=True), counts


def _cover_kind(
    kind: int, M: Tensor, forms: Tensor, size: tuple[int, int], soft: Tensor | None
) -> tuple[_Inner, Tensor]:
    H, W = size
    x = torch.arange(W, device=M.device, dtype=torch.float32)
    y = torch.arange(H, device=M.device, dtype=torch.float32)[:, None]
    u, v, p = (
        M[:, :, i, 0, None, None] * x + (M[:, :, i, 1, None, None] * y + M[:, :, i, 2, None, None])
        for i in range(3)
    )
    before = p > FAR_INVERSE
    if kind == ENDLESS:
        return _Inner(before.float(), (u, v)), p
    z = 1 / p.clamp_min(FAR_INVERSE)
    u, v = u * z, v * z
    s = OUTLINES[kind](u, v, forms)
    width = _slope(s)
    if soft is not None:
        width = width + soft[:, None, None, None]
    share = (s / width + 0.5).clamp(0, 1) * before
    return _Inner(share, (u, v)), p


def _slope(s: Tensor) -> Tensor:
    """Measure how much ``s`` changes to the next pixel: the greater of both sides, both ways."""
    x = (s[..., 1:] - s[..., :-1]).abs()
    y = (s[..., 1:, :] - s[..., :-1, :]).abs()
    x = torch.maximum(torch.cat([x, x[..., -1:]], -1), torch.cat([x[..., :1], x], -1))
    y = torch.maximum(torch.cat([y, y[..., -1:, :]], -2), torch.cat([y[..., :1, :], y], -2))
    return (x * x + y * y).sqrt().clamp_min(1e-6)


def _with_relief(p: Tensor, place: tuple[Tensor, Tensor], relief: Tensor) -> Tensor:
    """Inverse depth of a surface that bulges to the camera as a ball or a column does."""
    u, v = place
    bulge, round_ = relief[:, :, None, None, None].unbind(1)
    return p * (1 + bulge * (1 - u * u - round_ * v * v).clamp_min(0))


def merge(seen: Cover) -> Front:
    """The nearest surfaces of each pixel."""
    first_inverse, first = seen.inverse.max(0)
    share = seen.share.gather(0, first[None])[0]
    behind = seen.inverse.scatter(0, first[None], -1.0)
    second_inverse, second = behind.max(0)
    centre_inverse, centre = torch.where(seen.share > 0.5, seen.inverse, -1.0).max(0)
    return Front(first, second, first_inverse, second_inverse, share, centre, centre_inverse)


class Painter:
    """Colours of surfaces at pixels.

    Args:
        scene: scene with the looks and lights.
        at: places of its surfaces.
        atlas: textures.
    """

    def __init__(self, scene: LayerScene, at: Matrices, atlas: TextureAtlas) -> None:
        self.scene, self.atlas = scene, atlas
        b, t, n = at.world.shape[:3]
        looks = scene.looks
        steady = [looks.place.flatten(2), looks.base, looks.contrast, looks.slope]
        steady.append(scene.surfaces.relief)
        same = torch.cat(steady, -1)[:, None].expand(b, t, n, -1)
        columns = [at.from_pixel.flatten(3).float(), at.world.flatten(3).float(), same]
        # A row for each number: what is done with it then runs along memory.
        self.table = torch.cat([*columns, _orientation(at.world)], -1).flatten(0, 2).T.contiguous()
        self.textures = looks.texture[:, None].expand(b, t, n).flatten()

    def paint(self, rows: Tensor, x: Tensor, y: Tensor, scene_of: Tensor) -> Tensor:
        """Colours ``(3, k)`` of the surfaces ``rows`` ``(k,)`` of the table at pixels x, y."""
        numbers = self.table.index_select(1, rows)
        M, world, place, base = numbers[:9], numbers[9:18], numbers[18:24], numbers[24:27]
        z = 1 / (M[6] * x + M[7] * y + M[8]).clamp_min(FAR_INVERSE)
        u = (M[0] * x + M[1] * y + M[2]) * z
        v = (M[3] * x + M[4] * y + M[5]) * z
        tu = place[0] * u + place[1] * v + place[2]
        tv = place[3] * u + place[4] * v + place[5]
        which = self.textures.index_select(0, rows)
        texel = self.atlas.look_up(which, tu, tv, _footprint(M, place, (u, v), z))
        texel -= self.atlas.mean.T.index_select(1, which)
        contrast, along = numbers[27], 1 + (numbers[28] * u + numbers[29] * v).clamp(-0.5, 0.5)
        point = world[0::3] * u + world[1::3] * v + world[2::3]
        light = self._light(scene_of, point, self._normal(numbers[30:], u, v))
        return (base + contrast * texel).clamp_min(0.01) * light * along

    @staticmethod
    def _normal(numbers: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """Directions ``(3, k)``, not of unit length; those of bulging things lean outwards."""
        bulge, round_ = numbers[0].sign(), numbers[1]
        normal, e1, e2 = numbers[2:5], numbers[5:8], numbers[8:11]
        return normal + (bulge * u).clamp(-1.5, 1.5) * e1 + (bulge * round_ * v) * e2

    def _light(self, scene_of: Tensor, point: Tensor, normal: Tensor) -> Tensor:
        """Light ``(3, k)`` on points: from everywhere, and from lamps by angle and way."""
        lights = self.scene.lights
        lamps = torch.cat([lights.places, lights.colours, 1 / lights.reach_m[..., None] ** 2], -1)
        each = lamps.permute(1, 2, 0)  # (l, 7, b)
        square = (normal * normal).sum(0)
        total = lights.ambient.T.index_select(1, scene_of)
        for lamp in each:
            numbers = lamp.index_select(1, scene_of)
            way = numbers[:3] - point
            away = (way * way).sum(0).clamp_min(1e-6)
            facing = (way * normal).sum(0) * (away * square).rsqrt()
            strength = (0.4 + 1.6 * facing).clamp_min(0) / (1 + away * numbers[6])
            total = total + numbers[3:6] * strength
        return total


def _orientation(world: Tensor) -> Tensor:
    """Normals towards the first camera, and both directions over the second's length: 9 numbers."""
    e1, e2, c = world.float().unbind(-1)
    normal = F.normalize(torch.linalg.cross(e1, e2), dim=-1)
    normal = normal * -torch.sign((normal * c).sum(-1, keepdim=True))
    size = e2.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return torch.cat([normal, e1 / size, e2 / size], -1)


def _footprint(M: Tensor, place: Tensor, at: tuple[Tensor, Tensor], z: Tensor) -> Tensor:
    """Measure how far apart neighbouring pixels lie in the texture: RMS of both ways."""
    u, v = at
    total = torch.zeros_like(u)
    for way in (0, 1):
        du = M[way] - u * M[6 + way]
        dv = M[3 + way] - v * M[6 + way]
        total += (place[0] * du + place[1] * dv) ** 2
        total += (place[3] * du + place[4] * dv) ** 2
    return (total / 2).sqrt() * z


class Shade:
    """Light that shadows and patches leave.

    Args:
        scene: scene with the shades.
        times: times of the frames.
    """

    def __init__(self, scene: LayerScene, times: Tensor) -> None:
        shades = scene.shades
        at = matrices_of(scene, shades.surfaces, times)
        seen = cover(shades.surfaces, at.from_pixel, scene.view.size, shades.soft)
        shape = seen.share.shape
        strength, reach = (x.T[:, :, None, None, None] for x in (shades.strength, shades.reach))
        self.amount = (seen.share * strength).flatten(1)
        self.inverse = seen.inverse.flatten(1)
        self.nearness = (1 / reach).expand(*shape[:3], 1, 1)
        self.shape = shape

    def on(self, inverse: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Share of the light left on surfaces.

        Args:
            inverse: their inverse depth at pixels, ``(k,)``.
            chosen: indices of these pixels among all; None: all.
        """
        total = torch.ones_like(inverse)
        for k in range(self.shape[0]):
            nearness = self.nearness[k].expand(self.shape[1:]).reshape(-1)
            amount, plane, nearness = (
                _chosen(x, chosen) for x in (self.amount[k], self.inverse[k], nearness)
            )
            behind = plane / inverse - 1
            works = amount * (behind > -0.02)
            total = total * (1 - works / (1 + (behind * nearness) ** 2) ** 2)
        return total


def render_rgb(
    scene: LayerScene, times: Tensor, at: Matrices, front: Front, atlas: TextureAtlas
) -> Tensor:
    """Colours ``(b, t, 3, H, W)``, not limited yet, of the nearest surfaces and those behind."""
    b, t, n = at.world.shape[:3]
    H, W = scene.view.size
    painter, shade = Painter(scene, at, atlas), Shade(scene, times)
    share = _crease_share(front, at.from_pixel).flatten()
    frame = torch.arange(b * t, device=share.device).repeat_interleave(H * W)
    column = torch.arange(W, device=share.device, dtype=torch.float32).repeat(b * t * H)
    row = torch.arange(H, device=share.device, dtype=torch.float32).repeat_interleave(W)
    row = row.repeat(b * t)

    def paint(which: Tensor, inverse: Tensor, chosen: Tensor | None) -> Tensor:
        numbers = frame * n + which.flatten(), column, row, frame, inverse.flatten()
        rows, x, y, frame_of, depth = (_chosen(each, chosen) for each in numbers)
        scene_of = torch.div(frame_of, t, rounding_mode="floor")
        return painter.paint(rows, x, y, scene_of) * shade.on(depth, chosen)

    rgb = paint(front.first, front.first_inverse, None)
    mixed = _mixed_pixels(share)
    behind = paint(front.second, front.second_inverse, mixed)
    if mixed is None:
        rgb = torch.lerp(behind, rgb, share)
    else:
        rgb[:, mixed] = torch.lerp(behind, rgb[:, mixed], share[mixed])
    return rgb.view(3, b, t, H, W).permute(1, 2, 0, 3, 4)


def _chosen(x: Tensor, places: Tensor | None) -> Tensor:
    """Some values, or all."""
    return x if places is None else x.index_select(0, places)


def _mixed_pixels(share: Tensor) -> Tensor | None:
    """Pixels of two surfaces; on a GPU all (None), since counting them would wait for it."""
    return (share < 1).nonzero()[:, 0] if share.device.type == "cpu" else None


def _crease_share(front: Front, from_pixel: Tensor) -> Tensor:
    """Coverage by the first surface, also where two planes meet: half and half on the crease."""
    rows = from_pixel[..., 2, :2].float()  # (b, t, n, 2): slope of inverse depth

    def of(which: Tensor) -> Tensor:
        index = which.flatten(2)[..., None].expand(-1, -1, -1, 2)
        return rows.gather(2, index).unflatten(2, which.shape[2:])

    change = of(front.first) - of(front.second)
    slope = (change * change).sum(-1).sqrt().clamp_min(1e-9)
    gap = front.first_inverse - front.second_inverse
    return torch.minimum(front.share, (0.5 + gap / slope).clamp(max=1))


def flow_of(at: Matrices, front: Front) -> tuple[Tensor, Tensor]:
    """Exact motion of the surface at each pixel's centre to the next frame; is it seen there?

    Returns:
        flow [px], ``(b, t - 1, 2, H, W)``; visible, bool ``(b, t - 1, 1, H, W)``.
    """
    b, t, H, W = front.centre.shape
    ways = at.to_pixel[:, 1:] @ at.from_pixel[:, :-1]
    ways = (ways - torch.eye(3, device=ways.device, dtype=ways.dtype)).float()
    which = front.centre[:, :-1].flatten(2)
    index = which[..., None].expand(-1, -1, -1, 9)
    D = ways.flatten(3).gather(2, index).unflatten(2, (H, W)).unbind(-1)
    x = torch.arange(W, device=which.device, dtype=torch.float32)
    y = torch.arange(H, device=which.device, dtype=torch.float32)[:, None]
    dx, dy, dz = (D[3 * i] * x + D[3 * i + 1] * y + D[3 * i + 2] for i in range(3))
    deeper = (1 + dz).clamp_min(1e-3)
    flow = torch.stack([(dx - x * dz) / deeper, (dy - y * dz) / deeper], 2)
    column, row = (x + flow[:, :, 0]).round(), (y + flow[:, :, 1]).round()
    inside = (column >= 0) & (column < W) & (row >= 0) & (row < H)
    there = (row.clamp(0, H - 1) * W + column.clamp(0, W - 1)).long().flatten(2)
    same = front.centre[:, 1:].flatten(2).gather(2, there) == which
    return flow, (inside & same.unflatten(2, (H, W)))[:, :, None]
