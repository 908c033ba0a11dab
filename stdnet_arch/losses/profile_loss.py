"""Slices in time must have the gradients of the truth: no flicker, no blur along what moves."""

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from stdnet_arch.losses.masked import masked_mean
from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.profile import SLICES, profile_cells, profile_gradient


@LOSS_REGISTRY.register()
class ProfileGradientLoss(nn.Module):
    """Charbonnier of the difference between the gradients of predicted and true temporal profiles.

    ``loss_weight * mean(sqrt(along_weight * dx^2 + time_weight * dt^2 + eps^2) - eps)``, with
    ``(dx, dt)`` the difference of the gradients of a cell of an x-t slice (two pixels by two
    frames). The mean is over cells, and then over x-t and y-t slices. An idea of this project;
    temporal profiles as what to look at are those of STVSR-TP (Xiao et al., ACM MM 2020).

    Args:
        loss_weight: weight of the term beside the pixel loss.
        along_weight: weight of the gradient along a slice; 0 leaves only flicker.
        time_weight: weight of the gradient over time.
        eps: differences below it cost by their square.

    Raises:
        ValueError: a weight is negative, both are 0, or ``eps`` is not positive.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        along_weight: float = 1.0,
        time_weight: float = 1.0,
        eps: float = 1e-3,
    ) -> None:
        super().__init__()
        if min(along_weight, time_weight) < 0 or along_weight + time_weight == 0 or not eps > 0:
            raise ValueError(
                "along_weight and time_weight must be at least 0 and not both 0, eps positive; got "
                f"{along_weight}, {time_weight} and {eps}"
            )
        self.loss_weight = loss_weight
        self.along_weight, self.time_weight = along_weight, time_weight
        self.eps = eps

    def forward(self, out: dict[str, Tensor], gt: Tensor, valid: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            out: output of the network; ``pred``, ``(b, t, c, H, W)``, is read.
            gt: ground truth, shape of ``pred``, normalised like it.
            valid: bool, shape of ``gt``: a cell counts if its four pixels are valid.

        Returns:
            A scalar; 0 for clips of one frame.
        """
        valid = torch.ones_like(gt, dtype=torch.bool) if valid is None else valid
        error = (at_least_float32(out["pred"]) - gt).where(valid, 0)
        terms = []
        for slices in SLICES:
            # Gradients are linear: their difference is the gradient of the difference.
            along, over_time = profile_gradient(error, slices)
            square = self.along_weight * along.square() + self.time_weight * over_time.square()
            # sqrt(s + e^2) - e without the cancellation.
            cost = square / ((square + self.eps**2).sqrt() + self.eps)
            terms.append(masked_mean(cost, profile_cells(valid, slices)))
        return self.loss_weight * torch.stack(terms).mean()
