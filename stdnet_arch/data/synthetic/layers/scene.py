"""Parts of a layered scene, drawn by chance: surfaces, their looks, shadows and lights."""

from typing import NamedTuple

import torch
from torch import Tensor

from stdnet_arch.data.synthetic.layers import geometry
from stdnet_arch.data.synthetic.layers.draws import Draws
from stdnet_arch.data.synthetic.layers.geometry import LayerRooms, Pinholes, Placed
from stdnet_arch.data.synthetic.layers.motion import (
    CameraMotion,
    Sway,
    ThingPath,
    draw_camera_path,
    draw_thing_path,
)
from stdnet_arch.data.synthetic.layers.shapes import (
    ENDLESS,
    FLOATING,
    NOTHING,
    OUTLINE_NUMBERS,
    STANDING,
)

MARKS = (0, 0, 1, 2, 2, 6, 8, 9, 7)
_QUAD, _BLOB, _BOX, _GRID, _OPENINGS = 0, 1, 2, 7, 15
FULLNESS = (0.2, 1.0)
"""Share of the things drawn that are there, scene by scene: some are nearly empty."""


class Surfaces(NamedTuple):
    """Flat things: ``n`` in each of ``b`` scenes."""

    kinds: Tensor  # (b, n) outline, in main memory
    frames: Tensor  # (b, n, 3, 3) at time 0
    path: ThingPath
    forms: Tensor  # (b, n, P) numbers of the outline
    relief: Tensor  # (b, n, 2) bulge towards the camera over depth; 1 for balls, 0 for columns


class Looks(NamedTuple):
    """Colours of surfaces."""

    texture: Tensor  # (b, n) int64
    place: Tensor  # (b, n, 2, 3) from u, v, 1 to the texture
    base: Tensor  # (b, n, 3) mean colour
    contrast: Tensor  # (b, n, 1) of the texture around its mean
    slope: Tensor  # (b, n, 2) brightness along u and v


class Shades(NamedTuple):
    """Shades that darken or brighten surfaces behind or below; soft outlines of their own."""

    surfaces: Surfaces
    soft: Tensor  # (b, s) in units of u, v
    strength: Tensor  # (b, s) light taken away; negative: added
    reach: Tensor  # (b, s) how far behind it still works, as a share of depth


class Lights(NamedTuple):
    """Lamps and the light from everywhere."""

    places: Tensor  # (b, l, 3) [m]
    colours: Tensor  # (b, l, 3)
    reach_m: Tensor  # (b, l)
    ambient: Tensor  # (b, 3)


class LayerScene(NamedTuple):
    """Everything a picture of layers needs, but for the time."""

    view: Pinholes
    camera: CameraMotion
    surfaces: Surfaces
    looks: Looks
    shades: Shades
    lights: Lights


class Counts(NamedTuple):
    """Largest numbers of things of each sort in a batch."""

    marks: int
    boxes: int
    cutouts: int


