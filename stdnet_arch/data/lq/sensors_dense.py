"""Depth made dense from few laser dots, as a phone gives it.

Sources: Apple's documentation of ``ARDepthData`` (``depthMap``, and ``confidenceMap`` with the
levels low, medium and high). Luetzenburg et al., "Evaluation of the Apple iPhone 12 Pro LiDAR for
an application in geosciences", Scientific Reports 11, 2021. The latter gives dots, the reach of 5 m
and errors of 1 cm.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.lq.sensor_draws import SensorClip, SensorView, offsets, shifted

STEP_M = 1e-3  # recorders save whole millimetres
_RADIUS = 4


def iphone(view: SensorView) -> SensorClip:
    """Dots on a shaken grid, 1.5 to 4 LR pixels apart, spread by distance and likeness of colour.

    Edges lie where colours say or half way between dots, one to four LR pixels from the truth; thin
    things come and go. Nothing is a hole, but the confidence says how sure it is, 0 (low) to 2
    (high). It is 0 far away (beyond 5 to 9 m) and, in half of the clips, at edges. It is 1 beside
    those and beyond 0.7 of that distance, and 2 elsewhere. In one of two clips 0 counts as not
    measured.
    """
    exact = view.middle_m()
    noise = 1 + view.normal(exact) * view.log_uniform(0.001, 0.01)
    pitch = view.uniform(1.5, 4.0)
    dots = _dots(view, exact, pitch) & (exact > 0)
    colours = F.avg_pool2d(view.rgb, view.scale)
    reach = view.uniform(0.22, 0.5) * pitch
    dense = _spread(exact * noise, dots, colours, reach, view.log_uniform(0.02, 0.5))
    dense = _smooth(dense, view.uniform(0.0, 0.8))
    farthest = F.max_pool2d(dense, 3, 1, 1)
    steep = farthest + F.max_pool2d(-dense, 3, 1, 1) > 0.08 * dense
    far_m = view.uniform(5.0, 9.0)
    doubtful = (dense > far_m) | (steep & (view.uniform() < 0.5))
    beside = F.max_pool2d(doubtful.float(), 3, 1, 1) > 0
    confidence = 2 - (beside | (dense > 0.7 * far_m)).int() - doubtful.int()
    measured = ~(doubtful & (view.uniform() < 0.5)) & (dense > 0)
    lq_m = (dense / STEP_M).round() * STEP_M
    return view.clip(lq_m, measured & (lq_m > 0), STEP_M, confidence)


def _dots(view: SensorView, like: Tensor, pitch: Tensor) -> Tensor:
    """Draw where lasers hit: a grid of that pitch in LR pixels, some of its dots missing."""
    h, w = like.shape[-2:]
    shake = view.normal(pitch) * 0.3
    x = torch.arange(w, device=like.device) + view.uniform(0, 8) + shake
    y = torch.arange(h, device=like.device)[:, None] + view.uniform(0, 8) + shake
    column = (x / pitch).floor() != ((x - 1) / pitch).floor()
    row = (y / pitch).floor() != ((y - 1) / pitch).floor()
    kept = view.normal(like) < 1.3
    return column & row & kept


def _spread(
    depth_m: Tensor, dots: Tensor, colours: Tensor, reach: Tensor, likeness: Tensor
) -> Tensor:
    """Mean of the dots around, weighted by distance [LR pixels] and difference of colour."""
    rows, columns = offsets(_RADIUS, depth_m.device)
    weight = torch.exp(-(rows**2 + columns**2) / (2 * reach**2).clamp_min(0.1))
    weight = weight * shifted(dots.float(), _RADIUS)[:, 0]
    difference = torch.zeros_like(weight)
    for channel in range(3):
        colour = colours[:, channel : channel + 1]
        difference = difference + (shifted(colour, _RADIUS)[:, 0] - colour) ** 2
    weight = weight * torch.exp(-difference / (2 * likeness**2)).clamp_min(1e-6)
    total = weight.sum(1, keepdim=True)
    mean = (weight * shifted(depth_m, _RADIUS)[:, 0]).sum(1, keepdim=True)
    return torch.where(total > 1e-12, mean / total.clamp_min(1e-12), depth_m)


def _smooth(x: Tensor, amount: Tensor) -> Tensor:
    """Mix with the 3x3 mean, by 0 to 1."""
    mean = F.avg_pool2d(F.pad(x, [1] * 4, mode="replicate"), 3, 1)
    return torch.lerp(x, mean, amount)
