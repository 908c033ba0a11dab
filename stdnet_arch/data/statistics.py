"""Statistics of RGB-D pictures: to tell made scenes from real ones."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EDGE_SHARE = 0.05
"""A depth edge: neighbours whose depths differ by more than this share."""
REACH_PX = 4
"""Pixels this near a depth edge are edge pixels."""
COLOUR_STEP = 0.06
"""A colour edge: neighbours whose brightness (0 to 1) differs by more than this."""
HIDDEN_STEP = 0.02
"""A depth edge that colour hardly shows: less than this."""
GRADIENTS = (0.01, 0.03, 0.1, 0.3)
DEPTH_PERCENTS = (5, 25, 50, 75, 95)


class PictureStatistics(NamedTuple):
    """Numbers of a set of pictures."""

    pictures: int
    edge_share: float
    """Share of the pixels that lie near a depth edge."""
    edge_contrast: float
    """Median step of brightness across depth edges, from a pixel to the next."""
    hidden_edges: float
    """Share of the depth edges that brightness hardly shows."""
    colour_alone: float
    """Share of the pixels at a colour edge that have no depth edge near."""
    gradients: tuple[float, ...]
    """Shares of the steps of brightness above each of ``GRADIENTS``."""
    depth_m: tuple[float, ...]
    """Depths that ``DEPTH_PERCENTS`` of the pixels are nearer than [m]."""
    brightness: float
    """Mean, 0 to 1."""
    saturation: float
    """Mean difference of the largest and the smallest channel, 0 to 1."""


class _Counts(NamedTuple):
    """Counts of one picture."""

    edge: NDArray[np.bool_]
    across: NDArray[np.float32]
    steps: NDArray[np.float32]
    alone: NDArray[np.bool_]


def measure_pictures(
    pictures: list[tuple[NDArray[np.uint8], NDArray[np.floating]]],
) -> PictureStatistics:
    """Measure pictures; neighbours are those to the right and below.

    Args:
        pictures: colours ``(H, W, 3)`` and depth [m] ``(H, W)`` of each; depth that is 0, negative
            or not finite is unknown, and no edge.

    Raises:
        ValueError: no picture, or none with known depth.
    """
    if not pictures or not any((depth > 0).any() for _, depth in pictures):
        raise ValueError(f"expected pictures with known depth; got {len(pictures)} pictures")
    counts = [_count(rgb, np.asarray(depth, np.float32)) for rgb, depth in pictures]
    depths = np.concatenate([d[np.isfinite(d) & (d > 0)] for _, d in pictures])
    steps = np.concatenate([one.steps for one in counts])
    across = np.concatenate([one.across for one in counts])
    colours = np.concatenate([rgb.reshape(-1, 3) for rgb, _ in pictures]) / np.float32(255)
    return PictureStatistics(
        pictures=len(pictures),
        edge_share=float(np.mean([one.edge.mean() for one in counts])),
        edge_contrast=float(np.median(across)) if across.size else float("nan"),
        hidden_edges=float(np.mean(across < HIDDEN_STEP)) if across.size else float("nan"),
        colour_alone=float(np.mean([one.alone.mean() for one in counts])),
        gradients=tuple(float(np.mean(steps > least)) for least in GRADIENTS),
        depth_m=tuple(np.percentile(depths, DEPTH_PERCENTS).tolist()),
        brightness=float(colours.mean()),
        saturation=float((colours.max(axis=1) - colours.min(axis=1)).mean()),
    )


def _count(rgb: NDArray[np.uint8], depth_m: NDArray[np.float32]) -> _Counts:
    grey = rgb.astype(np.float32).mean(axis=2) / np.float32(255)
    known = np.isfinite(depth_m) & (depth_m > 0)
    log = np.log(np.where(known, depth_m, 1))
    edge, colour = np.zeros(grey.shape, bool), np.zeros(grey.shape, bool)
    across, steps = [], []
    for axis in (0, 1):
        here, there = _pairs(grey.ndim, axis)
        step = np.abs(grey[here] - grey[there])
        jump = np.abs(log[here] - log[there]) > np.log1p(EDGE_SHARE)
        jump &= known[here] & known[there]
        across.append(step[jump])
        steps.append(step.ravel())
        for side in (here, there):
            edge[side] |= jump
            colour[side] |= step > COLOUR_STEP
    near = widen(edge, REACH_PX - 1)
    alone = colour & ~widen(edge, 1)
    return _Counts(near, np.concatenate(across), np.concatenate(steps), alone)


def _pairs(ndim: int, axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All pixels but the last, and all but the first, along an axis."""
    whole = [slice(None)] * ndim
    here, there = list(whole), list(whole)
    here[axis], there[axis] = slice(None, -1), slice(1, None)
    return tuple(here), tuple(there)


def widen(mask: NDArray[np.bool_], by_px: int) -> NDArray[np.bool_]:
    """Also the pixels at most ``by_px`` away along rows and columns (a square)."""
    for axis in (0, 1):
        here, there = _pairs(mask.ndim, axis)
        for _ in range(by_px):
            wider = mask.copy()
            wider[here] |= mask[there]
            wider[there] |= mask[here]
            mask = wider
    return mask


def statistics_table(sets: Mapping[str, PictureStatistics]) -> str:
    """Statistics of several sets as a Markdown table, a column each."""
    all_of = list(sets.values())

    def row(name: str, cell: Callable[[PictureStatistics], str]) -> str:
        return f"| {name} | " + " | ".join(cell(one) for one in all_of) + " |"

    gradients, depths = [], []
    for k, least in enumerate(GRADIENTS):
        cells = " | ".join(_percent(one.gradients[k]) for one in all_of)
        gradients.append(f"| steps of brightness > {least:g} | {cells} |")
    for k, share in enumerate(DEPTH_PERCENTS):
        cells = " | ".join(f"{one.depth_m[k]:.2f}" for one in all_of)
        depths.append(f"| depth that {share} % are nearer than [m] | {cells} |")
    return "\n".join(
        [
            "| | " + " | ".join(sets) + " |",
            "|---|" + "---|" * len(sets),
            row("pictures", lambda s: str(s.pictures)),
            row(
                f"pixels within {REACH_PX} px of a depth step > 5 %",
                lambda s: _percent(s.edge_share),
            ),
            row("step of brightness across them, median", lambda s: f"{s.edge_contrast:.3f}"),
            row(f"depth edges with a step < {HIDDEN_STEP}", lambda s: _percent(s.hidden_edges)),
            row("pixels at a colour edge alone", lambda s: _percent(s.colour_alone)),
            *gradients,
            *depths,
            row("brightness, mean", lambda s: f"{s.brightness:.2f}"),
            row("saturation, mean", lambda s: f"{s.saturation:.2f}"),
        ]
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
