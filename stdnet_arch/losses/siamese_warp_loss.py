"""Neighbouring frames must agree along the flow: ToSR's losses (Zhang et al., ICCV 2019)."""

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from stdnet_arch.losses.flow import FlowSource, NeighborFlow, visible_in_next
from stdnet_arch.losses.masked import mean_over_pixels
from stdnet_arch.losses.motion_weighted_loss import check_colour_clips
from stdnet_arch.losses.penalty import read_penalty
from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.warp import warp_known

FORMS = ("difference", "constant")


class _SiameseWarp(nn.Module):
    """Common part of both forms of the loss; see :class:`SiameseWarpLoss`."""

    def __init__(
        self,
        loss_weight: float = 1.0,
        pixel_weight: float = 0.0,
        warp_sr_weight: float = 0.8,
        warp_hr_weight: float = 0.1,
        form: str = "difference",
        criterion: str = "charbonnier",
        flow: str = "given",
        flow_weights: str | None = None,
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
        self.loss_weight, self.pixel_weight = loss_weight, pixel_weight
        self.warp_sr_weight, self.warp_hr_weight = warp_sr_weight, warp_hr_weight
        self.form = form
        self.penalty = read_penalty(criterion)
        self.source = FlowSource(flow, flow_weights)

    def _compute(
        self,
        pred: Tensor,
        gt: Tensor,
        valid: Tensor,
        flow_px: Tensor | None,
        colour: Tensor | None,
    ) -> Tensor:
        pred, gt = at_least_float32(pred), gt.where(valid, 0)
        total = 0 * pred.where(valid, 0).sum()
        if self.pixel_weight:
            cost = self.penalty((pred - gt).where(valid, 0))
            # Alpha of the paper weighs the sum of both frames of a pair.
            frames = (slice(-1), slice(1, None)) if gt.shape[1] > 1 else (slice(None),)
            for part in frames:
                mean = mean_over_pixels(cost[:, part], valid[:, part])
                total = total + self.pixel_weight * mean
        if gt.shape[1] > 1:
            flow = self.source(flow_px, colour)
            sr, hr, counted = warp_errors(pred, gt, valid, flow, self.form)
            for weight, error in ((self.warp_sr_weight, sr), (self.warp_hr_weight, hr)):
                total = total + weight * mean_over_pixels(self.penalty(error), counted)
        return self.loss_weight * total


@LOSS_REGISTRY.register()
class SiameseWarpLoss(_SiameseWarp):
    """``pixel + 0.8 Warp-SR + 0.1 Warp-HR``, the mean over all pairs of neighbouring frames.

    As in the paper, ``pixel`` is the sum of both frames' errors, so that frames inside a clip count
    twice. Each error is a mean over pixels of what their channels cost together.

    ``W`` is the bilinear lookup along the flow from frame i to i + 1. ToSR compares the frame with
    what is found in the next one, as if a point kept its value: Warp-SR ``P[i] - W P[i+1]``,
    Warp-HR ``G[i] - W P[i+1]``. Depth changes along a path (``constant`` would flatten motion in
    depth), so the default, ``difference``, compares the *change* with the true change
    ``G[i] - W G[i+1]``: Warp-SR is then how much the error of a point changes, Warp-HR the error
    itself where the flow goes.

    Pixels count where the truth is valid here and in all neighbours that the lookup mixes, and the
    flow stays inside. Where the flow back is known (flow that is estimated), the point must be
    visible in the next frame.

    Args:
        loss_weight: factor of the whole.
        pixel_weight: alpha of the paper; 0 where ``pixel_opt`` does that.
        warp_sr_weight: beta of the paper.
        warp_hr_weight: gamma of the paper.
        form: see above.
        criterion: ``l1``, ``l2`` (the paper's), ``huber`` (its script's) or ``charbonnier``.
        flow: ``given``, ``tvl1``, ``raft_small``, ``raft_large``; see
            :class:`~stdnet_arch.losses.flow.FlowSource`.
        flow_weights: for RAFT.

    Raises:
        ValueError: an option that does not exist.
    """

    uses = ("flow_px", "guide")

    def forward(
        self,
        out: dict[str, Tensor],
        gt: Tensor,
        valid: Tensor | None = None,
        flow_px: Tensor | None = None,
        guide: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            out: ``pred``, ``(b, t, c, H, W)``, is read.
            gt: shape of ``pred``.
            valid: bool, shape of ``gt``.
            flow_px: (dx, dy) to the next frame, ``(b, t - 1, 2, H, W)``, for ``flow: given``.
            guide: RGB, ``(b, t, 3, H, W)``, for flow that is estimated; RGB truth is its own.

        Returns:
            A scalar; a clip of one frame has no pair.
        """
        valid = torch.ones_like(gt, dtype=torch.bool) if valid is None else valid
        colour = gt if guide is None and gt.shape[2] == 3 else guide
        return self._compute(out["pred"], gt, valid, flow_px, colour)


@LOSS_REGISTRY.register()
class SiameseWarpPixelLoss(_SiameseWarp):
    """ToSR's whole loss in the toolbox's form, for ``pixel_opt`` of its video models.

    Flow from the truth; alpha, beta, gamma are 1, 0.8, 0.1 as in the paper, values are taken to be
    constant along the flow. Options as of :class:`SiameseWarpLoss`.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        pixel_weight: float = 1.0,
        warp_sr_weight: float = 0.8,
        warp_hr_weight: float = 0.1,
        criterion: str = "l2",
        flow: str = "tvl1",
        flow_weights: str | None = None,
    ) -> None:
        super().__init__(
            loss_weight,
            pixel_weight,
            warp_sr_weight,
            warp_hr_weight,
            form="constant",
            criterion=criterion,
            flow=flow,
            flow_weights=flow_weights,
        )

    def forward(self, pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            pred: RGB clips, ``(b, t, 3, H, W)``.
            target: the same shape.
            weight: None, or a mask of that shape: what is 0 does not count.

        Returns:
            A scalar.

        Raises:
            ValueError: single images, which have no neighbours.
        """
        check_colour_clips(type(self).__name__, pred, target)
        valid = torch.ones_like(target, dtype=torch.bool) if weight is None else weight.bool()
        return self._compute(pred, target, valid, None, target)


def warp_errors(
    pred: Tensor, gt: Tensor, valid: Tensor, flow: NeighborFlow, form: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the errors of Warp-SR and Warp-HR; see :class:`SiameseWarpLoss`.

    Args:
        pred: ``(b, t, c, H, W)``.
        gt: the same shape, a number everywhere.
        valid: bool, the same shape.
        flow: source of the flow of the clips.
        form: one of ``FORMS``.

    Returns:
        Both errors, ``(b, t - 1, c, H, W)``, 0 where they do not count, and where they do, bool
        ``(b, t - 1, 1, H, W)``.
    """
    pairs = flow.to_next.shape[:2]
    known = valid.all(dim=2, keepdim=True)
    both = torch.cat((pred, gt), 2)[:, 1:].flatten(0, 1)
    found, there = warp_known(both, known[:, 1:].flatten(0, 1), flow.to_next.flatten(0, 1))
    later, later_gt = found.unflatten(0, pairs).chunk(2, dim=2)
    counted = known[:, :-1] & there.unflatten(0, pairs)
    seen = visible_in_next(flow)
    if seen is not None:
        counted = counted & seen
    change = gt[:, :-1] - later_gt if form == "difference" else 0
    sr = (pred[:, :-1] - later - change).where(counted, 0)
    hr = (gt[:, :-1] - later - change).where(counted, 0)
    return sr, hr, counted
