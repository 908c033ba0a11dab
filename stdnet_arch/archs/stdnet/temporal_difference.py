"""Temporal difference branch: neighbours are aligned by deformable sampling that motion steers."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import ResidualGroup
from stdnet_arch.archs.stdnet.folded import (
    TAPS,
    Foldable,
    FoldedTemporalDifference,
    Neighbours,
    join_in_time,
)
from stdnet_arch.ops.deform_sample import modulated_deform_conv
from stdnet_arch.ops.frame_parts import frames_at_once

NEIGHBOURS = 2  # frames that a pass reads beside each frame, all on one side


class TemporalDifference(nn.Module):
    """Bring what a neighbour frame knows to the current frame (paper, Sec. 3.3)."""

    def __init__(self, num_feat: int, num_block: int = 2) -> None:
        super().__init__()
        self.conv_difference = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv_motion = nn.Conv2d(2 * num_feat, num_feat, 1)
        self.conv_offset_mask = nn.Conv2d(num_feat, 3 * TAPS, 3, padding=1)
        self.weight = nn.Parameter(torch.empty(num_feat, num_feat, 3, 3))
        self.bias = nn.Parameter(torch.zeros(num_feat))
        self.conv_aligned = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.residual_group = ResidualGroup(3 * num_feat, num_block)
        self.conv_fuse = nn.Conv2d(3 * num_feat, num_feat, 1)
        bound = (TAPS * num_feat) ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        # Zero offsets, and masks of 1/2 everywhere: training starts from a plain convolution.
        nn.init.zeros_(self.conv_offset_mask.weight)
        nn.init.zeros_(self.conv_offset_mask.get_parameter("bias"))

    def forward(
        self,
        current: Tensor,
        neighbour: Tensor,
        difference: Tensor,
        neighbour_guide: Tensor,
        attention: Tensor,
    ) -> Tensor:
        """Fuse pairs of frames.

        Args:
            current: features of the frames to improve, ``(b, c, h, w)``.
            neighbour: features of their neighbours, ``(b, c, h, w)``.
            difference: phi between the two, ``(b, c, h, w)``.
            neighbour_guide: F_r of the neighbours, ``(b, c, h, w)``.
            attention: w of the current frames, ``(b, c, h, w)``.

        Returns:
            What the pair adds up to, ``(b, c, h, w)``.
        """
        # Offsets and masks are found once, from features of depth. With the same weights they
        # sample the neighbour's RGB, too: the two are registered.
        motion = self.conv_motion(torch.cat((current, self.conv_difference(difference)), dim=1))
        offset, mask = self.conv_offset_mask(motion).tensor_split((2 * TAPS,), dim=1)
        aligned, aligned_guide = modulated_deform_conv(
            torch.cat((neighbour, neighbour_guide), dim=1),
            offset,
            mask.sigmoid(),
            self.weight,
            self.bias,
        ).chunk(2, dim=1)
        aligned = self.conv_aligned(F.leaky_relu(aligned, 0.1))
        joint = torch.cat((current, aligned, aligned_guide * attention), dim=1)
        return self.conv_fuse(self.residual_group(joint))


class PropagationPass(Foldable):
    """One pass over the clip, backward or forward in time; every frame reads its next two
    neighbours.

    A pass maps the list of the previous pass to a new list and never reads its own outputs. So all
    frames and both neighbours run as one batch; folded, as many frames at once as is fastest.
    """

    def __init__(self, num_feat: int, direction: str, num_block: int = 2) -> None:
        super().__init__()
        self.direction = direction
        self.temporal_difference = TemporalDifference(num_feat, num_block)

    def neighbours(self, frame: int) -> list[int]:
        """The frames that ``frame`` reads, nearest first; they may lie outside the clip."""
        ahead = 1 if self.direction == "backward" else -1
        return [frame + ahead * step for step in range(1, NEIGHBOURS + 1)]

    def forward(
        self, feat: Tensor, guide_feat: Tensor, attention: Tensor, phi: list[Tensor]
    ) -> Tensor:
        """Run the pass.

        Args:
            feat: ``(b, t, c, h, w)``.
            guide_feat: F_r, ``(b, t, c, h, w)``.
            attention: w, ``(b, t, c, h, w)``.
            phi: temporal differences at distance 1, 2, ...: ``(b, t - distance, c, h, w)`` each.

        Returns:
            ``(b, t, c, h, w)``; the frame without neighbours is passed on as it is.
        """
        b, t = feat.shape[:2]
        # Paper: clips of 7 frames. The authors' code fails on one frame and gives NaN on two. The
        # natural extension: a frame without neighbours passes, one with a single one takes that.
        steps = [step for step in range(1, len(phi) + 1) if step < t]
        if not steps:
            return feat
        if self.is_folded():
            return self._run_folded(feat, guide_feat, attention, phi)
        early = [slice(0, t - step) for step in steps]
        late = [slice(step, t) for step in steps]
        current, neighbour = (early, late) if self.direction == "backward" else (late, early)

        def batch(x: Tensor, frames: list[slice]) -> Tensor:
            return torch.cat([x[:, span] for span in frames], dim=1).flatten(0, 1)

        fused = self.temporal_difference(
            batch(feat, current),
            batch(feat, neighbour),
            torch.cat(phi[: len(steps)], dim=1).flatten(0, 1),
            batch(guide_feat, neighbour),
            batch(attention, current),
        ).unflatten(0, (b, -1))
        return self._sum_over_neighbours(feat, fused.split([t - step for step in steps], dim=1))

    def _sum_over_neighbours(self, feat: Tensor, parts: tuple[Tensor, ...]) -> Tensor:
        """Each frame is the sum over its neighbours; only the first or last frame has none."""
        total = torch.zeros_like(feat)
        for part in parts:
            count = part.shape[1]
            span = slice(0, count) if self.direction == "backward" else slice(-count, None)
            total[:, span] = total[:, span] + part
        alone = slice(-1, None) if self.direction == "backward" else slice(0, 1)
        total[:, alone] = feat[:, alone]
        return total

    def _run_folded(
        self, feat: Tensor, guide_feat: Tensor, attention: Tensor, phi: list[Tensor]
    ) -> Tensor:
        """:meth:`forward`, a few frames at a time."""
        return self.fuse_frames(range(feat.shape[1]), feat, guide_feat, attention, phi)

    def fuse_frames(
        self,
        frames: range,
        feat: Tensor,
        guide_feat: Tensor,
        attention: Tensor,
        phi: Sequence[Tensor],
    ) -> Tensor:
        """Some consecutive frames of a clip after the pass, folded, a few at a time.

        Args:
            frames: indices of the frames, at least one.
            feat: features of the whole clip, as all that follow; see :meth:`forward`.
            guide_feat: F_r.
            attention: w.
            phi: temporal differences.

        Returns:
            ``(b, len(frames), c, h, w)``.
        """
        t = feat.shape[1]
        alone = t - 1 if self.direction == "backward" else 0
        fuse = FoldedTemporalDifference(self.temporal_difference)
        widest = 3 * NEIGHBOURS * feat[:, 0].numel()
        most = t if torch.compiler.is_compiling() else frames_at_once(feat.device, widest)
        paired = range(max(frames.start, int(alone == 0)), min(frames.stop, t - int(alone > 0)))
        fused = []
        for first in range(paired.start, paired.stop, most):
            part = range(first, min(first + most, paired.stop))
            inside = slice(part.start, part.stop)
            nearby = list(self._nearby(part, feat, guide_feat, phi))
            fused.append(fuse(feat[:, inside], attention[:, inside], nearby))
        if alone in frames:
            fused.insert(0 if alone == 0 else len(fused), feat[:, alone : alone + 1])
        return join_in_time(fused)

    def _nearby(
        self, part: range, feat: Tensor, guide_feat: Tensor, phi: Sequence[Tensor]
    ) -> Iterator[Neighbours]:
        """The neighbours of consecutive frames, distance by distance."""
        t = feat.shape[1]
        for step, difference in enumerate(phi, start=1):
            if self.direction == "backward":
                own = range(part.start, min(part.stop, t - step))
                other, at = slice(own.start + step, own.stop + step), slice(own.start, own.stop)
            else:
                own = range(max(part.start, step), part.stop)
                other = at = slice(own.start - step, own.stop - step)
            if len(own):
                span = slice(own.start - part.start, own.stop - part.start)
                yield Neighbours(span, feat[:, other], guide_feat[:, other], difference[:, at])
