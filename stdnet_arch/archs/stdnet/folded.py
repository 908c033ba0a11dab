"""STDNet's modules with all that is linear folded: same numbers, fewer multiplications.

No folded weight outlives a call: folding costs some thousandths of it, and so no other weights,
device or precision can ever meet old ones.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import ACTIVATION_SLOPE, ResidualGroup, convolve
from stdnet_arch.ops.deform_sample import modulated_deform_conv
from stdnet_arch.ops.epilogue import finish_
from stdnet_arch.ops.fold import fold_pointwise

if TYPE_CHECKING:
    from stdnet_arch.archs.stdnet.temporal_difference import TemporalDifference


TAPS = 9  # of the 3x3 deformable kernel


class Foldable(nn.Module):
    """A module with a folded form, taken in evaluation mode without gradients."""

    folds: bool = True
    """Switched by :meth:`stdnet_arch.archs.stdnet_arch.STDNet.fuse`."""

    def is_folded(self) -> bool:
        """Tell whether the next call takes the folded form."""
        return self.folds and not self.training and not torch.is_grad_enabled()


class Neighbours(NamedTuple):
    """The neighbours at one distance, of those frames that have one."""

    span: slice
    """Current frames that these are."""
    feat: Tensor
    """``(b, n, c, h, w)``."""
    guide_feat: Tensor
    """F_r, ``(b, n, c, h, w)``."""
    difference: Tensor
    """phi between each frame and its neighbour, ``(b, n, c, h, w)``."""
    weight: Tensor | None = None
    """Weight of each, ``(b, 1, 1, 1)``: 1, or 0 where there is none; None: 1."""


class FoldedTemporalDifference:
    """The sum of :class:`TemporalDifference` over the neighbours of each frame.

    Computed per frame instead of per pair is the share of the current frame in the first
    convolution and in the motion. So is, from the sum of the neighbours, all that follows the last
    activation: the last convolution, its skip and the 1x1 behind both.

    Args:
        module: network with the weights to fold.
    """

    def __init__(self, module: "TemporalDifference") -> None:
        self.module = module
        c = module.conv_motion.out_channels
        motion = module.conv_motion.weight
        self.motion_own = motion[:, :c]
        self.motion_difference = fold_pointwise(
            module.conv_difference.weight,
            module.conv_difference.bias,
            motion[:, c:],
            module.conv_motion.bias,
        )
        self.blocks = list(cast(Any, module.residual_group).body)[:-1]
        self.first_own, self.first_pair = self.blocks[0].body[0].weight.tensor_split((c,), dim=1)
        self.skip_own, self.skip_pair = module.conv_fuse.weight.tensor_split((c,), dim=1)
        self.tail, self.constant = fold_tail(module.residual_group, module.conv_fuse)

    def __call__(self, current: Tensor, attention: Tensor, nearby: Sequence[Neighbours]) -> Tensor:
        """Fuse frames with their neighbours.

        Args:
            current: the frames to improve, ``(b, f, c, h, w)``.
            attention: their w, ``(b, f, c, h, w)``.
            nearby: their neighbours at each distance; at the first, all frames have one.

        Returns:
            ``(b, f, c, h, w)``.
        """
        pairs = _Pairs(current.shape[0], [each.span for each in nearby])
        frames = current.flatten(0, 1)
        pair = self._align(frames, attention.flatten(0, 1), nearby, pairs)  # (b*p, 2c, h, w)
        improved = self._attend(frames, pair, pairs)  # (b*p, 3c, h, w)
        own = pairs.repeat(F.conv2d(frames, self.skip_own, self.constant))
        weights = [x.weight for x in nearby if x.weight is not None]
        if weights:
            weight = torch.cat(weights)
            own, improved, pair = own * weight, improved * weight, pair * weight
        out = pairs.sum_up(own)
        out += F.conv2d(pairs.sum_up(improved), self.tail, padding=1)
        out += F.conv2d(pairs.sum_up(pair), self.skip_pair)
        return out.unflatten(0, current.shape[:2])

    def _align(
        self, frames: Tensor, attention: Tensor, nearby: Sequence[Neighbours], pairs: "_Pairs"
    ) -> Tensor:
        """The neighbours' features and F_r where motion says; ``(b*p, 2c, h, w)``."""
        module, (weight, bias) = self.module, self.motion_difference
        motion = F.conv2d(_join(x.difference for x in nearby), weight, bias, padding=1)
        motion += pairs.repeat(F.conv2d(frames, self.motion_own))
        offset, mask = module.conv_offset_mask(motion).tensor_split((2 * TAPS,), dim=1)
        sources = _join(x.feat for x in nearby), _join(x.guide_feat for x in nearby)
        moved = modulated_deform_conv(
            torch.cat(sources, dim=1), offset, mask.sigmoid(), module.weight, module.bias
        )
        aligned, aligned_guide = moved.chunk(2, dim=1)
        aligned_guide *= pairs.repeat(attention)
        aligned = convolve(module.conv_aligned, F.leaky_relu(aligned, 0.1))
        return torch.cat((aligned, aligned_guide.to(aligned.dtype)), dim=1)

    def _attend(self, frames: Tensor, pair: Tensor, pairs: "_Pairs") -> Tensor:
        """The attention blocks on [current, aligned, aligned guide]; ``(b*p, 3c, h, w)``."""
        first, *others = self.blocks
        own = pairs.repeat(F.conv2d(frames, self.first_own, padding=1))
        inner = F.conv2d(pair, self.first_pair, padding=1)
        finish_(inner, first.body[0].bias, ACTIVATION_SLOPE, skip=own, skip_first=True)
        out = first.finish(inner, [pairs.repeat(frames), pair])
        for block in others:
            out = block(out)
        return out


