"""Loss of low-resolution depth that is refined: where it lies beside its own surface."""

import torch.nn.functional as F
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from stdnet_arch.losses.masked import masked_mean

ONE_SURFACE = 0.04
"""Share of the depth by which pixels of a block may differ, if they are of one surface."""


@LOSS_REGISTRY.register()
class SurfaceLoss(nn.Module):
    """Mean of ``|surface - mean of the block| / limit``, over blocks of one surface.

    A block counts if all of its pixels are valid, something was measured in it, and its depths
    differ by 4 % at most. The mean of a plane over a block is its depth in the block's middle.

    Args:
        total_iter: iterations of the training, which this loss does not depend on.
        factor: factor of the loss.
    """

    def __init__(self, total_iter: int = 1, factor: float = 1.0) -> None:
        super().__init__()
        self.total_iter, self.factor = total_iter, factor

    def set_progress(self, share: float) -> None:
        """Take notice of the share of the training that is done: it changes nothing here."""

    def forward(self, out: dict[str, Tensor], gt: Tensor, valid: Tensor, **_: object) -> Tensor:
        """Compute the loss.

        Args:
            out: ``surface``, 0 where nothing was measured, and ``limit``, by how much it may have
                been moved, ``(b, t, 1, h, w)`` both.
            gt: depth in the unit of ``surface``, ``(b, t, 1, H, W)``; anything where not valid.
            valid: bool, shape of ``gt``.
        """
        surface = out["surface"].flatten(0, 1)
        scale = gt.shape[-1] // surface.shape[-1]
        depth = gt.where(valid, 0).flatten(0, 1)
        mean = F.avg_pool2d(depth, scale)
        farthest, nearest = F.max_pool2d(depth, scale), -F.max_pool2d(-depth, scale)
        one = (nearest > 0) & (farthest - nearest < ONE_SURFACE * mean) & (surface > 0)
        limit = out["limit"].flatten(0, 1).clamp_min(1e-9)
        return self.factor * masked_mean((surface - mean).abs() / limit, one)
