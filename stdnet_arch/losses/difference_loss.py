"""STDNet's difference regularisation (Wang et al., AAAI 2026, Eq. 11-13)."""

import torch
import torch.nn.functional as F
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from stdnet_arch.losses.masked import masked_mean
from stdnet_arch.ops.difference import temporal_difference
from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.resize import upsample

KEYS = ("pred", "sigma", "phi_1", "phi_2")


@LOSS_REGISTRY.register()
class DifferenceLoss(nn.Module):
    """Errors weigh more where depth has edges, and features must change as much as depth does.

    ``loss_weight * (spatial_weight * sum of L_sd + temporal_weight * sum of L_td)``: one L_sd per
    stage, one L_td per stage and distance (1 and 2 frames).

    Args:
        loss_weight: weight of the whole term beside the pixel loss.
        spatial_weight: weight of the two L_sd (the paper's 0.5 * 0.2).
        temporal_weight: weight of the four L_td.
    """

    def __init__(
        self,
        loss_weight: float = 0.01,
        spatial_weight: float = 0.1,
        temporal_weight: float = 0.5,
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.spatial_weight = spatial_weight
        self.temporal_weight = temporal_weight

    def forward(self, out: dict[str, Tensor], gt: Tensor, valid: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            out: output of STDNet; ``pred``, ``sigma``, ``phi_1`` and ``phi_2`` are read.
            gt: ground truth, ``(b, t, 1, H, W)``, normalised like ``pred``.
            valid: bool, shape of ``gt``: False where ``gt`` is no depth; those pixels count
                nowhere.

        Returns:
            A scalar; clips of one frame have no temporal terms.

        Raises:
            KeyError: ``out`` lacks what is read.
        """
        missing = [key for key in KEYS if key not in out]
        if missing:
            raise KeyError(
                f"DifferenceLoss reads {', '.join(KEYS)} of STDNet's output; missing: {missing}"
            )
        # The paper has no mask: every pixel counts, also where the truth is 0. Without depth there
        # is no error to weigh and no change to compare with, so those pixels count nowhere here.
        valid = torch.ones_like(gt, dtype=torch.bool) if valid is None else valid
        gt = gt.where(valid, 0)
        spatial = gt.new_zeros(())
        for sigma in out["sigma"]:
            spatial = spatial + spatial_term(out["pred"], gt, sigma, valid)
        temporal = gt.new_zeros(())
        for step in (1, 2):
            for phi in out[f"phi_{step}"]:
                temporal = temporal + temporal_term(gt, phi, valid, step)
        return self.loss_weight * (self.spatial_weight * spatial + self.temporal_weight * temporal)


def spatial_term(pred: Tensor, gt: Tensor, sigma: Tensor, valid: Tensor) -> Tensor:
    """L_sd of one stage: mean of ``|s * (pred - gt)|``, ``s`` large at the edges of depth.

    Args:
        pred: ``(b, t, 1, H, W)``.
        gt: shape of ``pred``, finite.
        sigma: R(sigma) before enlargement, ``(b, t, 1, H/4, W/4)``.
        valid: bool, shape of ``pred``.

    Returns:
        A scalar, 0 when nothing is valid.
    """
    edge = F.elu(at_least_float32(upsample(sigma, 4, "bicubic")))
    # Paper: Eq. 11 weighs by (sigma - min sigma). The authors' code has ELU and adds 1, and the
    # published weights were trained so. The minimum is each frame's own, over its valid pixels.
    # Theirs is broadcast over a wrong axis, (b, t, t, H, W): nearly the same value in t times the
    # memory.
    lowest = edge.where(valid, torch.inf).amin(dim=(2, 3, 4), keepdim=True)
    weight = (edge - lowest.where(lowest.isfinite(), 0)) + 1
    return masked_mean((weight * (pred - gt)).abs(), valid)


def temporal_term(gt: Tensor, phi: Tensor, valid: Tensor, step: int) -> Tensor:
    """L_td of one stage and distance: mean of ``|R(phi) - |gt[i + step] - gt[i]||``.

    Args:
        gt: ``(b, t, 1, H, W)``, finite.
        phi: R(phi) before enlargement, ``(b, t - step, 1, H/4, W/4)``.
        valid: bool, shape of ``gt``; a pair counts where both frames are valid.
        step: distance in frames.

    Returns:
        A scalar, 0 when nothing is valid.
    """
    # Unlike R(sigma), R(phi) passes no ELU in the authors' code, although what it is compared with
    # is never negative.
    change = temporal_difference(gt, step)
    both = valid[:, step:] & valid[:, :-step]
    return masked_mean((at_least_float32(upsample(phi, 4, "bicubic")) - change).abs(), both)
