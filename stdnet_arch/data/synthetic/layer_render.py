"""Pictures, depth and flow of layered scenes: every surface at every pixel, the nearest one wins.

Depth is that at the centre of a pixel. Colour is smooth at outlines (the share of the pixel that an
outline covers, from its slope), at creases, and within textures (their halved copies).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from stdnet_arch.data.synthetic.layer_motion import (
    inverse,
    moved_frames,
    pixels_of,
    seen_frames,
)
from stdnet_arch.data.synthetic.layer_scene import Lights, Scene, Surfaces
from stdnet_arch.data.synthetic.layer_shapes import ENDLESS, NOTHING, OUTLINES
from stdnet_arch.data.synthetic.layer_textures import TextureAtlas

FAR_INVERSE = 0.008  # nothing is farther than 1 / this [m]
_QUAD, _OPENINGS = 0, 15


class Matrices(NamedTuple):
    """Where surfaces are at each time."""

    world: Tensor  # (b, t, n, 3, 3) frames in the world
    to_pixel: Tensor  # (b, t, n, 3, 3) from u, v, 1 to pixels times depth
    from_pixel: Tensor  # (b, t, n, 3, 3) from x, y, 1 to u, v, 1 times inverse depth


class Cover(NamedTuple):
    """What each surface does at each pixel, ``(b, n, t, H, W)``."""

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


def matrices_of(scene: Scene, surfaces: Surfaces, times: Tensor) -> Matrices:
    """Where surfaces are at ``times`` ``(t,)`` [frames], in float64: flow needs it."""
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
    M = from_pixel.transpose(1, 2).flatten(0, 1).float()
    share = torch.zeros(b * n, t, *size, device=device)
    away = torch.full((b * n, t, *size), -1.0, device=device)
    forms, relief = surfaces.forms.flatten(0, 1), surfaces.relief.flatten(0, 1)
    order, counts = _by_kind(surfaces.kinds, device)
    for kind, rows in zip(counts, order.split([*counts.values()]), strict=True):
        inner, p = _cover_kind(
            kind, M[rows], forms[rows], size, None if soft is None else soft.flatten()[rows]
        )
        if kind not in {ENDLESS, _QUAD, _OPENINGS} and soft is None:
            p = _with_relief(p, inner.place, relief[rows])
        share[rows] = inner.share
        away[rows] = torch.where(inner.share > 0, p, -1.0)
    return Cover(share.unflatten(0, (b, n)), away.unflatten(0, (b, n)))


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
    """How much ``s`` changes from a pixel to the next: the greater of both sides, both ways."""
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
    first_inverse, first = seen.inverse.max(1)
    share = seen.share.gather(1, first[:, None])[:, 0]
    behind = seen.inverse.scatter(1, first[:, None], -1.0)
    second_inverse, second = behind.max(1)
    centre_inverse, centre = torch.where(seen.share > 0.5, seen.inverse, -1.0).max(1)
    return Front(first, second, first_inverse, second_inverse, share, centre, centre_inverse)


class Painter:
    """Colours of surfaces at pixels.

    Args:
        scene: whose looks and lights count.
        at: where its surfaces are.
        atlas: textures.
    """

    def __init__(self, scene: Scene, at: Matrices, atlas: TextureAtlas) -> None:
        self.scene, self.atlas = scene, atlas
        b, t, n = at.world.shape[:3]
        self.shape = b, t, n
        looks, lights = scene.looks, scene.lights
        steady = torch.cat([
            looks.place.flatten(2), looks.base, looks.contrast, looks.slope,
            scene.surfaces.relief,
            lights.ambient[:, None].expand(b, n, 3),
        ], -1)  # fmt: skip
        moving = torch.cat([at.from_pixel.flatten(3), at.world.flatten(3)], -1).float()
        self.table = torch.cat([moving, steady[:, None].expand(b, t, n, -1)], -1).flatten(0, 2)
        self.textures = looks.texture[:, None].expand(b, t, n).flatten()

    def paint(self, rows: Tensor, x: Tensor, y: Tensor, scene_of: Tensor) -> Tensor:
        """Colours ``(k, 3)`` of the surfaces ``rows`` ``(k,)`` of the table at pixels x, y."""
        r = self.table[rows]
        M, world, rest = r[:, :9], r[:, 9:18], r[:, 18:]
        z = 1 / (M[:, 6] * x + M[:, 7] * y + M[:, 8]).clamp_min(FAR_INVERSE)
        u = (M[:, 0] * x + M[:, 1] * y + M[:, 2]) * z
        v = (M[:, 3] * x + M[:, 4] * y + M[:, 5]) * z
        place, base, contrast = rest[:, :6], rest[:, 6:9], rest[:, 9:10]
        tu = place[:, 0] * u + place[:, 1] * v + place[:, 2]
        tv = place[:, 3] * u + place[:, 4] * v + place[:, 5]
        which = self.textures[rows]
        footprint = _footprint(M, place, (u, v), z)
        texel = self.atlas.look_up(which, tu, tv, footprint) - self.atlas.mean[which]
        slope, relief = rest[:, 10:12], rest[:, 12:14]
        along = 1 + (slope[:, 0] * u + slope[:, 1] * v).clamp(-0.5, 0.5)
        light = _light(self.scene.lights, scene_of, world, (u, v), relief)
        return (base + contrast * texel).clamp_min(0.01) * light * along[:, None]


def _footprint(M: Tensor, place: Tensor, at: tuple[Tensor, Tensor], z: Tensor) -> Tensor:
    """How far apart neighbouring pixels lie in the texture: root mean square of both ways."""
    u, v = at
    total = torch.zeros_like(u)
    for way in (0, 1):
        du = (M[:, way] - u * M[:, 6 + way]) * z
        dv = (M[:, 3 + way] - v * M[:, 6 + way]) * z
        total = total + (place[:, 0] * du + place[:, 1] * dv) ** 2
        total = total + (place[:, 3] * du + place[:, 4] * dv) ** 2
    return (total / 2).sqrt()


def _light(
    lights: Lights, scene_of: Tensor, world: Tensor, at: tuple[Tensor, Tensor], relief: Tensor
) -> Tensor:
    """Light ``(k, 3)`` on points of surfaces: from everywhere, and from lamps by angle and way."""
    u, v = at
    e1, e2, c = world[:, 0::3], world[:, 1::3], world[:, 2::3]
    point = e1 * u[:, None] + e2 * v[:, None] + c
    normal = torch.linalg.cross(e1, e2)
    normal = normal * (-torch.sign((normal * c).sum(-1, keepdim=True)))
    normal = normal / _length(normal).clamp_min(1e-12)
    bulge = torch.sign(relief[:, :1])
    size = _length(e2).clamp_min(1e-12)
    tilt = (e1 * u[:, None] + e2 * (v * relief[:, 1])[:, None]) / size
    normal = normal + bulge * tilt.clamp(-1.5, 1.5)
    length = _length(normal)[:, 0]
    total = lights.ambient[scene_of]
    for lamp in range(lights.places.shape[1]):
        way = lights.places[:, lamp][scene_of] - point
        distance = _length(way)[:, 0].clamp_min(1e-3)
        facing = (way * normal).sum(-1) / (distance * length)
        fall = 1 + (distance / lights.reach_m[:, lamp][scene_of]) ** 2
        strength = (0.2 + 0.8 * facing).clamp_min(0) * 2 / fall
        total = total + lights.colours[:, lamp][scene_of] * strength[:, None]
    return total


def _length(vectors: Tensor) -> Tensor:
    """Lengths ``(k, 1)``; on a CPU several times as fast as ``norm``."""
    return (vectors * vectors).sum(-1, keepdim=True).sqrt()


def shade(scene: Scene, times: Tensor, inverses: tuple[Tensor, ...]) -> list[Tensor]:
    """Light left by shadows and patches on surfaces at inverse depths ``(b, t, H, W)``."""
    shades = scene.shades
    at = matrices_of(scene, shades.surfaces, times)
    seen = cover(shades.surfaces, at.from_pixel, scene.view.size, shades.soft)
    amount = seen.share * shades.strength[:, :, None, None, None]
    out = []
    for surface in inverses:
        behind = seen.inverse / surface[:, None] - 1
        near = 1 / (1 + (behind / shades.reach[:, :, None, None, None]) ** 2) ** 2
        works = (behind > -0.02) & (seen.inverse > 0)
        out.append((1 - amount * near * works).prod(1))
    return out


def render_rgb(
    scene: Scene, times: Tensor, at: Matrices, front: Front, atlas: TextureAtlas
) -> Tensor:
    """Colours ``(b, t, 3, H, W)``, not limited yet, of the nearest surfaces and those behind."""
    b, t, n = at.world.shape[:3]
    painter = Painter(scene, at, atlas)
    share = _crease_share(front, at.from_pixel)
    light, light_behind = shade(scene, times, (front.first_inverse, front.second_inverse))
    H, W = scene.view.size
    device = share.device
    frame = torch.arange(b * t, device=device)[:, None]
    pixel = torch.arange(H * W, device=device).expand(b * t, -1)

    def paint(which: Tensor, chosen: Tensor | slice) -> Tensor:
        rows = (frame * n + which.reshape(b * t, -1)).flatten()[chosen]
        place = pixel.flatten()[chosen]
        scene_of = (frame // t).expand(b * t, H * W).flatten()[chosen]
        x, y = (place % W).float(), torch.div(place, W, rounding_mode="floor").float()
        return painter.paint(rows, x, y, scene_of)

    rgb = paint(front.first, slice(None)) * light.flatten()[:, None]
    mixed = _mixed_pixels(share)
    behind = paint(front.second, mixed) * light_behind.flatten()[mixed, None]
    rgb[mixed] = torch.lerp(behind, rgb[mixed], share.flatten()[mixed, None])
    return rgb.view(b, t, H, W, 3).permute(0, 1, 4, 2, 3)


def _mixed_pixels(share: Tensor) -> Tensor | slice:
    """Pixels of two surfaces; on a GPU all, since counting them would wait for it."""
    if share.device.type != "cpu":
        return slice(None)
    return (share.flatten() < 1).nonzero()[:, 0]


def _crease_share(front: Front, from_pixel: Tensor) -> Tensor:
    """Coverage by the first surface, also where two planes meet: half and half on the crease."""
    rows = from_pixel[..., 2, :2].float()  # (b, t, n, 2): slope of inverse depth

    def of(which: Tensor) -> Tensor:
        index = which.flatten(2)[..., None].expand(-1, -1, -1, 2)
        return rows.gather(2, index).unflatten(2, which.shape[2:])

    slope = _length(of(front.first) - of(front.second))[..., 0].clamp_min(1e-9)
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
