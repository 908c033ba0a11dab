"""Procedural textures for synthetic clips: tileable, band-limited, sampled without aliasing."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 256  # texels of a tile's side
LEVELS = 5  # each level has half the resolution of the one before
TEXEL_M = 0.01  # metres of surface per texel of level 0

_LINE = 1024
_BORDER = 1  # texels repeated around each level, so that interpolation wraps
_SIDES = (SIDE >> np.arange(LEVELS)).astype(np.float32)  # of the levels [texels]
_LEFTS = np.cumsum(_SIDES + 2 * _BORDER, dtype=np.float32) - (_SIDES + 2 * _BORDER)
_WIDTH = int((_SIDES + 2 * _BORDER).sum())


def make_texture(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a tileable texture: a pattern between two colours, with a little fine grain.

    Returns:
        RGB, ``(SIDE, SIDE, 3)``.
    """
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))](rng)
    dark, light = _two_colours(rng)
    colour = dark + (light - dark) * pattern[..., None]
    grain = 1 + rng.uniform(0.005, 0.04) * _noise(rng, 24, 90)[..., None]
    return np.clip(255 * colour * grain, 0, 255).astype(np.uint8)


def make_atlas(rng: np.random.Generator, num_textures: int) -> NDArray[np.uint8]:
    """Draw textures, one below the other, and each one's halved versions to the right of it.

    Returns:
        RGB, ``(num_textures * (SIDE + 2), width, 3)``.
    """
    rows = []
    for _ in range(num_textures):
        row = np.zeros((SIDE + 2 * _BORDER, _WIDTH, 3), np.uint8)
        left, texture = 0, make_texture(rng)
        for _ in range(LEVELS):
            tile = np.pad(texture, ((_BORDER, _BORDER), (_BORDER, _BORDER), (0, 0)), mode="wrap")
            row[: len(tile), left : left + len(tile)] = tile
            left += len(tile)
            texture = _halve(texture)
        rows.append(row)
    return np.concatenate(rows)


