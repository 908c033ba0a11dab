"""Optical flow for losses: what the batch brings, or estimated from its colours, never trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.ops.matching.lucas_kanade import lucas_kanade
from stdnet_arch.ops.matching.tvl1_flow import tvl1_flow
from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.warp import flow_warp
from stdnet_arch.utils.torch_file import check_finite, read_torch

CLASSICAL: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "lucas_kanade": lucas_kanade,
    "tvl1": tvl1_flow,
}
RAFT = ("raft_small", "raft_large")
KINDS = (*CLASSICAL, *RAFT)
FLOWS = ("given", "tvl1", *RAFT)
RAFT_SMALLEST = 128
RAFT_MULTIPLE = 8
RAFT_ITERATIONS = 12
"""Default of torchvision."""


class FrozenFlow(nn.Module):
    """Flow from each pixel of a frame to another frame; nothing here is trained.

    Args:
        kind: ``lucas_kanade`` (small motion of what has texture) or ``tvl1``, which need no
            weights; ``raft_large`` or ``raft_small`` (Teed and Deng, ECCV 2020), torchvision's.
        weights: state dict of torchvision's RAFT, such as ``raft_large_C_T_V2`` (trained on Chairs
            and Things), required for RAFT; nothing is ever downloaded.
        iterations: iterations of RAFT.

    Raises:
        ValueError: unknown ``kind``, RAFT without weights or others with, or a file that holds
            something else.
        FileNotFoundError: no such file.
    """

    def __init__(
        self, kind: str, weights: str | Path | None = None, iterations: int = RAFT_ITERATIONS
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"flow must be one of {', '.join(KINDS)}, got {kind!r}")
        if (weights is not None) != (kind in RAFT):
            raise ValueError(
                "flow_weights: a file of torchvision's is required for RAFT and for nothing else; "
                f"got {weights} for {kind}"
            )
        self.kind, self.iterations = kind, iterations
        self.raft = None if weights is None else load_raft(kind, Path(weights))

    def train(self, mode: bool = True) -> "FrozenFlow":  # noqa: ARG002
        """Stay in evaluation mode: RAFT has batch normalisation."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, frame: Tensor, other: Tensor) -> Tensor:
        """Estimate.

        Args:
            frame: RGB in [0, 1], ``(b, 3, H, W)``.
            other: the same shape.

        Returns:
            Flow [px], (dx, dy), ``(b, 2, H, W)``, at least float32.
        """
        frame, other = at_least_float32(frame), at_least_float32(other)
        if self.raft is None:
            return CLASSICAL[self.kind](frame, other)
        h, w = frame.shape[-2:]
        H, W = (max(-side % RAFT_MULTIPLE + side, RAFT_SMALLEST) for side in (h, w))
        # RAFT's range is [-1, 1]. (SVSRNet's authors hand [0, 1] to a network that expects
        # [0, 255].)
        pair = [F.pad(2 * x - 1, (0, W - w, 0, H - h), mode="replicate") for x in (frame, other)]
        with torch.autocast(frame.device.type, enabled=False):
            return self.raft(*pair, num_flow_updates=self.iterations)[-1][..., :h, :w]


def load_raft(kind: str, path: Path) -> nn.Module:
    """Load torchvision's RAFT with weights from a file, frozen; see :class:`FrozenFlow`."""
    from torchvision.models import optical_flow

    if not path.is_file():
        raise FileNotFoundError(
            f"flow_weights: expected torchvision's weights of {kind}, found no file {path}; "
            f"flow: {' and '.join(CLASSICAL)} need none"
        )
    make: Any = getattr(optical_flow, kind)
    net = make(weights=None, progress=False)
    try:
        state = read_torch(path)
        check_finite(state, path)
        net.load_state_dict(state)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"flow_weights: {path} holds no {kind} of torchvision: {error}") from error
    return net.eval().requires_grad_(False)


class NeighborFlow(NamedTuple):
    """Flow between the neighbouring frames of clips, px, (dx, dy)."""

    to_next: Tensor  # (b, t - 1, 2, H, W)
    to_previous: Tensor | None  # of frames 1 .. t - 1, the same shape; None: not known


class FlowSource(nn.Module):
    """Source of a loss's flow.

    Args:
        flow: ``given``: the batch's ``flow_px`` (data with ``extras: [flow_px]``); or from colour:
            ``tvl1`` (no weights; what SoSR and ToSR used beside FlowNet2), ``raft_small`` or
            ``raft_large`` of torchvision.
        weights: file of RAFT's weights, see :class:`FrozenFlow`.

    Raises:
        ValueError: no such source, or weights missing or not needed.
        FileNotFoundError: no such checkpoint.
    """

    def __init__(self, flow: str = "given", weights: str | None = None) -> None:
        super().__init__()
        if flow not in FLOWS:
            raise ValueError(f"flow must be one of {', '.join(FLOWS)}, got {flow!r}")
        if flow == "given" and weights is not None:
            raise ValueError(f"flow: given takes no flow_weights, got {weights!r}")
        self.flow = flow
        self.estimator = None if flow == "given" else FrozenFlow(flow, weights)

    def forward(self, flow_px: Tensor | None, colour: Tensor | None) -> NeighborFlow:
        """Flow of clips, without gradients.

        Args:
            flow_px: flow of the batch, ``(b, t - 1, 2, H, W)``, or None.
            colour: ``(b, t, 3, H, W)`` in [0, 1], or None.

        Raises:
            ValueError: flow or colour is missing.
        """
        if self.estimator is None:
            if flow_px is None:
                raise ValueError(
                    "flow: given needs flow_px in the batch: set extras: [flow_px] for training "
                    f"data whose source has it, or estimate it: flow: {', '.join(FLOWS[1:])}"
                )
            return NeighborFlow(flow_px, None)
        if colour is None or colour.ndim != 5 or colour.shape[2] != 3:
            got = None if colour is None else tuple(colour.shape)
            raise ValueError(
                f"flow: {self.flow} needs colour clips (b, t, 3, H, W), got {got}: a guide, or RGB "
                "as truth"
            )
        pairs = colour.shape[0], colour.shape[1] - 1
        if not pairs[1]:
            none = colour.new_zeros(*pairs, 2, *colour.shape[-2:])
            return NeighborFlow(none, none)
        one, two = (x.flatten(0, 1) for x in (colour[:, :-1], colour[:, 1:]))
        both = self.estimator(torch.cat((one, two)), torch.cat((two, one)))
        to_next, to_previous = (x.unflatten(0, pairs) for x in both.chunk(2))
        return NeighborFlow(to_next, to_previous)


def visible_in_next(flow: NeighborFlow) -> Tensor | None:
    """Find pixels that are seen in the next frame: there and back again ends where it began.

    ``|f + b|^2 <= 0.01 (|f|^2 + |b|^2) + 0.5``, ``b`` the flow back, looked up where ``f`` goes
    (Sundaram, Brox and Keutzer, ECCV 2010).

    Returns:
        Bool ``(b, t - 1, 1, H, W)``; None where the flow back is not known.
    """
    if flow.to_previous is None:
        return None
    pairs = flow.to_next.shape[:2]
    there = flow.to_next.flatten(0, 1)
    back, inside = flow_warp(flow.to_previous.flatten(0, 1), there)
    gap = (there + back).square().sum(1, keepdim=True)
    lengths = (there.square() + back.square()).sum(1, keepdim=True)
    return (inside & (gap <= 0.01 * lengths + 0.5)).unflatten(0, pairs)
