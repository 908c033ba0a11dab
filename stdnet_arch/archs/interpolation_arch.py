"""Interpolation as a network: baseline rows of every table, the smallest arch to copy."""

from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.ops.resize import fill_in_time, upsample

MODES = ("nearest", "bilinear", "bicubic")


@ARCH_REGISTRY.register()
class Interpolation(nn.Module):
    """Upsample each depth frame on its own; the guide is not used.

    Args:
        scale: H / h.
        mode: ``nearest``, ``bilinear`` or ``bicubic`` (half-pixel centres, no antialias).
        time_scale: 2 also puts the mean of each two neighbours between them.

    Raises:
        ValueError: unknown ``mode`` or ``time_scale``.
    """

    halo = 0  # frames of context needed on each side
    multiple_of = 1  # lq sides must be divisible by this

    def __init__(self, scale: int, mode: str = "bicubic", time_scale: int = 1) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
        if time_scale not in {1, 2}:
            raise ValueError(f"time_scale must be 1 or 2, got {time_scale}")
        self.scale = scale
        self.mode = mode
        self.time_scale = time_scale

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve a clip.

        Args:
            lq: low-resolution depth (or RGB), ``(b, n, c, h, w)``.
            guide: ignored.

        Returns:
            ``pred``, ``(b, t, c, H, W)``; ``t`` is ``n``, or ``2n - 1`` at ``time_scale`` 2.
        """
        pred = upsample(lq, self.scale, self.mode)
        return {"pred": fill_in_time(pred) if self.time_scale == 2 else pred}
