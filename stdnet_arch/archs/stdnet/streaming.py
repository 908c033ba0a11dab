"""STDNet on a stream: the whole clip's result, frame by frame, in constant memory.

No pass reads its own outputs, so frame i needs frames i-8 .. i+8 and no others. Every pass keeps
the two frames that later ones will ask for; every feature is computed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from stdnet_arch.archs.stdnet.folded import (
    FoldedTemporalDifference,
    Neighbours,
    join_in_time,
)
from stdnet_arch.archs.stdnet.stage import Stage, blend
from stdnet_arch.archs.stdnet.temporal_difference import NEIGHBOURS, PropagationPass
from stdnet_arch.archs.streaming.nested import to_device
from stdnet_arch.ops.difference import temporal_difference
from stdnet_arch.ops.resize import replicate_up

if TYPE_CHECKING:
    from stdnet_arch.archs.stdnet_arch import STDNet


@dataclass(frozen=True)
class FrameState:
    """One frame on its way through a stage; maps are ``(b, c, H/4, W/4)``."""

    base: Tensor  # depth at a quarter of the output's size, (b, 1, H/4, W/4)
    guide_feat: Tensor
    attention: Tensor
    lists: tuple[Tensor, ...]  # features of the trunk, then of every pass done
    here: Tensor | None = None  # 1, or 0 for a frame that is none, (b, 1, 1, 1); None: 1

    def as_neighbour(self) -> "FrameState":
        """Maps that later frames may still ask of a frame that is done."""
        ends = self.lists[:1] + self.lists[1:][-1:]
        return replace(self, base=self.base.new_empty(0), lists=ends)


@dataclass(frozen=True)
class StageFrame:
    """One frame that a stage is done with."""

    base: Tensor  # (b, 1, H/4, W/4)
    depth: Tensor  # (b, 1, H, W)
    confidence: Tensor  # logit, (b, 1, H, W)
    feat: Tensor  # fused features, (b, c, H/4, W/4)
    here: Tensor | None = None  # see FrameState


@dataclass
class PassStream:
    """A propagation pass that sees its frames one after another."""

    run_pass: PropagationPass
    kept: list[FrameState] = field(default_factory=list)

    def push(self, frames: Sequence[FrameState], last: bool = False) -> list[FrameState]:
        """Take the next frames; give those whose neighbours are all here.

        Args:
            frames: any number of frames, in order.
            last: no frame will follow, so that all are given.
        """
        known = [*self.kept, *frames]
        if self.run_pass.direction == "backward":
            ready = range(len(known) if last else max(len(known) - NEIGHBOURS, 0))
            self.kept = known[len(ready) :]
        else:
            ready = range(len(self.kept), len(known))
            self.kept = [frame.as_neighbour() for frame in known[-NEIGHBOURS:]]
        return self._fuse(known, ready)

    def _fuse(self, known: list[FrameState], ready: range) -> list[FrameState]:
        """Run the pass on the frames ``ready``, as one batch or folded."""
        if self.run_pass.is_folded():
            if len(ready) > 1:
                fused = self._fuse_several(known, ready)
            else:
                fuse = FoldedTemporalDifference(self.run_pass.temporal_difference)
                fused = [self._fuse_folded(fuse, known, i) for i in ready]
            return [
                replace(known[i], lists=(*known[i].lists, feat))
                for i, feat in zip(ready, fused, strict=True)
            ]
        pairs = [(i, j) for i in ready for j in self.run_pass.neighbours(i) if 0 <= j < len(known)]
        totals: dict[int, Tensor] = {}
        if pairs:
            for (i, _), part in zip(pairs, self._fuse_pairs(known, pairs), strict=True):
                totals[i] = totals[i] + part if i in totals else part
        return [
            replace(known[i], lists=(*known[i].lists, totals.get(i, known[i].lists[-1])))
            for i in ready
        ]

    def _fuse_several(self, known: list[FrameState], ready: range) -> list[Tensor]:
        """Consecutive frames with their neighbours, ``(b, c, h, w)`` each, as a clip runs."""
        maps = [(x.lists[-1], x.lists[0], x.guide_feat, x.attention) for x in known]
        feat, first, guide_feat, attention = (
            join_in_time([frame[:, None] for frame in frames]) for frames in zip(*maps, strict=True)
        )
        phi = [temporal_difference(first, step) for step in range(1, NEIGHBOURS + 1)]
        fused = self.run_pass.fuse_frames(ready, feat, guide_feat, attention, phi)
        # Clones: see StageStream.
        return [frame.clone() for frame in fused.unbind(1)]

    def _fuse_folded(
        self, fuse: FoldedTemporalDifference, known: list[FrameState], i: int
    ) -> Tensor:
        """Frame ``i`` with its neighbours, ``(b, c, h, w)``."""
        frame = known[i]
        others = [known[j] for j in self.run_pass.neighbours(i) if 0 <= j < len(known)]
        nearby = [
            Neighbours(
                slice(0, 1),
                other.lists[-1][:, None],
                other.guide_feat[:, None],
                (frame.lists[0] - other.lists[0]).abs()[:, None],
                other.here,
            )
            for other in others
        ]
        if not nearby:
            return frame.lists[-1]
        fused = fuse(frame.lists[-1][:, None], frame.attention[:, None], nearby)[:, 0]
        here = nearby[0].weight
        # Without a neighbour, a frame is passed on as it is.
        return fused if here is None else here * fused + (1 - here) * frame.lists[-1]

    def _fuse_pairs(
        self, known: list[FrameState], pairs: list[tuple[int, int]]
    ) -> tuple[Tensor, ...]:
        current = [known[i] for i, _ in pairs]
        neighbour = [known[j] for _, j in pairs]
        difference = [
            (a.lists[0] - b.lists[0]).abs() for a, b in zip(current, neighbour, strict=True)
        ]
        fused = self.run_pass.temporal_difference(
            torch.cat([frame.lists[-1] for frame in current]),
            torch.cat([frame.lists[-1] for frame in neighbour]),
            torch.cat(difference),
            torch.cat([frame.guide_feat for frame in neighbour]),
            torch.cat([frame.attention for frame in current]),
        )
        return fused.chunk(len(pairs))


class StageStream:
    """A stage that sees its frames one after another."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.passes = [PassStream(cast(PropagationPass, item)) for item in stage.passes.values()]

    def push(
        self,
        base: Sequence[Tensor],
        guide: Sequence[Tensor],
        earlier_feat: Sequence[Tensor] | None = None,
        last: bool = False,
        here: Sequence[Tensor | None] | None = None,
    ) -> list[StageFrame]:
        """Take the next frames; give those that are done.

        Args:
            base: ``(b, 1, H/4, W/4)`` each.
            guide: ``(b, guide_channels, H, W)`` each.
            earlier_feat: fused features of the earlier stage, ``(b, c, H/4, W/4)`` each.
            last: no frame will follow.
            here: see :class:`FrameState`; None: all are.
        """
        frames = self._encode(base, guide, earlier_feat) if base else []
        if here is not None:
            frames = [replace(x, here=weight) for x, weight in zip(frames, here, strict=True)]
        for run_pass in self.passes:
            frames = run_pass.push(frames, last)
        if not frames:
            return []
        lists = torch.cat([torch.cat(frame.lists, dim=1) for frame in frames])
        decoded = self.stage.reconstruct_all(lists, torch.cat([frame.base for frame in frames]))
        parts = zip(*(x.chunk(len(frames)) for x in decoded), strict=True)
        return [
            StageFrame(frame.base, depth, confidence, feat, frame.here)
            for frame, (depth, confidence, feat) in zip(frames, parts, strict=True)
        ]

    def _encode(
        self,
        base: Sequence[Tensor],
        guide: Sequence[Tensor],
        earlier_feat: Sequence[Tensor] | None,
    ) -> list[FrameState]:
        earlier = None if earlier_feat is None else torch.cat(list(earlier_feat))
        encoded = self.stage.encode_all(torch.cat(list(base)), torch.cat(list(guide)), earlier)
        # Clones: a chunk of a batch would keep the whole batch alive for as long as one frame is.
        feat, guide_feat, attention = (
            [part.clone() for part in x.chunk(len(base))] for x in encoded[:3]
        )
        return [
            FrameState(*state[:3], lists=(state[3],))
            for state in zip(base, guide_feat, attention, feat, strict=True)
        ]


