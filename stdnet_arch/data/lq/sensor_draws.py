"""Input and output of every sensor, and its random numbers: one per clip, or one per pixel."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class SensorClip(NamedTuple):
    """Measured depth."""

    lq_m: Tensor  # (n, 1, h, w) [m], 0 where nothing was measured
    measured: Tensor  # (n, 1, h, w) bool
    step_m: Tensor  # (n,) [m] distance between neighbouring values; 0: continuous
    confidence: Tensor | None = None  # (n, 1, h, w) uint8, 0 low to 2 high; None: not given


@dataclass(frozen=True)
class SensorView:
    """Exact depth and colours of ``n`` pictures before a sensor."""

    depth_m: Tensor
    rgb: Tensor
    scale: int
    generator: torch.Generator
    frames: int = 1
    clip_generator: torch.Generator | None = None
    """Source of the random numbers of whole clips; None: ``generator``."""

    def uniform(self, lo: float = 0.0, hi: float = 1.0) -> Tensor:
        """A number for each clip, ``(n, 1, 1, 1)``."""
        clips = len(self.depth_m) // self.frames
        generator = self.clip_generator or self.generator
        numbers = torch.rand(clips, generator=generator, device=self.depth_m.device)
        return (lo + (hi - lo) * numbers).repeat_interleave(self.frames).view(-1, 1, 1, 1)

    def log_uniform(self, lo: float, hi: float) -> Tensor:
        """A number for each clip whose logarithm is spread evenly, ``(n, 1, 1, 1)``."""
        return self.uniform(math.log(lo), math.log(hi)).exp()

    def normal(self, like: Tensor) -> Tensor:
        """Gaussian noise of the shape of ``like``."""
        return torch.randn(like.shape, generator=self.generator, device=like.device)

    def spots(self, like: Tensor, cells: int = 8) -> Tensor:
        """Smooth noise in space, about unit spread, of the shape of ``like``."""
        n, c, h, w = like.shape
        coarse = torch.randn(
            (n, c, max(2, h // cells), max(2, w // cells)),
            generator=self.generator,
            device=like.device,
        )
        return F.interpolate(coarse, size=(h, w), mode="bicubic", align_corners=False)

    def middle_m(self) -> Tensor:
        """Depth of the pixel nearest to the middle of each block, ``(n, 1, h, w)``; 0: unknown."""
        first = self.scale // 2
        return self.depth_m[..., first :: self.scale, first :: self.scale]

    def luma(self) -> Tensor:
        """Brightness of the blocks, ``(n, 1, h, w)``."""
        return F.avg_pool2d(self.rgb.mean(1, keepdim=True), self.scale)

    def texture(self) -> Tensor:
        """Spread of brightness within blocks and their neighbours, ``(n, 1, h, w)``."""
        grey = self.rgb.mean(1, keepdim=True)
        window = 3 * self.scale
        small = F.avg_pool2d(F.pad(grey, [self.scale] * 4, mode="replicate"), window, self.scale)
        square = F.pad(grey * grey, [self.scale] * 4, mode="replicate")
        return (F.avg_pool2d(square, window, self.scale) - small**2).clamp_min(0).sqrt()

    def clip(
        self,
        lq_m: Tensor,
        measured: Tensor,
        step_m: Tensor | float = 0.0,
        confidence: Tensor | None = None,
    ) -> SensorClip:
        """The result; holes and their confidence set to 0."""
        step = torch.as_tensor(step_m, dtype=torch.float32, device=lq_m.device)
        if confidence is not None:
            confidence = torch.where(measured, confidence, 0).to(torch.uint8)
        return SensorClip(
            torch.where(measured, lq_m, 0.0),
            measured,
            step.expand(len(lq_m)).contiguous(),
            confidence,
        )


def shifted(x: Tensor, radius: int) -> Tensor:
    """All neighbours within a square, ``(n, c, (2 r + 1)^2, h, w)``, the border repeated."""
    n, c, h, w = x.shape
    side = 2 * radius + 1
    padded = F.pad(x, [radius] * 4, mode="replicate")
    return F.unfold(padded, side).view(n, c, side * side, h, w)


def offsets(radius: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows and columns of the neighbours of :func:`shifted`, ``(1, (2 r + 1)^2, 1, 1)`` each."""
    line = torch.arange(-radius, radius + 1, device=device, dtype=torch.float32)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    return rows.reshape(1, -1, 1, 1), columns.reshape(1, -1, 1, 1)
