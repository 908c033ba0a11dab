"""Competitors without weights: interpolation, filters that follow the RGB, a filter over time.

Defaults are the best of a few on two training frames of DyDToF at x4 and x8, as a user would choose
them. Nothing was looked at on test frames.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from stdnet_arch.evaluation.benchmark.competitor import COMPETITOR_REGISTRY, FilterCompetitor
from stdnet_arch.ops.guided_filters import (
    fast_global_smoother,
    guided_filter,
    joint_bilateral_upsample,
)
from stdnet_arch.ops.resize import upsample
from stdnet_arch.ops.temporal_filter import temporal_recursive_filter

MODES = ("nearest", "bilinear", "bicubic")


def _enlarged(depth: Tensor, scale: int, mode: str = "bilinear") -> Tensor:
    return upsample(depth[None], scale, mode)[0]


@COMPETITOR_REGISTRY.register()
class Interpolated(FilterCompetitor):
    """Interpolation of each frame.

    Args:
        scale: H / h.
        mode: ``nearest``, ``bilinear`` or ``bicubic``.

    Raises:
        ValueError: unknown ``mode``.
    """

    def __init__(self, scale: int, mode: str = "bilinear") -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
        self.scale, self.mode = scale, mode

    def enlarge(self, depth: Tensor, rgb: Tensor) -> Tensor:  # noqa: ARG002
        """See :class:`FilterCompetitor`."""
        return _enlarged(depth, self.scale, self.mode)


class FrameFilter(FilterCompetitor):
    """A filter of single frames, run on one after the other: its copies of a frame are large."""

    def enlarge(self, depth: Tensor, rgb: Tensor) -> Tensor:
        """See :class:`FilterCompetitor`."""
        frames = zip(depth.split(1), rgb.split(1), strict=True)
        return torch.cat([self.enlarge_frame(*frame) for frame in frames])

    @abstractmethod
    def enlarge_frame(self, depth: Tensor, rgb: Tensor) -> Tensor:
        """As :meth:`enlarge`, one frame."""


@COMPETITOR_REGISTRY.register()
class JointBilateral(FrameFilter):
    """Joint bilateral upsampling (Kopf et al. 2007).

    Args:
        scale: H / h.
        radius: radius of the disc of samples, in pixels of the low-resolution depth.
        sigma_space: in such pixels.
        sigma_color: sum over the channels of RGB in [0, 1].
    """

    def __init__(
        self, scale: int, radius: int = 2, sigma_space: float = 0.7, sigma_color: float = 0.1
    ) -> None:
        self.scale, self.radius = scale, radius
        self.sigma_space, self.sigma_color = sigma_space, sigma_color

    def enlarge_frame(self, depth: Tensor, rgb: Tensor) -> Tensor:
        """See :class:`FrameFilter`."""
        return joint_bilateral_upsample(
            depth,
            rgb,
            radius=self.radius,
            sigma_space=self.sigma_space,
            sigma_color=self.sigma_color,
        )


@COMPETITOR_REGISTRY.register()
class GuidedFilter(FrameFilter):
    """The guided filter (He et al. 2010) on bilinear depth.

    Args:
        scale: H / h.
        radius: radius of the windows, in pixels of the low-resolution depth.
        eps: flatness of depth as a function of RGB in [0, 1].
    """

    def __init__(self, scale: int, radius: float = 1.0, eps: float = 1e-4) -> None:
        self.scale, self.eps = scale, eps
        self.radius_px = max(round(radius * scale), 1)

    def enlarge_frame(self, depth: Tensor, rgb: Tensor) -> Tensor:
        """See :class:`FrameFilter`."""
        large = _enlarged(depth, self.scale)
        radius_px = min(self.radius_px, *(side - 1 for side in rgb.shape[-2:]))
        return guided_filter(large, rgb, radius=radius_px, eps=self.eps)


@COMPETITOR_REGISTRY.register()
class FastGlobalSmoother(FrameFilter):
    """The fast global smoother (Min et al. 2014) on bilinear depth.

    Args:
        scale: H / h.
        smoothness: weight of neighbours against the data.
        sigma_color: distance of RGB in [0, 1] at which neighbours count 1/e.
    """

    def __init__(self, scale: int, smoothness: float = 10.0, sigma_color: float = 0.03) -> None:
        self.scale, self.smoothness, self.sigma_color = scale, smoothness, sigma_color

    def enlarge_frame(self, depth: Tensor, rgb: Tensor) -> Tensor:
        """See :class:`FrameFilter`."""
        large = _enlarged(depth, self.scale)
        return fast_global_smoother(
            large, rgb, smoothness=self.smoothness, sigma_color=self.sigma_color
        )


@COMPETITOR_REGISTRY.register()
class TemporalRecursive(FilterCompetitor):
    """The recursive filter of a depth camera's SDK on the sensor's frames, then interpolation.

    Args:
        scale: H / h.
        alpha: weight of the current frame; 0.4 is the SDK's.
        delta_m: a larger difference starts again [m]. The SDK's 20 units of 1 mm are below one step
            (9.8 cm) of the published low-resolution depth, hence another default.
        persistence: the SDK's mode for missing pixels, 0 to 8.
        mode: ``nearest``, ``bilinear`` or ``bicubic``.
    """

    def __init__(
        self,
        scale: int,
        alpha: float = 0.4,
        delta_m: float = 0.1,
        persistence: int = 3,
        mode: str = "bilinear",
    ) -> None:
        self.scale, self.alpha, self.delta_m = scale, alpha, delta_m
        self.persistence, self.mode = persistence, mode

    def enlarge(self, depth: Tensor, rgb: Tensor) -> Tensor:  # noqa: ARG002
        """See :class:`FilterCompetitor`."""
        smooth = temporal_recursive_filter(
            depth, alpha=self.alpha, delta=self.delta_m, persistence=self.persistence
        )
        return _enlarged(smooth, self.scale, self.mode)