class SceneDraws:
    """Draws scenes; outlines' kinds come from main memory, all else from the device.

    Args:
        d: the device's random numbers.
        means: mean colour of each texture, ``(n, 3)``.
        seed: seed of the numbers in main memory.
    """

    def __init__(self, d: Draws, means: Tensor, seed: int) -> None:
        self.d, self.means = d, means
        self.host = Draws("cpu", seed)

    def draw(self, batch: int, size: tuple[int, int]) -> LayerScene:
        """Scenes of a batch, each its own."""
        d, host = self.d, self.host
        more = torch.randint(0, 9, (3,), generator=host.generator).tolist()
        counts = Counts(marks=1 + more[0] % 3, boxes=more[1] % 3, cutouts=3 + more[2])
        view, room = geometry.draw_view(d, batch, size), geometry.draw_room(d, batch)
        walls, feet = self._fixed(room, view, counts)
        standing = host.chance(batch, counts.cutouts, p=0.6)
        cutouts = geometry.place_cutouts(d, room, view, standing.to(d.device))
        near = cutouts.pivots[..., 2].amin(1)
        things = self._cutouts(view, cutouts, standing)
        surfaces = _joined([*walls, things])
        middle = 1 / room.inverse_depth(geometry.rays_at(view, view.centre_px[:, None])).amax(-1)
        camera = draw_camera_path(d, view, torch.maximum(near, 0.15 * middle[:, 0]))
        looks = self._looks(surfaces, counts)
        shades = self._shades(room, view, things, feet)
        return LayerScene(view, camera, surfaces, looks, shades, self._lights(room))

    def _fixed(
        self, room: LayerRooms, view: Pinholes, counts: Counts
    ) -> tuple[list[Surfaces], Placed | None]:
        """Walls, marks and boxes; and where the boxes stand."""
        d, b = self.d, len(view.focal_px)
        parts = [self._surfaces(view, geometry.place_walls(room), self._kinds((ENDLESS,), b, 6, 1))]
        partition = self._kinds((_OPENINGS,), b, 1, 0.3)
        parts.append(self._surfaces(view, geometry.place_partition(d, room), partition))
        marks = self._kinds(MARKS, b, counts.marks, 0.8)
        placed = geometry.place_marks(d, room, view, counts.marks)
        parts.append(self._surfaces(view, placed, marks))
        if not counts.boxes:
            return parts, None
        faces, feet = geometry.place_boxes(d, room, view, counts.boxes)
        there = self._kinds((_QUAD,), b, counts.boxes, 0.7).repeat_interleave(3, dim=1)
        parts.append(self._surfaces(view, faces, there))
        return parts, feet

    def _cutouts(self, view: Pinholes, placed: Placed, standing: Tensor) -> Surfaces:
        """Things with outlines of all kinds, each scene and thing its own."""
        b, n = standing.shape
        kinds = torch.where(
            standing, self._kinds(STANDING, b, n, 1), self._kinds(FLOATING, b, n, 1)
        )
        # A step takes the same 4 pixels of a small picture: fewer things keep their share.
        most = FULLNESS[1] * min(1.0, (min(view.size) / 200) ** 0.5)
        there = self.host.uniform(b, n) < self.host.uniform(b, 1, lo=FULLNESS[0], hi=most)
        kinds = torch.where(there, kinds, NOTHING)
        made = self._surfaces(view, placed, kinds, moving=0.35)
        size = placed.frames[..., 1].norm(dim=-1) / placed.pivots.norm(dim=-1).clamp_min(1e-3)
        bulge = (size * self.d.uniform(b, n, lo=0.2, hi=1)).clamp_max(0.2)
        bulge = bulge * self.d.chance(b, n, p=0.35)
        round_ = self.d.chance(b, n, p=0.5).float()
        return made._replace(relief=torch.stack([bulge, round_], -1))

    def _kinds(self, of: tuple[int, ...], b: int, n: int, p: float) -> Tensor:
        """Kinds from a list, or nothing; in main memory."""
        chosen = torch.tensor(of)[self.host.below(len(of), b, n)]
        return torch.where(self.host.chance(b, n, p=p), chosen, NOTHING)

    def _surfaces(
        self, view: Pinholes, placed: Placed, kinds: Tensor, moving: float = 0.0
    ) -> Surfaces:
        b, n = kinds.shape
        path = draw_thing_path(self.d, view, placed, moving)
        forms = self.d.uniform(b, n, OUTLINE_NUMBERS)
        return Surfaces(kinds, placed.frames, path, forms, forms.new_zeros(b, n, 2))

    def _looks(self, surfaces: Surfaces, counts: Counts) -> Looks:
        """Looks of all surfaces; many look like another one, so that an edge hardly shows."""
        d = self.d
        b, n = surfaces.kinds.shape
        texture = d.below(len(self.means), b, n)
        palette = (d.uniform(b, 4, 1, lo=0.15, hi=0.9) + d.normal(b, 4, 3, std=0.05)).clamp(0.03, 1)
        rows = torch.arange(b, device=d.device)[:, None]
        from_palette = palette[rows, d.below(4, b, n)]
        own = (self.means[texture] * d.log_uniform(b, n, 1, lo=0.6, hi=1.6)).clamp(0.02, 1)
        base = torch.where(d.chance(b, n, 1, p=0.45), from_palette, own)
        plain, rich = d.uniform(b, n, 1, hi=0.2), d.uniform(b, n, 1, lo=0.2, hi=0.95)
        contrast = torch.where(d.chance(b, n, 1, p=0.45), plain, rich)
        looks = Looks(texture, self._places(surfaces), base, contrast, d.normal(b, n, 2, std=0.12))
        looks.slope[:, :7] = 0.0  # endless: its brightness would have no bound
        donor = torch.where(d.chance(b, n, p=0.4), d.below(n, b, n), torch.arange(n).to(d.device))
        first = 7 + counts.marks
        for box in range(counts.boxes):  # faces of a box look alike
            donor[:, first + 3 * box : first + 3 * box + 3] = donor[:, first + 3 * box, None]
        mine = rows, donor
        return looks._replace(texture=texture[mine], base=base[mine], contrast=contrast[mine])

    def _places(self, surfaces: Surfaces) -> Tensor:
        """Lay textures on surfaces: ``(b, n, 2, 3)``."""
        d = self.d
        b, n = surfaces.kinds.shape
        lengths = surfaces.frames[..., :2].norm(dim=2)  # (b, n, 2)
        away = surfaces.frames[..., 2].norm(dim=-1)
        tile = (away * d.log_uniform(b, n, lo=0.06, hi=0.8)).clamp_min(1e-3)
        angle = torch.where(d.chance(b, n, p=0.6), 0.0, d.uniform(b, n, hi=6.3))
        cos, sin = angle.cos() / tile, angle.sin() / tile
        turn = torch.stack([cos, -sin, sin, cos], -1).unflatten(-1, (2, 2))
        return torch.cat([turn * lengths[..., None, :], d.uniform(b, n, 2, 1, hi=2)], -1)

    def _lights(self, room: LayerRooms) -> Lights:
        d, b = self.d, len(room.distances)
        up = -d.uniform(b, 2, 1, lo=0.2, hi=0.95) * room.distances[:, None, 1:2]
        side = d.uniform(b, 2, 1, lo=-0.9, hi=0.9) * room.distances[:, None, 3:4]
        ahead = d.uniform(b, 2, 1, lo=-0.3, hi=0.9) * room.distances[:, None, 2:3]
        places = torch.cat([side, up, ahead], -1) @ room.axes
        tint = (1 + d.normal(b, 2, 3, std=0.05)).clamp(0.5, 1.5)
        colours = tint * d.uniform(b, 2, 1, lo=0.1, hi=1.1)
        reach = room.distances[:, 2:3] * d.uniform(b, 2, lo=0.3, hi=1.5)
        ambient = d.uniform(b, 1, lo=0.35, hi=0.9) * (1 + d.normal(b, 3, std=0.04))
        return Lights(places, colours, reach, ambient)

    def _shades(
        self, room: LayerRooms, view: Pinholes, things: Surfaces, feet: Placed | None
    ) -> Shades:
        """Shadows behind things and below them, and patches of light on the walls."""
        d, b = self.d, len(view.focal_px)
        count = things.kinds.shape[1]
        picked = torch.randperm(count, generator=self.host.generator).tolist()
        groups = [self._shadow_behind(things, picked[:2]), self._shadow_below(room, things, picked)]
        patch = geometry.place_marks(d, room, view, 2)
        lit = self._surfaces(view, patch, self._kinds((_QUAD, _GRID, _BLOB, _QUAD), b, 2, 0.5))
        soft = d.log_uniform(b, 2, lo=0.01, hi=0.5)
        strength = d.uniform(b, 2, lo=-0.6, hi=0.6)
        groups.append(Shades(lit, soft, strength, torch.full_like(soft, 0.03)))
        if feet is not None:
            n = feet.frames.shape[1]
            spots = self._surfaces(view, feet, self._kinds((_BOX,), b, n, 0.7))
            soft = d.uniform(b, n, lo=0.2, hi=0.6)
            dark = d.uniform(b, n, lo=0.1, hi=0.6)
            groups.append(Shades(spots, soft, dark, torch.full_like(soft, 0.03)))
        return Shades(
            _joined([group.surfaces for group in groups]),
            torch.cat([group.soft for group in groups], 1),
            torch.cat([group.strength for group in groups], 1),
            torch.cat([group.reach for group in groups], 1),
        )

    def _shadow_behind(self, things: Surfaces, picked: list[int]) -> Shades:
        """Shadows of things on what is not far behind them, shifted and soft."""
        d = self.d
        part = _picked(things, picked)
        b, n = part.kinds.shape
        shifted = part.frames.clone()
        shift = d.normal(b, n, 2, std=0.25)
        shifted[..., 2] += torch.einsum("bnci,bni->bnc", part.frames[..., :2], shift)
        part = part._replace(
            kinds=torch.where(self.host.chance(b, n, p=0.5), part.kinds, NOTHING), frames=shifted
        )
        soft = d.log_uniform(b, n, lo=0.02, hi=0.4)
        return Shades(part, soft, d.uniform(b, n, lo=0.1, hi=0.6), d.uniform(b, n, lo=0.1, hi=0.5))

    def _shadow_below(self, room: LayerRooms, things: Surfaces, picked: list[int]) -> Shades:
        """Shadows of standing things on the floor, from their feet away from the light."""
        d = self.d
        part = _picked(things, picked[1:4])
        b, n = part.kinds.shape
        down = room.axes[:, 1:2]
        foot = part.frames[..., 2] + part.frames[..., 1]
        gap = room.distances[:, :1] - torch.einsum("bnc,bzc->bn", foot, down)
        size = part.frames[..., 1].norm(dim=-1, keepdim=True)
        on_floor = gap[..., None].abs() < 0.05 * size
        angle = d.uniform(b, n, 1, hi=6.3)
        right, forward = room.axes[:, None, 0], room.axes[:, None, 2]
        away = angle.cos() * right + angle.sin() * forward
        across = angle.cos() * forward - angle.sin() * right
        away = away * size * d.uniform(b, n, 1, lo=0.15, hi=1.5)
        frames = torch.stack([across * size, away, foot - away], -1)
        soft = d.log_uniform(b, n, lo=0.02, hi=0.3)
        strength = d.uniform(b, n, lo=0.15, hi=0.65) * on_floor[..., 0]
        kinds = torch.where(self.host.chance(b, n, p=0.7), part.kinds, NOTHING)
        part = part._replace(kinds=kinds, frames=frames)
        return Shades(part, soft, strength, torch.full_like(soft, 0.03))


def _picked(surfaces: Surfaces, which: list[int]) -> Surfaces:
    """Some of the surfaces of each scene."""
    shift, turn, pivots = surfaces.path
    path = ThingPath(
        Sway(*(x[:, which] for x in shift)), Sway(*(x[:, which] for x in turn)), pivots[:, which]
    )
    kinds, frames, _, forms, relief = surfaces
    return Surfaces(kinds[:, which], frames[:, which], path, forms[:, which], relief[:, which])


def _joined(parts: list[Surfaces]) -> Surfaces:
    """Surfaces of several sorts as one."""
    paths = [part.path for part in parts]
    path = ThingPath(
        _joined_sways([path.shift for path in paths]),
        _joined_sways([path.turn for path in paths]),
        torch.cat([path.pivots for path in paths], 1),
    )
    return Surfaces(
        torch.cat([part.kinds for part in parts], 1),
        torch.cat([part.frames for part in parts], 1),
        path,
        torch.cat([part.forms for part in parts], 1),
        torch.cat([part.relief for part in parts], 1),
    )


def _joined_sways(sways: list[Sway]) -> Sway:
    return Sway(*(torch.cat(same, 1) for same in zip(*sways, strict=True)))
