"""Procedural textures for synthetic clips: tileable, band-limited, sampled without aliasing."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 256  # texels of a tile's side
LEVELS = 5  # each level has half the resolution of the one before
TEXEL_M = 0.01  # metres of surface per texel of level 0

_BORDER = 1  # texels repeated around each level, so that interpolation wraps
_WIDTH = sum((SIDE >> level) + 2 * _BORDER for level in range(LEVELS))


def make_texture(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a tileable texture: a pattern between two colours, with a little fine grain.

    Returns:
        RGB, ``(SIDE, SIDE, 3)``.
    """
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))](rng)
    dark, light = _two_colours(rng)
    colour = dark + (light - dark) * pattern[..., None]
    grain = 1 + rng.uniform(0.02, 0.1) * _noise(rng, 24, 90)[..., None]
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
        texture: index of the texture of each pixel, ``(H, W)``.
        uv_m: surface coordinates [m], ``(2, H, W)``.
        footprint_m: side of the surface that a pixel covers [m], ``(H, W)``; picks the level.

    Returns:
        RGB, ``(H, W, 3)``.
    """
    level = np.clip(np.rint(np.log2(footprint_m / TEXEL_M)), 0, LEVELS - 1).astype(np.int64)
    side = SIDE >> np.arange(LEVELS)
    left = np.cumsum(side + 2 * _BORDER) - (side + 2 * _BORDER)
    texels = np.mod(uv_m / (TEXEL_M * SIDE), 1) * side[level]
    # A texel's value stands at its centre: coordinate 0.5 is the middle of the first one.
    x = texels[0] - 0.5 + _BORDER + left[level]
    y = texels[1] - 0.5 + _BORDER + texture * (SIDE + 2 * _BORDER)
    maps = x.astype(np.float32), y.astype(np.float32)
    return cv2.remap(atlas, *maps, cv2.INTER_LINEAR).astype(np.uint8, copy=False)


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


_PATTERNS: tuple[Callable[[np.random.Generator], NDArray[np.floating]], ...] = (
    _clouds,
    _blotches,
    _stripes,
    _checkers,
    _wavy_stripes,
    _plain,
)


def _two_colours(rng: np.random.Generator) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """A darker and a lighter colour in [0, 1], of the same or of another hue."""
    hue = rng.uniform(0, 360)
    hues = np.array([hue, hue + rng.choice([0.0, 20.0, 180.0])]) % 360
    value = np.array([rng.uniform(0.15, 0.6), rng.uniform(0.6, 1.0)])
    hsv = np.stack([hues, rng.uniform(0.0, 0.7, 2), value], axis=-1)[None]
    dark, light = cv2.cvtColor(hsv.astype(np.float32), cv2.COLOR_HSV2RGB)[0].astype(np.float64)
    return dark, light
