"""Frozen optical flow for losses that compare frames or views."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.ops.lucas_kanade import lucas_kanade
from stdnet_arch.ops.precision import at_least_float32

KINDS = ("lucas_kanade", "raft_large", "raft_small")
RAFT_MULTIPLE, RAFT_SMALLEST = 8, 128
RAFT_ITERATIONS = 20


class FlowEstimator(nn.Module):
    """Where each pixel of a frame is found in another one; nothing here is trained.

    ``lucas_kanade`` needs no weights and finds small motion of what has texture; RAFT (Teed and
    Deng, ECCV 2020) is torchvision's, in 20 iterations, with weights from a file.

    Args:
        kind: ``lucas_kanade``, ``raft_large`` or ``raft_small``.
        weights: state dict of torchvision's RAFT, such as ``raft_large_C_T_V2`` (trained on Chairs
            and Things); for RAFT alone.

    Raises:
        ValueError: unknown ``kind``, RAFT without weights or others with, or a file that holds
            something else.
        FileNotFoundError: no such file.
    """

    def __init__(self, kind: str, weights: str | Path | None = None) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"flow must be one of {', '.join(KINDS)}, got {kind!r}")
        if (weights is not None) != kind.startswith("raft"):
            raise ValueError(
                "flow_weights: a file of torchvision's is required for RAFT and for nothing else; "
                f"got {weights} for {kind}"
            )
        self.raft = None if weights is None else load_raft(kind, Path(weights))

    def train(self, mode: bool = True) -> "FlowEstimator":  # noqa: ARG002
        """Stay in evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, frame: Tensor, other: Tensor) -> Tensor:
        """Estimate.

        Args:
            frame: RGB in [0, 1], ``(b, 3, H, W)``.
            other: the same shape.

        Returns:
            Flow [px], (dx, dy), ``(b, 2, H, W)``, float32.
        """
        frame, other = at_least_float32(frame), at_least_float32(other)
        if self.raft is None:
            return lucas_kanade(frame, other)
        h, w = frame.shape[-2:]
        H, W = (max(-side % RAFT_MULTIPLE + side, RAFT_SMALLEST) for side in (h, w))
        # RAFT's range is [-1, 1]. (SVSRNet's authors hand [0, 1] to a network that expects
        # [0, 255].)
        pair = [F.pad(2 * x - 1, (0, W - w, 0, H - h), mode="replicate") for x in (frame, other)]
        with torch.autocast(frame.device.type, enabled=False):
            return self.raft(*pair, num_flow_updates=RAFT_ITERATIONS)[-1][..., :h, :w]


def load_raft(kind: str, path: Path) -> nn.Module:
    """Torchvision's RAFT with weights from a file, frozen; see :class:`FlowEstimator`."""
    from torchvision.models import optical_flow

    if not path.is_file():
        raise FileNotFoundError(
            f"flow_weights: expected torchvision's weights of {kind}, found no file {path}; "
            "flow: lucas_kanade needs none"
        )
    make: Any = getattr(optical_flow, kind)
    net = make(weights=None, progress=False)
    try:
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # rubbish makes the unpickler raise whatever it happens to read as
        raise ValueError(f"flow_weights: {path} holds no {kind} of torchvision: {error}") from error
    return net.eval().requires_grad_(False)
