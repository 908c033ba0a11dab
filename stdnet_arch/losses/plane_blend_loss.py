"""PlaneBlend's loss: relative depth error, an honest error bar, and flow that finds its pixels."""

import torch
import torch.nn.functional as F
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from stdnet_arch.losses.masked import masked_mean
from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.warp import flow_warp

MOST = 3.0
"""Relative errors beyond it do not count more in the squared term."""


@LOSS_REGISTRY.register()
class PlaneBlendLoss(nn.Module):
    """Four terms, all free of the depth's scale.

    - Charbonnier ``sqrt(e^2 + eps^2) - eps`` of ``e = |pred - gt| / mean(gt of the frame)``, times
      ``robust``; eps shrinks linearly from ``eps_start`` to ``eps_end``: squared errors first, so
      that the few pixels at edges lead, absolute ones in the end.
    - ``e^2`` with ``e`` cut at 3, times ``squared``. With a ``level``, the mean ``L`` of these two
      over a clip counts as ``level * log(1 + L / level)``. Errors of a bad sensor are a hundred
      times those of others: its clips count by how much better they get, not by how bad they are.
    - ``|pred - gt| / error + log(error)``, times ``bar``: the likelihood of a Laplace distribution,
      least where ``error`` is the expected absolute error (Kendall & Gal 2017, Eq. 5 with L1).
      Its gradient reaches only ``error``.
    - Flow: distance to the true flow where it is given, else the photometric error of the frame
      before, moved by the flow; times ``motion``.

    Args:
        total_iter: iterations over which eps shrinks.
        robust: factor of the first term.
        squared: factor of the second.
        bar: factor of the third.
        motion: factor of the fourth.
        eps_start: see above, in units of the frame's mean depth.
        eps_end: see above.
        level: see above; 0: all pixels count alike.

    Raises:
        ValueError: ``total_iter`` is below 1, eps grows, or ``level`` is negative.
    """

    uses = ("guide", "flow_to_before_px", "flow_valid")

    def __init__(
        self,
        total_iter: int,
        robust: float = 5.0,
        squared: float = 10.0,
        bar: float = 0.05,
        motion: float = 0.1,
        eps_start: float = 0.3,
        eps_end: float = 0.01,
        level: float = 0.0,
    ) -> None:
        super().__init__()
        if level < 0:
            raise ValueError(f"level must be at least 0; got {level}")
        if total_iter < 1 or not 0 < eps_end <= eps_start:
            raise ValueError(
                f"need total_iter >= 1 and 0 < eps_end <= eps_start; got {total_iter}, {eps_end} "
                f"and {eps_start}"
            )
        self.total_iter = total_iter
        self.robust, self.squared, self.bar, self.motion = robust, squared, bar, motion
        self.eps_start, self.eps_end, self.level = eps_start, eps_end, level
        self.eps = eps_start

    def set_iteration(self, iteration: int) -> None:
        """Set eps for this iteration, counted from 1."""
        self.set_progress((iteration - 1) / self.total_iter)

    def set_progress(self, share: float) -> None:
        """Set eps for a share of the training that is done, 0 to 1."""
        share = min(max(share, 0.0), 1.0)
        self.eps = (1 - share) * self.eps_start + share * self.eps_end

    def forward(
        self,
        out: dict[str, Tensor],
        gt: Tensor,
        valid: Tensor,
        guide: Tensor | None = None,
        flow_to_before_px: Tensor | None = None,
        flow_valid: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            out: ``pred`` and ``error``, ``(b, t, 1, H, W)``, and, of a network that carries depth
                along, ``flow``, ``(b, t - 1, 2, H/4, W/4)``.
            gt: ``(b, t, 1, H, W)``, in the unit of ``pred``; anything where not valid.
            valid: bool, shape of ``gt``.
            guide: RGB, ``(b, t, 3, H, W)``; needed for flow without a true one.
            flow_to_before_px: true flow, of the shape of ``flow``.
            flow_valid: mask of known and seen flow, bool ``(b, t - 1, 1, H/4, W/4)``.

        Returns:
            A scalar.
        """
        gt = gt.where(valid, 0)
        count = valid.sum((2, 3, 4), keepdim=True).clamp(min=1)
        mean = (gt.sum((2, 3, 4), keepdim=True) / count).clamp_min(1e-9)
        error = (at_least_float32(out["pred"]) - gt) / mean
        charbonnier = (error.square() + self.eps**2).sqrt() - self.eps
        terms = self.robust * charbonnier + self.squared * error.clamp(-MOST, MOST).square()
        total = self._mean(terms, valid) + self.bar * self._bar(out["error"], error, mean, valid)
        if "flow" in out and out["flow"].shape[1]:
            total = total + self.motion * self._motion(
                out["flow"], guide, flow_to_before_px, flow_valid
            )
        return total

    def _mean(self, terms: Tensor, valid: Tensor) -> Tensor:
        """Mean over pixels; with a level, over clips."""
        if not self.level:
            return masked_mean(terms, valid)
        count = valid.flatten(1).sum(1)
        clips = terms.where(valid, 0).flatten(1).sum(1) / count.clamp(min=1)
        return masked_mean(self.level * torch.log1p(clips / self.level), count > 0)

    @staticmethod
    def _bar(expected: Tensor, error: Tensor, mean: Tensor, valid: Tensor) -> Tensor:
        relative = (at_least_float32(expected) / mean).clamp_min(1e-6)
        return masked_mean(error.detach().abs() / relative + relative.log(), valid)

    @staticmethod
    def _motion(
        flow: Tensor, guide: Tensor | None, truth: Tensor | None, seen: Tensor | None
    ) -> Tensor:
        if truth is not None:
            distance = ((flow - truth).square().sum(2, keepdim=True) + 0.01).sqrt()
            there = torch.ones_like(distance, dtype=torch.bool) if seen is None else seen
            return 0.25 * masked_mean(distance, there)
        if guide is None:
            raise ValueError("a network with flow needs guide or flow_to_before_px, got neither")
        small = F.avg_pool2d(guide.flatten(0, 1), 4).unflatten(0, guide.shape[:2])
        warped, inside = flow_warp(small[:, :-1].flatten(0, 1), flow.flatten(0, 1) / 4)
        difference = (warped - small[:, 1:].flatten(0, 1)).abs().mean(1, keepdim=True)
        return masked_mean(difference, inside)
