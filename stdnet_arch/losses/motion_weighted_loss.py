"""Errors weigh more where things move: SoSR's weighted error (Zhang et al., ICCV 2019), masked."""

import math

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from stdnet_arch.losses.flow import FlowSource, NeighborFlow
from stdnet_arch.losses.masked import mean_over_pixels
from stdnet_arch.losses.penalty import read_penalty
from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.warp import warp_known

WEIGHTS = ("flow", "scene_flow", "depth_diff")


class _MotionWeighted(nn.Module):
    """Common part of both forms of the loss; see :class:`MotionWeightedLoss`."""

    def __init__(
        self,
        loss_weight: float = 1.0,
        weight: str = "flow",
        criterion: str = "charbonnier",
        floor: float = 0.25,
        normalize: bool = True,
        focal_px: float | None = None,
        flow: str = "given",
        flow_weights: str | None = None,
    ) -> None:
        super().__init__()
        if weight not in WEIGHTS:
            raise ValueError(f"weight must be one of {', '.join(WEIGHTS)}, got {weight!r}")
        if not floor >= 0:
            raise ValueError(f"floor must be at least 0, got {floor}")
        if (focal_px is not None) != (weight == "scene_flow"):
            raise ValueError(
                f"focal_px is required only for weight: scene_flow, got {focal_px} for {weight}"
            )
        self.loss_weight, self.weight, self.floor = loss_weight, weight, floor
        self.normalize, self.focal_px = normalize, focal_px
        self.penalty = read_penalty(criterion)
        self.source = None if weight == "depth_diff" else FlowSource(flow, flow_weights)

    def _compute(
        self,
        pred: Tensor,
        gt: Tensor,
        valid: Tensor,
        flow_px: Tensor | None,
        colour: Tensor | None,
    ) -> Tensor:
        gt = gt.where(valid, 0)
        known = valid.all(dim=2, keepdim=True)
        flow = None
        if self.source is not None and gt.shape[1] > 1:
            flow = self.source(flow_px, colour)
        amount = motion_amount(self.weight, gt, known, flow, self.focal_px)
        weight = motion_weight(amount, known, self.floor, self.normalize)
        cost = weight * self.penalty((at_least_float32(pred) - gt).where(valid, 0))
        return self.loss_weight * mean_over_pixels(cost, known)


@LOSS_REGISTRY.register()
class MotionWeightedLoss(_MotionWeighted):
    """``mean(w * criterion(pred - gt))``, ``w`` large where things move.

    The mean is over pixels; the costs of a pixel's channels are summed. With ``weight: flow,
    criterion: l2, floor: 0, normalize: false`` it is SoSR's WMSE, ``(1 / N) sum |d|^2 sqrt(u^2 +
    v^2)``, where what stands still does not count at all. The floor gives it
    a weight, normalisation makes the mean weight of each clip 1.

    Args:
        loss_weight: factor of the loss.
        weight: amount of motion ``m``: ``flow``, its length [px]; ``depth_diff``, how much the true
            depth of a pixel changes to the next frame (no flow needed). ``scene_flow``, length of
            the motion in space ``(D' u / f, D' v / f, D' - D)``, in units of normalised depth.
            ``D'`` is the true depth where the flow goes.
        criterion: ``l1``, ``l2``, ``huber`` or ``charbonnier``.
        floor: ``w = m + floor * mean(m)``.
        normalize: divide ``w`` by its mean over the valid pixels of each clip.
        focal_px: focal length ``f``, for ``scene_flow``; off-axis parts of motion in depth are left
            out, since crops do not know where the axis is.
        flow: ``given``, ``tvl1``, ``raft_small``, ``raft_large``; see
            :class:`~stdnet_arch.losses.flow.FlowSource`.
        flow_weights: for RAFT.

    Raises:
        ValueError: an option that does not exist or does not fit the others.
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
            valid: bool, shape of ``gt``; others count nowhere.
            flow_px: (dx, dy) to the next frame, ``(b, t - 1, 2, H, W)``, for ``flow: given``.
            guide: RGB, ``(b, t, 3, H, W)``, for flow that is estimated; RGB truth is its own.

        Returns:
            A scalar.
        """
        valid = torch.ones_like(gt, dtype=torch.bool) if valid is None else valid
        colour = gt if guide is None and gt.shape[2] == 3 else guide
        return self._compute(out["pred"], gt, valid, flow_px, colour)


