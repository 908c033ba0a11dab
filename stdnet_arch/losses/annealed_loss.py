"""A pixel loss that begins squared and ends as the published one."""

import math

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from stdnet_arch.losses.masked import masked_mean
from stdnet_arch.ops.precision import at_least_float32


@LOSS_REGISTRY.register()
class AnnealedPixelLoss(nn.Module):
    """Charbonnier whose eps shrinks geometrically from ``eps_start`` to ``eps_end``.

    ``sqrt(d^2 + eps^2) - eps`` is ``d^2 / (2 eps)`` for errors below eps and ``|d|`` above it.
    With the published eps (1e-6, that is 1e-12 squared) from the first step, a network trained from
    scratch stalls at bilinear: the median residual of a peak-sensor LR is zero, so the gradient of
    most pixels says "stay". A large eps behaves like the squared loss and lets the few pixels at
    edges lead; the small one then cleans the rest.

    Args:
        loss_weight: factor of the loss.
        eps_start: eps until ``anneal_start``, in normalised depth (of the order of edge errors).
        eps_end: eps from ``anneal_end`` on; the published loss has 1e-6.
        anneal_start: last iteration with ``eps_start``.
        anneal_end: first iteration with ``eps_end``.

    Raises:
        ValueError: eps not positive or growing, or the iterations are not in order.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        eps_start: float = 0.02,
        eps_end: float = 1e-6,
        anneal_start: int = 0,
        anneal_end: int = 10000,
    ) -> None:
        super().__init__()
        if not 0 < eps_end <= eps_start:
            raise ValueError(f"need 0 < eps_end <= eps_start, got {eps_end} and {eps_start}")
        if not 0 <= anneal_start < anneal_end:
            raise ValueError(
                f"need 0 <= anneal_start < anneal_end, got {anneal_start}, {anneal_end}"
            )
        self.loss_weight = loss_weight
        self.eps_start, self.eps_end = eps_start, eps_end
        self.anneal_start, self.anneal_end = anneal_start, anneal_end
        self.eps = eps_start

    def set_iteration(self, iteration: int) -> None:
        """Set eps for this iteration (counted from 1); the model calls it before every step."""
        done = (iteration - self.anneal_start) / (self.anneal_end - self.anneal_start)
        share = min(max(done, 0.0), 1.0)
        self.eps = math.exp((1 - share) * math.log(self.eps_start) + share * math.log(self.eps_end))

    def forward(self, pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Compute the loss; the toolbox's signature for pixel losses.

        Args:
            pred: any shape.
            target: shape of ``pred``.
            weight: None, or a mask of that shape: pixels that are 0 (False) do not count.

        Returns:
            A scalar, the mean over counted pixels.
        """
        valid = torch.ones_like(pred, dtype=torch.bool) if weight is None else weight.bool()
        error = (at_least_float32(pred) - target).where(valid, 0)
        # d^2 / (sqrt(d^2 + eps^2) + eps) is sqrt(d^2 + eps^2) - eps without the cancellation.
        loss = error.square() / ((error.square() + self.eps**2).sqrt() + self.eps)
        return self.loss_weight * masked_mean(loss, valid)
