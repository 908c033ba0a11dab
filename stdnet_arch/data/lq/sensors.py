"""Sensors by name, batched on any device: exact depth to what such a device would give.

The presets and what they imitate:

- ``dtof_peak``: the published direct time-of-flight rule (Sun et al., "Consistent direct
  time-of-flight video depth super-resolution", CVPR 2023), value by value
  :func:`stdnet_arch.data.lq.dtof_sensor.dtof_peak`.
- ``dtof_photons``: the same sensor counting photons, with sunlight
  (:func:`stdnet_arch.data.lq.dtof_histogram.dtof_photon_peak` in distribution).
- ``iphone``: few laser dots, spread and smoothed with the picture's help
  (:mod:`stdnet_arch.data.lq.sensors_dense`): no holes, edges soft and out of place by several
  pixels, and a confidence. After what ARKit's ``sceneDepth`` looks like; its rule is secret.
- ``realsense``: stereo (:mod:`stdnet_arch.data.lq.sensors_stereo`).
- ``kinect_tof``: continuous-wave time of flight (:mod:`stdnet_arch.data.lq.sensors_tof`).
- ``clean_area``, ``clean_nearest``, ``clean_stride``: the mean, the middle, or the first pixel of
  each block, without any fault; the first two are those of
  :mod:`stdnet_arch.data.lq.depth_resize`.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from stdnet_arch.data.lq.sensor_draws import SensorClip, SensorView
from stdnet_arch.data.lq.sensors_dense import iphone
from stdnet_arch.data.lq.sensors_dtof import dtof_peak, dtof_photons
from stdnet_arch.data.lq.sensors_stereo import realsense
from stdnet_arch.data.lq.sensors_tof import kinect_tof


def clean_area(view: SensorView) -> SensorClip:
    """Mean of the measured pixels of each block."""
    there = (view.depth_m > 0).float()
    total = F.avg_pool2d(view.depth_m, view.scale)
    share = F.avg_pool2d(there, view.scale)
    return view.clip(total / share.clamp_min(1e-6), share > 0)


def clean_nearest(view: SensorView) -> SensorClip:
    """The pixel in the middle of each block."""
    return _every(view, view.scale // 2)


def clean_stride(view: SensorView) -> SensorClip:
    """The first pixel of each block."""
    return _every(view, 0)


def _every(view: SensorView, first: int) -> SensorClip:
    picked = view.depth_m[..., first :: view.scale, first :: view.scale]
    return view.clip(picked, picked > 0)


PRESETS: dict[str, Callable[[SensorView], SensorClip]] = {
    "dtof_peak": dtof_peak,
    "dtof_photons": dtof_photons,
    "iphone": iphone,
    "realsense": realsense,
    "kinect_tof": kinect_tof,
    "clean_area": clean_area,
    "clean_nearest": clean_nearest,
    "clean_stride": clean_stride,
}
"""Presets that :func:`degrade` knows by name."""


@torch.no_grad()
def degrade(
    depth_m: Tensor,
    rgb: Tensor,
    scale: int,
    preset: str,
    generator: torch.Generator,
    frames: int = 1,
    clip_generator: torch.Generator | None = None,
) -> SensorClip:
    """Measure exact depth with a sensor.

    Args:
        depth_m: depth [m], ``(n, 1, H, W)``, ``H`` and ``W`` divisible by ``scale``; 0: unknown.
        rgb: colours in [0, 1], ``(n, 3, H, W)``; dark and plain things are hard to measure.
        scale: HR pixels per LR pixel, along each side.
        preset: a name of :data:`PRESETS`.
        generator: generator of random numbers, on the device of the tensors.
        frames: so many frames after one another are one clip, and have a sensor in common.
        clip_generator: generator of a clip's sensor; None: ``generator``. With it, frames
            that are measured one by one have the same sensor.

    Returns:
        ``lq_m`` [m] (0 where nothing was measured), ``measured``, ``step_m``, and of ``iphone``
        ``confidence`` (0 to 2; None of the others).

    Raises:
        ValueError: an unknown preset, or shapes that do not fit.
    """
    if preset not in PRESETS:
        raise ValueError(f"the sensor must be one of {', '.join(PRESETS)}; got {preset!r}")
    n, _, H, W = depth_m.shape
    if depth_m.shape != (n, 1, H, W) or rgb.shape != (n, 3, H, W) or H % scale or W % scale:
        raise ValueError(
            f"expected depth_m (n, 1, H, W) and rgb (n, 3, H, W) with sides divisible by {scale}, "
            f"got {tuple(depth_m.shape)} and {tuple(rgb.shape)}"
        )
    if n % frames:
        raise ValueError(f"{n} pictures are not a whole number of clips of {frames} frames")
    chance = generator, frames, clip_generator
    return PRESETS[preset](SensorView(depth_m.float(), rgb.float(), scale, *chance))


__all__ = ["PRESETS", "SensorClip", "degrade"]
