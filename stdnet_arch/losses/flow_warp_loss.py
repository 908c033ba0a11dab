"""DFlow's warp terms (BMVC 2022, first training stage): flow must bring neighbours together."""

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from stdnet_arch.losses.masked import masked_mean
from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.warp import flow_sample, flow_warp

FRAMES = "frames"
FLOWS = ("flow_to_before", "flow_to_next")
FORMS = ("corrected", "authors")


@LOSS_REGISTRY.register()
class FlowWarpLoss(nn.Module):
    """Photometric error of a network's own flow, on the frames it was estimated from.

    Flow of a frame says where its pixels are found in a neighbour, and it moves the neighbour's
    features onto the frame. ``form: corrected`` holds it to just that: the neighbour, moved by the
    flow, must be the frame, where the flow stays inside. ``form: authors`` is the published code's
    term, the wrong way round: it moves the **frame** by its flow and compares it with the
    **neighbour**, with zeros outside. It counts the frame of each direction that is not moved.

    Photometric, so for RGB: depth changes along motion towards the camera.

    Args:
        loss_weight: weight of the sum over directions; in the paper 0.1, then 0 in its second
            stage.
        form: ``corrected`` or ``authors``.
        eps: constant of the Charbonnier error ``sqrt(d^2 + eps)``; 1e-12 as published.

    Raises:
        ValueError: unknown ``form``, or ``eps`` is not positive.
    """

    def __init__(
        self, loss_weight: float = 0.1, form: str = "corrected", eps: float = 1e-12
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
        if not eps > 0:
            raise ValueError(f"eps must be positive, got {eps}")
        self.loss_weight, self.form, self.eps = loss_weight, form, eps

    def forward(
        self,
        out: dict[str, Tensor],
        gt: Tensor,
        valid: Tensor | None = None,  # noqa: ARG002  the frames are RGB: all of it is valid
    ) -> Tensor:
        """Compute the loss.

        Args:
            out: output of the network: ``frames``, ``(b, t, c, h, w)``, and ``flow_to_before``
                (of all frames but the first), ``flow_to_next`` (of all but the last) or both, px,
                (dx, dy), ``(b, t - 1, 2, h, w)``.
            gt: not looked at, but for the scalar's type.
            valid: not looked at.

        Returns:
            A scalar, 0 for clips of one frame.

        Raises:
            KeyError: ``out`` has no frames or no flow.
        """
        flows = [name for name in FLOWS if name in out]
        if FRAMES not in out or not flows:
            raise KeyError(
                f"FlowWarpLoss reads {FRAMES} and {' or '.join(FLOWS)} of DFlow's or DFlowDepth's "
                f"output; got {', '.join(out)}"
            )
        total = gt.new_zeros(())
        if out[FRAMES].shape[1] < 2:
            return total + 0 * sum(out[name].sum() for name in flows)
        for name in flows:
            frames = at_least_float32(out[FRAMES])
            first, last = frames[:, :-1].flatten(0, 1), frames[:, 1:].flatten(0, 1)
            own, neighbor = (first, last) if name == "flow_to_next" else (last, first)
            flow_px = out[name].flatten(0, 1)
            if self.form == "authors":
                total = total + authors_term(own, neighbor, flow_px, self.eps, frames.shape[1])
            else:
                total = total + corrected_term(own, neighbor, flow_px, self.eps)
        return self.loss_weight * total


def corrected_term(own: Tensor, neighbor: Tensor, flow_px: Tensor, eps: float) -> Tensor:
    """Mean Charbonnier error of ``W(neighbor, flow) - own`` where the flow stays inside.

    Args:
        own: frames with a flow, ``(n, c, h, w)``.
        neighbor: target of the flow, the same shape.
        flow_px: (dx, dy), ``(n, 2, h, w)``.
        eps: see :class:`FlowWarpLoss`.
    """
    warped, inside = flow_warp(neighbor, flow_px)
    return masked_mean(charbonnier(warped - own, eps), inside.expand_as(own))


def authors_term(
    own: Tensor, neighbor: Tensor, flow_px: Tensor, eps: float, num_frame: int
) -> Tensor:
    """Mean Charbonnier error of ``W(own, flow) - neighbor`` over all frames of a direction.

    Args:
        own: see :func:`corrected_term`.
        neighbor: see :func:`corrected_term`.
        flow_px: see :func:`corrected_term`.
        eps: see :func:`corrected_term`.
        num_frame: frames of a clip, of which one has no flow: compared with itself, it adds
            ``sqrt(eps)``.
    """
    error = charbonnier(flow_sample(own, flow_px) - neighbor, eps).mean()
    return (error * (num_frame - 1) + eps**0.5) / num_frame


def charbonnier(difference: Tensor, eps: float) -> Tensor:
    """``sqrt(d^2 + eps)``, as the toolbox's loss has it; the shape of ``difference``."""
    return torch.sqrt(difference.square() + eps)
