"""Continuous-wave time of flight, as Kinect v2 and Azure Kinect do it.

What is imitated: mixed returns at edges ("flying pixels"), light that takes several bounces and
rounds concave corners. Noise grows with the square of depth and on dark surfaces. Sources:
Sarbolandi et al., "Kinect range sensing", CVIU 2015. Tölgyessy et al., "Evaluation of the Azure
Kinect and its comparison to Kinect V1 and Kinect V2", Sensors 2021.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.lq.sensor_draws import SensorClip, SensorView, shifted

STEP_M = 1e-3


def kinect_tof(view: SensorView) -> SensorClip:
    """Depth by phase.

    - An LR pixel is the mean of its block, weighted by returned light (brightness over squared
      depth): between surfaces it floats.
    - Some floating pixels are recognised, and are holes.
    - Concave corners are rounded: a share of the light comes from neighbouring surfaces.
    - Noise of 0.5 to 3 mm at 1 m on white, times depth squared, more where it is dark.
    - Holes: no light (dark and far), and beyond 4 to 12 m.
    """
    there = (view.depth_m > 0).float()
    grey = view.rgb.mean(1, keepdim=True)
    light = there * (0.05 + grey) / view.depth_m.clamp_min(0.2) ** 2
    amount = F.avg_pool2d(light, view.scale)
    mixed = F.avg_pool2d(light * view.depth_m, view.scale) / amount.clamp_min(1e-9)
    far = F.max_pool2d(view.depth_m, view.scale)
    near = -F.max_pool2d(-torch.where(view.depth_m > 0, view.depth_m, far.amax()), view.scale)
    flying = far - near > view.uniform(0.03, 0.15) * mixed
    found = flying & (view.normal(mixed) > view.uniform(-1.0, 2.5))
    corners = _rounded(mixed, view.uniform(0.0, 0.8))
    spread = view.log_uniform(5e-4, 3e-3) * mixed**2 / (0.15 + view.luma()).sqrt()
    noisy = corners + spread * view.normal(mixed)
    weak = amount < view.log_uniform(5e-4, 8e-3)
    measured = (amount > 0) & ~found & ~weak & (mixed < view.uniform(4.0, 12.0))
    lq_m = (noisy / STEP_M).round() * STEP_M
    return view.clip(lq_m, measured & (lq_m > 0), STEP_M)


def _rounded(depth_m: Tensor, amount: Tensor) -> Tensor:
    """Mix with the mean of the neighbours on the same surface: corners are rounded, planes stay."""
    around = shifted(depth_m, 2)[:, 0]
    same = ((around - depth_m).abs() < 0.06 * depth_m).float()
    mean = (around * same).sum(1, keepdim=True) / same.sum(1, keepdim=True).clamp_min(1)
    return torch.lerp(depth_m, mean, amount)