class STDNetStream:
    """Frames in, predictions out, eight frames later; equal to the whole clip's forward.

    Gradients are not tracked. The network's mode is not touched; only rounding depends on it.

    Args:
        net: an :class:`~stdnet_arch.archs.stdnet_arch.STDNet`.
    """

    def __init__(self, net: "STDNet") -> None:
        self.net = net
        self.replication = net.scale // 4
        self.coarse = StageStream(net.guided_stage)
        self.fine = StageStream(net.refining_stage)
        self.waiting: list[tuple[Tensor, Tensor]] = []
        """Depth and confidence of frames that the first stage is done with, the second not yet."""
        self.further_maps: list[dict[str, Tensor]] = []
        """The other maps of the frames of the last push, ``(b, 1, H, W)`` each, if there are."""

    @torch.no_grad()
    def push(
        self,
        lq: Sequence[Tensor],
        guide: Sequence[Tensor],
        last: bool = False,
        here: Sequence[Tensor] | None = None,
    ) -> list[Tensor]:
        """Take the next frames; give the predictions that are complete.

        Args:
            lq: ``(b, 1, h, w)`` each, in [0, 1]; any number of frames, also none.
            guide: ``(b, 3, H, W)`` each, in [0, 1].
            last: no frame will follow: all predictions are given.
            here: 1, or 0 for a frame that is none, ``(b, 1, 1, 1)`` each; None: all are. It needs
                the folded form and one frame at a time, after as many as are ever kept.

        Returns:
            ``(b, 1, H, W)`` each, in order; the first one when the ninth frame has come.
        """
        base = [replicate_up(self.net.see(frame), self.replication) for frame in lq]
        coarse = self.coarse.push(base, guide, last=last, here=here)
        self.waiting += [(frame.depth, frame.confidence) for frame in coarse]
        fine = self.fine.push(
            [frame.base for frame in coarse],
            [torch.cat((frame.depth, frame.confidence), dim=1) for frame in coarse],
            [frame.feat for frame in coarse],
            last=last,
            here=None if here is None else [frame.here for frame in coarse],
        )
        done, self.waiting = self.waiting[: len(fine)], self.waiting[len(fine) :]
        if self.net.planes_head is not None:
            return self._weigh_planes(fine)
        return [
            blend(torch.stack((depth, b.depth)), torch.stack((confidence, b.confidence)))[0]
            for (depth, confidence), b in zip(done, fine, strict=True)
        ]

    def _weigh_planes(self, frames: Sequence[StageFrame]) -> list[Tensor]:
        """Predict with the head of planes, which also tells ``error``."""
        made = [self.net.weigh_planes(frame.base[:, None], frame.feat[:, None]) for frame in frames]
        self.further_maps = [{"error": maps["error"][:, 0]} for maps in made]
        return [maps["pred"][:, 0] for maps in made]

    def to(self, device: torch.device | str) -> None:
        """Bring all that is kept for later frames to a device, each map once."""
        passes = [*self.coarse.passes, *self.fine.passes]
        kept, self.waiting = to_device(([item.kept for item in passes], self.waiting), device)
        for item, frames in zip(passes, kept, strict=True):
            item.kept = frames
