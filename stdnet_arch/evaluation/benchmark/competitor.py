"""Everything that is compared has two methods: ``load`` and ``infer``; found by registration.

A class in ``evaluation/*_competitor.py`` with ``@COMPETITOR_REGISTRY.register()`` takes part.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from basicsr.utils.registry import Registry
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

COMPETITOR_REGISTRY = Registry("competitor")


class Competitor(Protocol):
    """Low-resolution depth and RGB of a clip in, high-resolution depth out, all in metres."""

    scale: int
    """H / h."""

    def load(self) -> None:
        """Get ready; called once, before :meth:`infer`. What it costs is not part of inference."""

    def infer(self, lq_m: ArrayLike, guide: ArrayLike) -> NDArray[np.float32]:
        """Super-resolve a clip.

        Args:
            lq_m: depth [m], ``(t, h, w)``; 0 where there is none.
            guide: RGB, ``(t, H, W, 3)``, uint8, or floating point in [0, 1].

        Returns:
            Depth [m], ``(t, H, W)``.

        Raises:
            ValueError, TypeError: what came is no such clip.
        """


def build_competitor(options: Mapping[str, Any]) -> Competitor:
    """Make a competitor.

    Args:
        options: ``type``, a name in :data:`COMPETITOR_REGISTRY`, and the arguments of that class.

    Raises:
        ValueError: no ``type``, or unknown.
        TypeError: arguments that the class does not take.
    """
    given = dict(options)
    kind = given.pop("type", None)
    if kind not in COMPETITOR_REGISTRY:
        known = ", ".join(sorted(COMPETITOR_REGISTRY.keys()))
        raise ValueError(f"a competitor's type must be one of {known}; got {kind!r}")
    try:
        return COMPETITOR_REGISTRY.get(kind)(**given)
    except TypeError as error:
        raise TypeError(f"competitor {kind} cannot be made from {given}: {error}") from error


def read_clip(lq_m: ArrayLike, guide: ArrayLike, scale: int) -> tuple[Tensor, Tensor]:
    """Turn the arguments of :meth:`Competitor.infer` into tensors.

    Returns:
        Depth [m], ``(t, 1, h, w)``, and RGB in [0, 1], ``(t, 3, H, W)``, both float32.

    Raises:
        ValueError, TypeError: see :class:`Competitor`.
    """
    depth, rgb = torch.as_tensor(lq_m), torch.as_tensor(guide)
    if depth.ndim != 3 or rgb.ndim != 4 or rgb.shape[-1] != 3 or not len(depth):
        raise ValueError(
            f"a clip is depth (t, h, w) and RGB (t, H, W, 3) of at least one frame; got "
            f"{tuple(depth.shape)} and {tuple(rgb.shape)}"
        )
    t, h, w = depth.shape
    if rgb.shape[:3] != (t, h * scale, w * scale):
        raise ValueError(
            f"RGB must have {scale} times the sides of the depth, and its frames: depth is "
            f"{(t, h, w)}, which needs {(t, h * scale, w * scale)}; got {tuple(rgb.shape[:3])}"
        )
    if not depth.is_floating_point():
        raise TypeError(f"depth must be floating point metres, got {depth.dtype}")
    if rgb.dtype == torch.uint8:
        rgb = rgb.float() / 255
    elif not rgb.is_floating_point():
        raise TypeError(f"RGB must be uint8, or floating point in [0, 1]; got {rgb.dtype}")
    return depth.float()[:, None], rgb.float().permute(0, 3, 1, 2).contiguous()


class FilterCompetitor(ABC):
    """A rule without weights, on the CPU."""

    scale: int

    def load(self) -> None:  # noqa: B027  a rule has nothing to load, unless it says so
        """Nothing to load."""

    def infer(self, lq_m: ArrayLike, guide: ArrayLike) -> NDArray[np.float32]:
        """See :class:`Competitor`."""
        depth, rgb = read_clip(lq_m, guide, self.scale)
        with torch.no_grad():
            return self.enlarge(depth, rgb)[:, 0].numpy()

    @abstractmethod
    def enlarge(self, depth: Tensor, rgb: Tensor) -> Tensor:
        """Depth [m] ``(t, 1, h, w)`` and RGB ``(t, 3, H, W)`` -> depth [m], ``(t, 1, H, W)``."""
