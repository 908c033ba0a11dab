"""STDNet, one frame of a stream at a time, its memory in the open.

The stream of :mod:`~stdnet_arch.archs.stdnet.streaming` in its steady state, where each pass keeps
two frames. Before the first frame of a clip and after the last one these are frames that are none,
which count 0.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stdnet_arch.archs.stdnet.stage import STAGES
from stdnet_arch.archs.stdnet.streaming import FrameState, PassStream, STDNetStream
from stdnet_arch.archs.stdnet.temporal_difference import NEIGHBOURS
from stdnet_arch.archs.streaming.step import StreamStep

if TYPE_CHECKING:
    from stdnet_arch.archs.stdnet_arch import STDNet

STAGE_NAMES = ("guided", "refining")


class STDNetStep(StreamStep):
    """See :class:`~stdnet_arch.archs.streaming.step.StreamStep`.

    Kept are, of each pass, the maps of two frames side by side, ``(2, c, H/4, W/4)``, and whether
    each of them is one, ``known``. With a delay, so is what the second stage has not come to,
    ``waiting`` (depth and confidence), ``(delay / 2, 2, H, W)``.

    Args:
        net: an :class:`~stdnet_arch.archs.stdnet_arch.STDNet`, in evaluation mode, folding.

    Raises:
        ValueError: ``net`` trains, or does not fold.
    """

    net: "STDNet"

    def __init__(self, net: "STDNet") -> None:
        super().__init__(net)
        if net.training or not all(run_pass.folds for run_pass in net.guided_stage.passes.values()):
            raise ValueError("a step needs the folded network: call net.fuse()")
        self.delay = 0 if net.causal else net.halo

    def start(self, h: int, w: int) -> dict[str, Tensor]:
        """See :class:`StreamStep`."""
        like = next(self.net.parameters())
        H, W = h * self.net.scale, w * self.net.scale
        names = [
            f"{stage}_{name}" for stage in STAGE_NAMES for name in self.net.guided_stage.passes
        ]
        kept = zip(names, self._passes(STDNetStream(self.net)), strict=True)
        maps = {
            name: like.new_zeros(NEIGHBOURS, sum(self._widths(run_pass, i)), H // 4, W // 4)
            for name, (run_pass, i) in kept
        }
        maps["known"] = like.new_zeros(len(names), NEIGHBOURS)
        if self.delay:
            maps["waiting"] = like.new_zeros(self.delay // STAGES, 2, H, W)
        return maps

    def forward(self, lq: Tensor, guide: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """See :class:`StreamStep`."""
        here, state = (state[0], state[1:]) if self.delay else (lq.new_ones(1), state)
        stream = STDNetStream(self.net)
        passes = list(self._passes(stream))
        before, known, waiting = state[: len(passes)], state[len(passes)], state[len(passes) + 1 :]
        for (run_pass, i), kept, weights in zip(passes, before, known, strict=True):
            run_pass.kept = _unpack(kept, self._widths(run_pass, i), weights)
        stream.waiting = [(x[:, :1], x[:, 1:]) for rows in waiting for x in rows.split(1)]
        pred = stream.push([lq], [guide], here=[here.view(1, 1, 1, 1)])[0]
        ready = [_pack(run_pass.kept) for run_pass, _ in passes]
        counts = [torch.cat([_weight_of(x) for x in run_pass.kept]) for run_pass, _ in passes]
        later = [torch.cat(both, 1) for both in stream.waiting]
        maps = [each["error"] for each in stream.further_maps]
        return pred, *maps, *ready, torch.stack(counts), *([torch.cat(later)] if later else [])

    @staticmethod
    def _passes(stream: STDNetStream) -> Iterator[tuple[PassStream, int]]:
        """All passes in order, each with its place in its stage."""
        for stage in (stream.coarse, stream.fine):
            for i, run_pass in enumerate(stage.passes):
                yield run_pass, i

    def _widths(self, item: PassStream, place: int) -> list[int]:
        """Channels of the maps that a pass keeps of a frame: base, w, F_r, lists."""
        c = self.net.guided_stage.num_feat
        if item.run_pass.direction == "backward":  # the frame is still to be fused
            return [1, c, c, *[c] * (place + 1)]
        return [0, 0, c, *[c] * min(place + 1, 2)]


def _pack(kept: Sequence[FrameState]) -> Tensor:
    """Maps of frames side by side; a frame that is done keeps neither its base nor its w."""
    frames = []
    for frame in kept:
        waits = (frame.base, frame.attention) if frame.base.numel() else ()
        frames.append(torch.cat([*waits, frame.guide_feat, *frame.lists], 1))
    return torch.cat(frames)


def _unpack(kept: Tensor, widths: Sequence[int], weights: Tensor) -> list[FrameState]:
    """Undo :func:`_pack`."""
    frames = []
    for frame, weight in zip(kept.split(1), weights, strict=True):
        parts = iter(frame.split([width for width in widths if width], 1))
        maps = [next(parts) if width else frame.new_empty(0) for width in widths]
        frames.append(
            FrameState(maps[0], maps[2], maps[1], tuple(maps[3:]), weight.view(1, 1, 1, 1))
        )
    return frames


def _weight_of(frame: FrameState) -> Tensor:
    """``here`` of a frame in a step, ``(1,)``."""
    if frame.here is None:
        raise RuntimeError("a step keeps of each frame whether it is one; this one does not say")
    return frame.here.flatten()
