"""Interpolation as a network: baseline rows of every table, the smallest arch to copy."""

from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.ops.resize import upsample

MODES = ("nearest", "bilinear", "bicubic")


@ARCH_REGISTRY.register()
class Interpolation(nn.Module):
    """Upsample each depth frame on its own; the guide is not used.

    Args:
        scale: H / h.
        mode: ``nearest``, ``bilinear`` or ``bicubic`` (half-pixel centres, no antialias).

    Raises:
        ValueError: unknown ``mode``.
    """

    halo = 0  # frames of context needed on each side
    multiple_of = 1  # lq sides must be divisible by this

    def __init__(self, scale: int, mode: str = "bicubic") -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
        self.scale = scale
        self.mode = mode

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve a clip.

        Args:
            lq: low-resolution depth, ``(b, t, 1, h, w)``.
            guide: ignored.

        Returns:
            ``{"pred": (b, t, 1, H, W)}``.
        """
        return {"pred": upsample(lq, self.scale, self.mode)}