def sample_atlas(
    atlas: NDArray[np.uint8],
    texture: NDArray[np.integer],
    uv_m: NDArray[np.floating],
    footprint_m: NDArray[np.floating],
) -> NDArray[np.uint8]:
    """Colours at surface coordinates.

    Args:
        atlas: result of ``make_atlas``.
        texture: index of the texture of each point, ``(n,)``.
        uv_m: surface coordinates [m], ``(2, n)``.
        footprint_m: side of the surface that a pixel covers [m], ``(n,)``; picks the level.

    Returns:
        RGB, ``(n, 3)``.
    """
    if not texture.size:
        return np.zeros((0, 3), np.uint8)
    level = np.rint(np.log2(footprint_m / TEXEL_M) + 0.4).clip(0, LEVELS - 1).astype(np.intp)
    tiles = uv_m / np.asarray(TEXEL_M * SIDE, uv_m.dtype)
    texels = (tiles - np.floor(tiles)) * _SIDES[level]
    # A texel's value stands at its centre: coordinate 0.5 is the middle of the first one.
    x = texels[0] + (_BORDER - 0.5 + _LEFTS[level])
    y = texels[1] + (_BORDER - 0.5 + (SIDE + 2 * _BORDER) * texture.astype(np.float32))
    # OpenCV's images have at most 32,766 columns.
    shape = -(-texture.size // _LINE), _LINE
    map_x, map_y = (np.resize(at.astype(np.float32), shape) for at in (x, y))
    colours = cv2.remap(atlas, map_x, map_y, cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    return colours.reshape(-1, 3)[: texture.size]


def _halve(texture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean of each 2 x 2 block of texels."""
    side = len(texture) // 2
    return texture.reshape(side, 2, side, 2, 3).mean(axis=(1, 3)).astype(np.uint8)


def _noise(rng: np.random.Generator, low: float, high: float) -> NDArray[np.float32]:
    """Tileable noise of waves between ``low`` and ``high`` per tile, mean 0 and deviation 1."""
    wave = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]) * SIDE
    band = np.where((wave >= low) & (wave <= high), 1 / np.maximum(wave, 1), 0)
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE))) * band
    noise = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
    return (noise / noise.std()).astype(np.float32)


def _wave(rng: np.random.Generator) -> NDArray[np.float32]:
    """Phase of parallel waves at a random tileable angle, in turns."""
    kx, ky = rng.integers(-9, 10, 2)
    if abs(kx) + abs(ky) < 3:
        kx = 5
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    return (kx * x + ky * y).astype(np.float32)


def _step(value: NDArray[np.floating], width: float) -> NDArray[np.floating]:
    """From 0 to 1 around 0, over about ``width``: an edge that no texel cuts."""
    return np.clip(value / width + 0.5, 0, 1)


def _clouds(rng: np.random.Generator) -> NDArray[np.floating]:
    return np.clip(0.5 + 0.25 * _noise(rng, 1, rng.uniform(6, 40)), 0, 1)


def _blotches(rng: np.random.Generator) -> NDArray[np.floating]:
    return _step(_noise(rng, rng.uniform(1, 4), rng.uniform(6, 16)) - rng.normal(0, 0.5), 0.1)


def _stripes(rng: np.random.Generator) -> NDArray[np.floating]:
    return _step(np.sin(2 * np.pi * _wave(rng)) - rng.uniform(-0.6, 0.6), 0.25)


def _checkers(rng: np.random.Generator) -> NDArray[np.floating]:
    cells = int(rng.choice([2, 4, 8]))
    y, x = np.sin(2 * np.pi * cells * np.mgrid[:SIDE, :SIDE] / SIDE + rng.uniform(0, 6, (2, 1, 1)))
    return _step(x * y, 0.15)


def _wavy_stripes(rng: np.random.Generator) -> NDArray[np.floating]:
    bend = rng.uniform(0.1, 0.5) * _noise(rng, 1, 5)
    return _step(np.sin(2 * np.pi * (_wave(rng) + bend)), 0.5)


def _plain(rng: np.random.Generator) -> NDArray[np.floating]:
    return np.full((SIDE, SIDE), rng.random())


def _stains(rng: np.random.Generator) -> NDArray[np.floating]:
    """Plaster: nearly plain, with faint stains."""
    return np.clip(0.5 + rng.uniform(0.02, 0.08) * _noise(rng, 1, rng.uniform(6, 40)), 0, 1)


def _tiles(rng: np.random.Generator) -> NDArray[np.floating]:
    """Tiles or bricks of slightly different tones, with joints."""
    rows, columns = (int(rng.choice([4, 6, 8, 12])) for _ in range(2))
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    row = np.floor(rows * y).astype(int)
    across = columns * x + rng.choice([0.0, 0.5]) * (row % 2)
    tone = rng.uniform(0.55, 0.85, (rows, columns))[row, np.floor(across).astype(int) % columns]
    edge = np.minimum(np.abs(np.mod(rows * y + 0.5, 1) - 0.5) * columns / rows,
                      np.abs(np.mod(across + 0.5, 1) - 0.5))  # fmt: skip
    return tone * _step(edge - rng.uniform(0.01, 0.05), 0.03)


def _wood(rng: np.random.Generator) -> NDArray[np.floating]:
    """Boards with a grain along them."""
    boards = int(rng.choice([1, 2, 4, 8]))
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    board = np.floor(boards * y).astype(int)
    bend = 0.4 * _noise(rng, 1, 5) + 0.1 * _noise(rng, 5, 20)
    turns = boards * int(rng.integers(4, 12))
    grain = np.sin(2 * np.pi * (turns * y + bend + rng.random(boards)[board]))
    tone = 0.55 + 0.12 * grain + rng.normal(0, 0.08, boards)[board]
    seam = np.abs(np.mod(boards * y + 0.5, 1) - 0.5) < 0.02 * boards / 2
    return np.clip(tone * np.where(seam & (boards > 1), 0.6, 1.0), 0, 1)


_PATTERNS: tuple[Callable[[np.random.Generator], NDArray[np.floating]], ...] = (
    _plain,
    _plain,
    _plain,
    _stains,
    _stains,
    _stains,
    _tiles,
    _tiles,
    _wood,
    _wood,
    _wood,
    _clouds,
    _blotches,
    _stripes,
    _checkers,
    _wavy_stripes,
)


def _two_colours(rng: np.random.Generator) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """A darker and a lighter colour in [0, 1]: mostly muted, close, and of one hue."""
    hue = rng.uniform(0, 360)
    hues = np.array([hue, hue + rng.choice([0.0, 15.0, 180.0], p=[0.6, 0.3, 0.1])]) % 360
    loud = rng.random() < 0.2
    light = rng.uniform(0.4, 1.0)
    dark = light * (rng.uniform(0.2, 0.6) if loud else rng.uniform(0.5, 0.95))
    saturation = np.full(2, rng.uniform(0.0, 0.7 if loud else 0.3))
    hsv = np.stack([hues, saturation, [dark, light]], axis=-1)[None]
    pair = cv2.cvtColor(hsv.astype(np.float32), cv2.COLOR_HSV2RGB)[0].astype(np.float64)
    return pair[0], pair[1]
