"""Scores of a stage's depth video by StereoDiff's protocol, in constant memory."""

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stdnet_arch.metrics.flicker_metric import absrel_band
from stdnet_arch.metrics.pixels import LineFit

Pair = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Depth of a stage and true depth [m], of one frame, of any two sizes."""
BANDS = 11


def score_video(pairs: Callable[[], Iterable[Pair]], align: str = "none") -> dict[str, float]:
    """Errors of a depth video where it has depth (above 0) and the truth has, too.

    Args:
        pairs: the frames, from the first one on, each time it is called.
        align: ``none``, ``scale`` or ``scale-shift`` (the paper's): one line for the video.

    Returns:
        ``absrel`` and ``delta_1_25``: means over frames; ``rmse_cm`` over all pixels;
        ``absrel_f0``, ``absrel_f10``: slow and quick swings of AbsRel (see
        ``calculate_absrel_band``); ``known``: share of the pixels with depth.
    """
    fit = LineFit()
    for depth_m, gt_m, judged, _ in _frames(pairs()):
        fit.add(depth_m, gt_m, judged)
    line = fit.line(align)
    absrel, delta, known, squares, pixels = [], [], [], 0.0, 0
    for depth_m, gt_m, judged, share in _frames(pairs()):
        known.append(share)
        if not judged.any():
            absrel.append(math.nan)
            continue
        pred, gt = line.scale * depth_m[judged] + line.shift, gt_m[judged]
        absrel.append(float(((pred - gt).abs() / gt).mean()))
        delta.append(float(((pred < 1.25 * gt) & (gt < 1.25 * pred)).double().mean()))
        squares, pixels = squares + float(((pred - gt) ** 2).sum()), pixels + len(gt)
    series = torch.tensor(absrel, dtype=torch.float64)
    return {
        "absrel": float(series.nanmean()),
        "delta_1_25": float(np.mean(delta)) if delta else math.nan,
        "rmse_cm": 100 * math.sqrt(squares / pixels) if pixels else math.nan,
        "absrel_f0": absrel_band(series, 0, BANDS),
        "absrel_f10": absrel_band(series, BANDS - 1, BANDS),
        "known": float(np.mean(known)),
    }


def _frames(pairs: Iterable[Pair]) -> Iterator[tuple[Tensor, Tensor, Tensor, float]]:
    """Depth, truth at its size (nearest pixels), what of them is judged, share with depth."""
    for depth, truth in pairs:
        depth_m = torch.from_numpy(np.array(depth, np.float64))
        gt = torch.from_numpy(np.array(truth, np.float64))[None, None]
        gt_m = F.interpolate(gt, size=depth_m.shape, mode="nearest-exact")[0, 0]
        known = depth_m.isfinite() & (depth_m > 0)
        yield depth_m, gt_m, known & gt_m.isfinite() & (gt_m > 0), float(known.double().mean())