@LOSS_REGISTRY.register()
class MotionWeightedPixelLoss(_MotionWeighted):
    """The same in the toolbox's form, for ``pixel_opt`` of its video models; flow from the truth.

    The defaults are SoSR's WMSE with TV-L1. Options as of :class:`MotionWeightedLoss`.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        criterion: str = "l2",
        floor: float = 0.0,
        normalize: bool = False,
        flow: str = "tvl1",
        flow_weights: str | None = None,
    ) -> None:
        super().__init__(
            loss_weight,
            criterion=criterion,
            floor=floor,
            normalize=normalize,
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
            ValueError: single images, which have no motion.
        """
        check_colour_clips(type(self).__name__, pred, target)
        valid = torch.ones_like(target, dtype=torch.bool) if weight is None else weight.bool()
        return self._compute(pred, target, valid, None, target)


def motion_amount(
    kind: str, gt: Tensor, known: Tensor, flow: NeighborFlow | None, focal_px: float | None = None
) -> Tensor:
    """Measure how much each pixel moves; NaN where that is not known.

    Args:
        kind: one of ``WEIGHTS``; see :class:`MotionWeightedLoss`.
        gt: truth, ``(b, t, c, H, W)``, a number everywhere.
        known: bool, ``(b, t, 1, H, W)``.
        flow: source of the flow of the clips, for all kinds but ``depth_diff``.
        focal_px: for ``scene_flow``.

    Returns:
        ``(b, t, 1, H, W)``. The last frame has no next one: the previous frame stands in for it,
        unless only the flow to the next is known.
    """
    b, t, _, H, W = gt.shape
    if t == 1:
        return gt.new_full((b, t, 1, H, W), math.nan)
    if kind == "depth_diff":
        change = (gt[:, 1:] - gt[:, :-1]).abs().sum(2, keepdim=True)
        change = change.where(known[:, 1:] & known[:, :-1], math.nan)
        return torch.cat((change, change[:, -1:]), 1)
    assert flow is not None  # noqa: S101  for the type checker: every other kind has a source
    if kind == "flow":
        ahead = torch.linalg.vector_norm(flow.to_next, dim=2, keepdim=True)
        back = None if flow.to_previous is None else flow.to_previous[:, -1:]
        last = None if back is None else torch.linalg.vector_norm(back, dim=2, keepdim=True)
    else:
        ahead = _scene_flow(gt, known, flow.to_next, focal_px or math.nan)
        last = None
    last = torch.full_like(ahead[:, :1], math.nan) if last is None else last
    return torch.cat((ahead, last), 1)


def _scene_flow(gt: Tensor, known: Tensor, flow_px: Tensor, focal_px: float) -> Tensor:
    pairs = flow_px.shape[:2]
    flow = flow_px.flatten(0, 1)
    later, found = warp_known(gt[:, 1:].flatten(0, 1), known[:, 1:].flatten(0, 1), flow)
    now, here = gt[:, :-1].flatten(0, 1), known[:, :-1].flatten(0, 1)
    motion = torch.cat((later * flow / focal_px, later - now), 1)
    amount = torch.linalg.vector_norm(motion, dim=1, keepdim=True)
    return amount.where(found & here, math.nan).unflatten(0, pairs)


def motion_weight(amount: Tensor, known: Tensor, floor: float, normalize: bool) -> Tensor:
    """Weights from amounts of motion.

    Args:
        amount: ``(b, t, 1, H, W)``, >= 0; NaN, not known, counts as the clip's mean.
        known: bool, the same shape: pixels that means are taken over.
        floor: share of the mean that every pixel gets.
        normalize: to a mean of 1 in each clip; a clip without motion has weight 1 everywhere.

    Returns:
        ``(b, t, 1, H, W)``.
    """
    told = known & amount.isfinite()
    axes = (1, 2, 3, 4)
    total = amount.where(told, 0).sum(axes, keepdim=True)
    mean = total / told.sum(axes, keepdim=True).clamp(min=1)
    weight = amount.where(amount.isfinite(), mean) + floor * mean
    if not normalize:
        return weight
    counted = known.sum(axes, keepdim=True).clamp(min=1)
    middle = weight.where(known, 0).sum(axes, keepdim=True) / counted
    return torch.where(middle > 0, weight / middle.where(middle > 0, 1.0), 1.0)


def check_colour_clips(name: str, pred: Tensor, target: Tensor) -> None:
    """Raise unless both are RGB clips ``(b, t, 3, H, W)`` of one shape."""
    if pred.ndim != 5 or target.shape != pred.shape or pred.shape[2] != 3:
        raise ValueError(
            f"{name} compares neighbouring frames of RGB clips (b, t, 3, H, W), as "
            f"VideoRecurrentModel has them; got {tuple(pred.shape)} and {tuple(target.shape)}. "
            "Single images have no motion; depth takes the loss of the same name without Pixel"
        )
