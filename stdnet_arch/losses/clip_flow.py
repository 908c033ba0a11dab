"""Optical flow for losses: what the batch brings, or estimated from its colours, never trained."""

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import optical_flow

from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.tvl1_flow import tvl1_flow
from stdnet_arch.ops.warp import flow_warp

RAFT = ("raft_small", "raft_large")
FLOWS = ("given", "tvl1", *RAFT)
RAFT_SMALLEST = 128
RAFT_MULTIPLE = 8


class ClipFlow(NamedTuple):
    """Flow between the neighbouring frames of clips, px, (dx, dy)."""

    to_next: Tensor  # (b, t - 1, 2, H, W)
    to_previous: Tensor | None  # of frames 1 .. t - 1, the same shape; None: not known


class FlowSource(nn.Module):
    """Where a loss takes its flow from.

    Args:
        flow: ``given``: the batch's ``flow_px`` (data with ``extras: [flow_px]``); or from colour:
            ``tvl1`` (no weights; what SoSR and ToSR used beside FlowNet2), ``raft_small`` or
            ``raft_large`` of torchvision.
        weights: checkpoint for RAFT, required; nothing is ever downloaded.

    Raises:
        ValueError: no such source, or weights missing or not needed.
        FileNotFoundError: no such checkpoint.
    """

    def __init__(self, flow: str = "given", weights: str | None = None) -> None:
        super().__init__()
        if flow not in FLOWS:
            raise ValueError(f"flow must be one of {', '.join(FLOWS)}, got {flow!r}")
        if (weights is not None) != (flow in RAFT):
            raise ValueError(
                f"flow_weights are required for {' and '.join(RAFT)} and for nothing else; got "
                f"{weights!r} for {flow}"
            )
        self.flow = flow
        self.network: nn.Module | None = None
        if weights is not None:
            self.network = _load_raft(flow, weights)

    def train(self, mode: bool = True) -> "FlowSource":  # noqa: ARG002
        """Never trained: RAFT has batch normalisation."""
        return super().train(False)

    def forward(self, flow_px: Tensor | None, colour: Tensor | None) -> ClipFlow:
        """Flow of clips, without gradients.

        Args:
            flow_px: of the batch, ``(b, t - 1, 2, H, W)``, or None.
            colour: ``(b, t, 3, H, W)`` in [0, 1], or None.

        Raises:
            ValueError: what the source needs is not there.
        """
        if self.flow == "given":
            if flow_px is None:
                raise ValueError(
                    "flow: given needs flow_px in the batch: set extras: [flow_px] for training "
                    f"data whose source has it, or estimate it: flow: {', '.join(FLOWS[1:])}"
                )
            return ClipFlow(flow_px, None)
        if colour is None or colour.ndim != 5 or colour.shape[2] != 3:
            got = None if colour is None else tuple(colour.shape)
            raise ValueError(
                f"flow: {self.flow} needs colour clips (b, t, 3, H, W), got {got}: a guide, or RGB "
                "as truth"
            )
        pairs = colour.shape[0], colour.shape[1] - 1
        if not pairs[1]:
            none = colour.new_zeros(*pairs, 2, *colour.shape[-2:])
            return ClipFlow(none, none)
        one, two = (x.flatten(0, 1) for x in (colour[:, :-1], colour[:, 1:]))
        both = self._estimate(torch.cat((one, two)), torch.cat((two, one)))
        to_next, to_previous = (x.unflatten(0, pairs) for x in both.chunk(2))
        return ClipFlow(to_next, to_previous)

    @torch.no_grad()
    def _estimate(self, frame: Tensor, other: Tensor) -> Tensor:
        """Both ``(n, 3, H, W)`` -> ``(n, 2, H, W)``."""
        if self.network is None:
            return tvl1_flow(frame, other)
        H, W = frame.shape[-2:]
        missing = [max(RAFT_SMALLEST - n, -n % RAFT_MULTIPLE) for n in (H, W)]
        pad = (0, missing[1], 0, missing[0])
        pair = [2 * F.pad(at_least_float32(x), pad, mode="replicate") - 1 for x in (frame, other)]
        return self.network(*pair)[-1][..., :H, :W]


def _load_raft(flow: str, weights: str) -> nn.Module:
    if not Path(weights).is_file():
        raise FileNotFoundError(f"flow_weights: expected a checkpoint of {flow}, got {weights}")
    network = getattr(optical_flow, flow)(weights=None)
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.requires_grad_(False)


def visible_in_next(flow: ClipFlow) -> Tensor | None:
    """Which pixels of each frame are seen in the next: there and back again ends where it began.

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
