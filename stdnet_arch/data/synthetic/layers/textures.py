"""Textures of layered scenes: made by formula, or photographs; looked up at any size."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.synthetic.layers.draws import Draws

PER_KIND = 10
"""Textures made of each procedural kind."""


def _noise(d: Draws, side: int, cells: int) -> Tensor:
    """Smooth noise ``(n, 1, side, side)`` with about unit spread."""
    coarse = d.normal(PER_KIND, 1, cells, cells)
    # Small cells look the same either way, and bicubic takes several times as long.
    mode = "bicubic" if cells <= 12 else "bilinear"
    return F.interpolate(coarse, size=(side, side), mode=mode, align_corners=False)


def _clouds(d: Draws, side: int, first: int = 3) -> Tensor:
    """Noise of all sizes, ``(n, 1, side, side)``."""
    octaves = [first * 2**i for i in range(6) if first * 2**i < side]
    return torch.stack([_noise(d, side, c) / (1 + i) for i, c in enumerate(octaves)]).sum(0) / 2


def _axes(d: Draws, side: int) -> tuple[Tensor, Tensor]:
    line = torch.arange(side, device=d.device, dtype=torch.float32) / side
    return line.view(1, 1, 1, -1), line.view(1, 1, -1, 1)


def _colour(d: Draws, spread: float = 0.1) -> Tensor:
    """A muted colour each, ``(n, 3, 1, 1)``."""
    grey = d.uniform(PER_KIND, 1, 1, 1, lo=0.15, hi=0.85)
    return (grey + d.normal(PER_KIND, 3, 1, 1, std=spread)).clamp(0.03, 0.97)


def _number(d: Draws, lo: float, hi: float) -> Tensor:
    return d.uniform(PER_KIND, 1, 1, 1, lo=lo, hi=hi)


def plaster(d: Draws, side: int) -> Tensor:
    """Nearly plain, with faint stains and grain."""
    faint = _number(d, 0.01, 0.06) * _clouds(d, side)
    grain = _number(d, 0.0, 0.04) * d.normal(PER_KIND, 1, side, side)
    return _colour(d, 0.05) + faint + grain


def noise(d: Draws, side: int) -> Tensor:
    """Stone, dirt, carpet: clouds between two colours."""
    mix = torch.sigmoid(_number(d, 1, 4) * _clouds(d, side))
    return torch.lerp(_colour(d), _colour(d), mix)


def wood(d: Draws, side: int) -> Tensor:
    """Planks with grain."""
    x, y = _axes(d, side)
    planks = _number(d, 1, 7).round()
    plank = (y * planks).floor()
    offset = torch.sin(plank * 12.9898 + _number(d, 0, 6)) * 43.7
    warp = 0.5 * _noise(d, side, 5) + 0.2 * _noise(d, side, 16)
    grain = torch.sin((y * _number(d, 15, 60) + offset + warp * _number(d, 1, 5)) * 2)
    fine = F.interpolate(d.normal(PER_KIND, 1, side, 8), size=(side, side), mode="bilinear")
    base = torch.tensor([0.62, 0.42, 0.25], device=d.device).view(1, 3, 1, 1)
    base = base * _number(d, 0.45, 1.4) + d.normal(PER_KIND, 3, 1, 1, std=0.05)
    tone = 1 + 0.12 * grain + 0.08 * fine + 0.12 * torch.sin(offset * 7)
    seam = ((y * planks - plank) < 0.02 * planks.clamp_max(3)) & (planks > 1)
    return base * tone * torch.where(seam, 0.45, 1.0) + 0 * x


def tiles(d: Draws, side: int) -> Tensor:
    """Tiles or bricks with joints; each a little different."""
    x, y = _axes(d, side)
    rows = _number(d, 3, 10).round()
    row = (y * rows).floor()
    across = x * rows / _number(d, 0.8, 3).round() + 0.5 * row * (_number(d, 0, 1) < 0.5)
    column = across.floor()
    own = torch.frac(torch.sin(row * 78.233 + column * 12.9898 + _number(d, 0, 6)) * 43758.5)
    joint = _number(d, 0.02, 0.1)
    in_joint = ((y * rows - row) < joint) | ((across - column) < joint)
    tile = _colour(d) * (1 + _number(d, 0, 0.35) * own) + 0.03 * _clouds(d, side)
    return torch.where(in_joint, _colour(d, 0.03), tile)


def stripes(d: Draws, side: int) -> Tensor:
    """Stripes of a few colours and widths."""
    x, _ = _axes(d, side)
    mix = torch.sin(x * _number(d, 20, 120)) + torch.sin(x * _number(d, 8, 60) + _number(d, 0, 6))
    mix = torch.sigmoid(mix * _number(d, 1, 30))
    return torch.lerp(_colour(d), _colour(d), mix).expand(-1, -1, side, -1) + 0.02 * _clouds(
        d, side
    )


def fabric(d: Draws, side: int) -> Tensor:
    """A weave, folds, and worn places."""
    x, y = _axes(d, side)
    f = _number(d, 150, 500)
    weave = torch.sin(x * f + 0.6 * _noise(d, side, 9)) * torch.sin(y * f)
    folds = torch.sin(_number(d, 2, 8) * _noise(d, side, 3))
    tone = 1 + _number(d, 0.03, 0.12) * weave + _number(d, 0, 0.3) * folds
    return _colour(d, 0.15) * tone + 0.04 * _clouds(d, side)


def marks(d: Draws, side: int) -> Tensor:
    """Rows of short marks, like print, labels, or buttons on paper."""
    rows, columns = side // 8, side // 3
    ink = (d.uniform(PER_KIND, 1, rows, columns) < 0.55).float()
    ink[:, :, ::2] = 0
    blocks = F.interpolate((d.uniform(PER_KIND, 1, 5, 4) < 0.6).float(), size=(rows, columns))
    ink = F.interpolate(ink * blocks, size=(side, side))
    return torch.lerp(_colour(d, 0.08), _colour(d), ink) + 0.01 * _clouds(d, side)


def patches(d: Draws, side: int) -> Tensor:
    """Big areas of different colours with sharp borders: posters, toys, camouflage."""
    out = _colour(d, 0.12).expand(-1, -1, side, side)
    for cells in (3, 4, 6):
        out = torch.where(_noise(d, side, cells) > 0.5, _colour(d, 0.15), out)
    return out + 0.02 * _clouds(d, side)


PROCEDURAL: tuple[Callable[[Draws, int], Tensor], ...] = (
    plaster, noise, wood, tiles, stripes, fabric, marks, patches,
)  # fmt: skip


def make_textures(d: Draws, side: int = 256) -> Tensor:
    """All procedural kinds, ``PER_KIND`` of each: ``(n, side, side, 3)`` uint8."""
    stack = torch.cat([kind(d, side) for kind in PROCEDURAL]).clamp(0, 1)
    return (stack * 255).round().byte().permute(0, 2, 3, 1).contiguous()


class TextureAtlas:
    """Textures at all sizes, half by half, in one table of texels.

    Args:
        textures: ``(n, S, S, 3)`` uint8, ``S`` a multiple of 32.

    Raises:
        ValueError: another shape or dtype.
    """

    levels = 6

    def __init__(self, textures: Tensor) -> None:
        shape = tuple(textures.shape)
        square = textures.ndim == 4 and shape[1] == shape[2] and shape[3] == 3
        if not square or textures.dtype != torch.uint8 or shape[1] % 32:
            raise ValueError(
                f"textures must be uint8 (n, S, S, 3) with S a multiple of 32, got "
                f"{textures.dtype} {shape}: resize or crop them"
            )
        self.count, self.side = shape[0], shape[1]
        level = textures.permute(0, 3, 1, 2).float() / 255
        self.mean = level.mean((2, 3))
        parts = []
        for i in range(self.levels):
            level = F.avg_pool2d(level, 2) if i else level
            rgba = F.pad(level.permute(0, 2, 3, 1), (0, 1))  # four halves are one aligned read
            parts.append(rgba.reshape(-1, 4).half())
        self.texels = torch.cat(parts)
        sizes = [self.side >> i for i in range(self.levels)]
        starts = [self.count * sum(s * s for s in sizes[:i]) for i in range(self.levels)]
        self.starts = torch.tensor(starts, device=textures.device)

    def look_up(self, which: Tensor, u: Tensor, v: Tensor, footprint: Tensor) -> Tensor:
        """Colours at places of textures, mirrored at their borders.

        Args:
            which: texture of each point, ``(n,)`` int64.
            u: place to the right, 1 is the whole texture, ``(n,)``.
            v: place down, ``(n,)``.
            footprint: side of the texture that one pixel sees, in the same unit, ``(n,)``.

        Returns:
            ``(3, n)`` float32 in [0, 1].
        """
        texels = (footprint * self.side).clamp_min(1e-6)
        level = (torch.log2(texels) + 0.3).clamp(0, self.levels - 1).to(torch.int64)
        side = torch.bitwise_right_shift(torch.full_like(level, self.side), level)
        base = self.starts.index_select(0, level) + which * side * side
        x0, x1, fx = self._cell(u, side)
        y0, y1, fy = self._cell(v, side)
        rows0, rows1 = base + y0 * side, base + y1 * side
        top = self._mix(rows0 + x0, rows0 + x1, fx)
        return torch.lerp(top, self._mix(rows1 + x0, rows1 + x1, fx), fy[:, None])[:, :3].T

    @staticmethod
    def _cell(u: Tensor, side: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Two neighbouring texels along one axis, and how far one is to the second."""
        mirrored = 1 - (torch.remainder(u, 2.0) - 1).abs()
        place = mirrored * side - 0.5
        low = place.floor()
        first = low.to(torch.int64)
        top = side - 1
        return first.clamp_min(0), torch.minimum(first + 1, top), place - low

    def _mix(self, a: Tensor, b: Tensor, f: Tensor) -> Tensor:
        texels = self.texels
        return torch.lerp(
            texels.index_select(0, a).float(), texels.index_select(0, b).float(), f[:, None]
        )


def load_or_make(textures: Tensor | None, d: Draws) -> TextureAtlas:
    """An atlas of the textures given, or of procedural ones, on the device of ``d``."""
    made = make_textures(d) if textures is None else textures.to(d.device)
    return TextureAtlas(made)


def tile_turn(d: Draws, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Cosine and sine of random turns: mostly upright, as walls and floors are."""
    angle = torch.where(d.chance(*shape, p=0.6), 0.0, d.uniform(*shape, hi=2 * math.pi))
    return angle.cos(), angle.sin()
