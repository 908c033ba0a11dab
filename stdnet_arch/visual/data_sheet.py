"""A sheet of pictures and a table of numbers of several sources, side by side."""

import json
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.sources.source import Source, build_source
from stdnet_arch.data.statistics import PictureStatistics, measure_pictures
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.visual.colorize import colorize_depth, depth_range

Picture = tuple[NDArray[np.uint8], NDArray[np.float32]]


@dataclass(frozen=True)
class PictureSet:
    """A source and how to open it."""

    name: str
    source: str
    root: str = ""
    source_opt: dict[str, Any] = field(default_factory=dict)


def parse_set(text: str) -> PictureSet:
    """``NAME=SOURCE``, ``NAME=SOURCE@ROOT``, each with ``:{"option": ...}`` behind it.

    Raises:
        ValueError: another form.
    """
    name, equals, rest = text.partition("=")
    rest, colon, options = rest.partition(":{")
    source, _, root = rest.partition("@")
    if not (equals and name and source):
        raise ValueError(f'expected NAME=SOURCE@ROOT:{{"option": value}}; got {text!r}')
    try:
        source_opt = json.loads("{" + options) if colon else {}
    except ValueError as error:
        raise ValueError(f"{name}: expected options in JSON; got {{{options}: {error}") from error
    return PictureSet(name, source, root, source_opt)


def take_pictures(
    wanted: PictureSet, most: int, farthest_m: float = 100.0, size: tuple[int, int] | None = None
) -> list[Picture]:
    """Pictures spread evenly over a source: few of each clip rather than few clips.

    Args:
        wanted: name of the source.
        most: largest number of pictures.
        farthest_m: depth beyond it is unknown (the sky).
        size: height and width of the middle to keep; None: all.
    """
    source = build_source(wanted.source, wanted.root, wanted.source_opt)
    frames = [(clip, i) for clip, count in source.clips().items() for i in range(count)]
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int))
    return [_picture(source, frames[k], farthest_m, size) for k in chosen]


def _picture(
    source: Source, frame: tuple[str, int], farthest_m: float, size: tuple[int, int] | None
) -> Picture:
    clip, i = frame
    rgb, depth_m = np.asarray(source.guide(clip, i)), np.asarray(source.depth_m(clip, i))
    if rgb.shape[:2] != depth_m.shape:
        raise InputError(
            f"a data sheet needs RGB and depth of one size; frame {i} of {clip!r} has "
            f"{rgb.shape[:2]} and {depth_m.shape}"
        )
    if size is not None:
        top, left = (max(0, (a - b) // 2) for a, b in zip(depth_m.shape, size, strict=True))
        box = slice(top, top + size[0]), slice(left, left + size[1])
        rgb, depth_m = rgb[box], depth_m[box]
    known = np.isfinite(depth_m) & (depth_m > 0) & (depth_m <= farthest_m)
    return rgb, np.where(known, depth_m, 0).astype(np.float32)


def draw_sheet(sets: dict[str, list[Picture]], each: int, height: int = 120) -> NDArray[np.uint8]:
    """RGB over depth, ``each`` pictures of every set in two rows, its name before them.

    Args:
        sets: name to pictures.
        each: pictures shown of a set.
        height: height of a picture on the sheet; its width follows.

    Returns:
        The sheet, RGB ``(H, W, 3)``; depth is coloured picture by picture, near is red.
    """
    rows = []
    for name, pictures in sets.items():
        chosen = [pictures[k] for k in np.linspace(0, len(pictures) - 1, each).round().astype(int)]
        label = np.full((2 * height, 40, 3), 255, np.uint8)
        label = np.rot90(_write(np.rot90(label, -1).copy(), name))
        columns = [
            np.vstack([_fit(rgb, height), _fit(_colours(depth), height)]) for rgb, depth in chosen
        ]
        rows.append(np.hstack([label, *columns]))
    width = max(row.shape[1] for row in rows)
    padded = [
        np.pad(r, ((0, 6), (0, width - r.shape[1]), (0, 0)), constant_values=255) for r in rows
    ]
    return np.vstack(padded)


def _colours(depth_m: NDArray[np.float32]) -> NDArray[np.uint8]:
    return colorize_depth(depth_m, depth_range(depth_m))


def _fit(image: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    width = round(image.shape[1] * height / image.shape[0])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _write(image: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    cv2.putText(image, text, (8, 27), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
    return image


def measure_sets(sets: dict[str, list[Picture]]) -> dict[str, PictureStatistics]:
    """Statistics of each set."""
    return {name: measure_pictures(pictures) for name, pictures in sets.items()}