class _Pairs:
    """Pairs of frame and neighbour, distance after distance, and the frames they belong to."""

    def __init__(self, batch: int, spans: Sequence[slice]) -> None:
        self.batch, self.spans = batch, spans

    def repeat(self, x: Tensor) -> Tensor:
        """Repeat maps of frames, ``(b*f, ...)``, for each of their pairs, ``(b*p, ...)``."""
        if len(self.spans) == 1:
            return x
        clip = x.unflatten(0, (self.batch, -1))
        return _join(clip[:, span] for span in self.spans)

    def sum_up(self, x: Tensor) -> Tensor:
        """The sum over the pairs of each frame, ``(b*p, ...)`` -> ``(b*f, ...)``; uses up ``x``."""
        if len(self.spans) == 1:
            return x
        clip = x.unflatten(0, (self.batch, -1))
        lengths = [span.stop - span.start for span in self.spans]
        total, *others = clip.split(lengths, dim=1)
        for span, part in zip(self.spans[1:], others, strict=True):
            total[:, span] += part
        return total.flatten(0, 1)


def fold_tail(group: ResidualGroup, fuse: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Fold a residual group's last convolution with ``fuse`` behind it.

    With it, ``fuse(group(x)) = conv(blocks(x); weight, bias) + fuse.weight * x``.

    Args:
        group: ``m`` channels.
        fuse: a 1x1 convolution, ``m`` -> ``c`` channels.

    Returns:
        weight, ``(c, m, 3, 3)``, and bias, ``(c,)``.
    """
    last = cast(nn.Conv2d, group.body[-1])
    return fold_pointwise(last.weight, last.bias, fuse.weight, fuse.bias)


def fuse_folded(group: ResidualGroup, fuse: nn.Conv2d, x: Tensor) -> Tensor:
    """``fuse(group(x))``, folded.

    Args:
        group: weights of one block, ``m`` channels.
        fuse: a 1x1 convolution, ``m`` -> ``c`` channels.
        x: ``(b, m, h, w)``.

    Returns:
        ``(b, c, h, w)``.
    """
    weight, bias = fold_tail(group, fuse)
    out = F.conv2d(group.body[0](x), weight, bias, padding=1)
    out += F.conv2d(x, fuse.weight)
    return out


def join_in_time(clips: Sequence[Tensor]) -> Tensor:
    """Clips of the same batch one after the other, ``(b, n, c, h, w)`` each.

    A batch of one keeps its layout in memory: ``channels_last`` is known to maps, not to clips.
    """
    if len(clips[0]) == 1:
        return torch.cat([clip[0] for clip in clips])[None]
    return torch.cat(list(clips), dim=1)


def _join(clips: Iterable[Tensor]) -> Tensor:
    """``(b, n, ...)`` each -> all pairs, ``(b*p, ...)``."""
    return join_in_time(list(clips)).flatten(0, 1)
