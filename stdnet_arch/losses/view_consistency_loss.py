"""SVSRNet's consistency of outputs over time, views and both (Xiao et al., ACM MM 2021)."""

from typing import NamedTuple

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from stdnet_arch.losses.flow import FrozenFlow
from stdnet_arch.losses.masked import masked_mean
from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.warp import flow_warp

FORMS = ("direct", "difference")
RAFT_ITERATIONS = 20  # as the authors run it
WHOLE = 1 - 1e-4  # of a bilinear sample: all that it mixes is valid


class ViewFrame(NamedTuple):
    """A frame of a clip in one of its views."""

    frame: int
    view: int


@LOSS_REGISTRY.register()
class ViewTemporalConsistencyLoss(nn.Module):
    """Outputs that show the same points must agree, wherever flow on RGB says that they do.

    The sum of ``mean((M (P[a] - W P[b]))^2)`` over pairs of outputs: each frame and the one before
    in each view, and the two views at each time. Pairs are also each frame with the ones before and
    after in the other view. A clip of three frames in two views has 4 + 3 + 4 = 11 terms, as
    published; one view has only the first kind. ``W`` looks up along the flow from a to b;
    ``M = exp(-50 |I[a] - W I[b]|^2)`` fades out occlusions and wrong flow, by RGB in [0, 1].

    ``form: difference`` is for depth, which changes along with motion: it compares ``P[a] - W
    P[b]`` with the same difference of the truth, so that real changes cost nothing. Flow and mask
    are then those of the guide. It may be used with RGB, too.

    Args:
        loss_weight: 0.001 in the paper, beside the sum of Charbonnier means of six outputs.
        num_view: views that lie behind one another as channels.
        form: ``direct`` (as published) or ``difference``.
        flow: ``lucas_kanade``, ``tvl1``, ``raft_large`` (as published) or ``raft_small``.
        flow_weights: file of RAFT's weights, see :class:`~stdnet_arch.losses.flow.FrozenFlow`.
        sharpness: the 50 of ``M``.
        sums_channels: ``M`` as in the authors' code, where differences of red, green and blue are
            summed before they are squared, so that they may cancel.

    Raises:
        ValueError: an argument is not one of these.
    """

    uses = ("guide",)  # of the batch

    def __init__(
        self,
        loss_weight: float = 1e-3,
        num_view: int = 2,
        form: str = "direct",
        flow: str = "lucas_kanade",
        flow_weights: str | None = None,
        sharpness: float = 50.0,
        sums_channels: bool = False,
    ) -> None:
        super().__init__()
        if num_view not in {1, 2}:
            raise ValueError(f"num_view must be 1 or 2, got {num_view}")
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
        if not sharpness >= 0:
            raise ValueError(f"sharpness must be at least 0, got {sharpness}")
        self.loss_weight, self.num_view = loss_weight, num_view
        self.form, self.sharpness, self.sums_channels = form, sharpness, sums_channels
        self.flow = FrozenFlow(flow, flow_weights, RAFT_ITERATIONS)

    def forward(
        self,
        out: dict[str, Tensor],
        gt: Tensor,
        valid: Tensor | None = None,
        guide: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            out: ``pred``, ``(b, t, num_view * c, H, W)``.
            gt: ground truth, shape of ``pred``.
            valid: bool, shape of ``gt``: a pixel counts where it and all that is warped there is
                valid.
            guide: RGB in [0, 1], ``(b, t, 3 * num_view, H, W)``, for depth. Without it the truth
                must be RGB.

        Returns:
            A scalar; 0 where there is no pair.

        Raises:
            ValueError: channels do not fit, or RGB is missing.
        """
        frames = self._by_place((gt if guide is None else guide).detach(), "RGB (guide, or gt)", 3)
        valid = torch.ones_like(gt, dtype=torch.bool) if valid is None else valid
        pred = at_least_float32(out["pred"])
        shown = pred.where(valid, 0) if self.form == "direct" else (pred - gt).where(valid, 0)
        maps = self._by_place(shown, "pred")
        known = self._by_place(valid.to(maps.dtype), "valid")
        pairs = consistency_pairs(pred.shape[1], self.num_view)
        terms = [self._term(*pair, frames, maps, known) for pair in pairs]
        return self.loss_weight * torch.stack([maps.new_zeros(()), *terms]).sum()

    def _term(
        self, one: ViewFrame, two: ViewFrame, frames: Tensor, maps: Tensor, known: Tensor
    ) -> Tensor:
        """Mean square of what the map of ``two``, seen from ``one``, differs from that of ``one``.

        RGB, what is compared, and where it is valid: ``(b, t, num_view, c, H, W)`` each.
        """
        frame, here, here_known = (x[:, one.frame, one.view] for x in (frames, maps, known))
        other, there, there_known = (x[:, two.frame, two.view] for x in (frames, maps, known))
        flow_px = self.flow(frame, other)
        # Warping is linear: of P - gt it gives the difference form.
        warped, inside = flow_warp(there, flow_px)
        counts = (here_known > 0) & (flow_warp(there_known, flow_px)[0] > WHOLE) & inside
        mask = self._mask(frame, other, flow_px)
        return masked_mean((mask * (here - warped)).square(), counts)

    def _mask(self, frame: Tensor, other: Tensor, flow_px: Tensor) -> Tensor:
        """Weigh how sure it is that both show the same point, in [0, 1], ``(b, 1, H, W)``."""
        change = frame - flow_warp(other, flow_px)[0]
        if self.sums_channels:
            square = change.sum(1, keepdim=True).square()
        else:
            square = change.square().sum(1, keepdim=True)
        return (-self.sharpness * square).exp()

    def _by_place(self, x: Tensor, name: str, channels: int | None = None) -> Tensor:
        """``(b, t, num_view * c, H, W)`` -> ``(b, t, num_view, c, H, W)``."""
        c, rest = divmod(x.shape[2], self.num_view)
        if rest or (channels or c) != c:
            wanted = f"{channels * self.num_view}" if channels else f"a multiple of {self.num_view}"
            raise ValueError(
                f"ViewTemporalConsistencyLoss of {self.num_view} views: {name} must have {wanted} "
                f"channels, got {tuple(x.shape)}"
            )
        return x.unflatten(2, (self.num_view, c))


def consistency_pairs(length: int, num_view: int) -> list[tuple[ViewFrame, ViewFrame]]:
    """List the outputs that are compared: the second one is warped to the first one.

    Args:
        length: frames of a clip.
        num_view: 1 or 2.
    """
    views = range(num_view)
    over_time = [(ViewFrame(i + 1, v), ViewFrame(i, v)) for v in views for i in range(length - 1)]
    if num_view == 1:
        return over_time
    across = [(ViewFrame(i, 0), ViewFrame(i, 1)) for i in range(length)]
    both = [
        (ViewFrame(i, v), ViewFrame(j, 1 - v))
        for i in range(1, length - 1)
        for v in views
        for j in (i - 1, i + 1)
    ]
    return over_time + across + both
