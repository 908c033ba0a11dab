"""Spatial-temporal deformable feature aggregation (STDFA): STDAN, section III-C, Eqs. 1-9."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.ops.deform_attention import attend_best_taps

TAPS = 9
TOP = 2
"""Taps that a query takes from each other frame."""
OFFSET_VALUES = 1 << 21
"""Offsets and masks computed at once without gradients: 8 MB of float32, pairs of frames."""


class DeformableAggregation(nn.Module):
    """Every frame gathers, from every other one, the 2 most similar of 9 deformable taps.

    Args:
        num_feat: channels in and out.
        embed_feat: channels of queries, keys and values, a multiple of ``groups``.
        groups: offset groups.
    """

    def __init__(self, num_feat: int, embed_feat: int, groups: int = 8) -> None:
        super().__init__()
        self.groups = groups
        self.conv_first = nn.Conv2d(num_feat, embed_feat, 3, padding=1)
        self.query = nn.Linear(embed_feat, embed_feat)
        self.key = nn.Linear(embed_feat, embed_feat)
        self.value = nn.Linear(embed_feat, embed_feat)
        self.offset_conv1 = nn.Conv2d(2 * embed_feat, embed_feat, 3, padding=1)
        self.offset_conv2 = nn.Conv2d(embed_feat, embed_feat, 3, padding=1)
        self.conv_offset = nn.Conv2d(embed_feat, 3 * groups * TAPS, 3, padding=1)
        nn.init.zeros_(self.conv_offset.weight)
        nn.init.zeros_(self.conv_offset.get_parameter("bias"))
        # Paper: "a linear layer". The authors' code has a convolution, and so have their weights.
        self.conv_last = nn.Conv2d(embed_feat, num_feat, 3, padding=1)

    def forward(self, feat: Tensor) -> Tensor:
        """``(b, t, c, h, w)`` -> ``(b, t, c, h, w)``, ``t >= 2``; cost grows with ``t ** 2``."""
        b, t = feat.shape[:2]
        x = self.conv_first(feat.flatten(0, 1))
        # The first convolution sees a query and a key side by side: it is the sum of a convolution
        # of each, t of which serve all t * (t - 1) pairs.
        of_query, of_key = self.offset_conv1.weight.chunk(2, dim=1)
        key = per_pixel(self.key, x)
        sources = key, per_pixel(self.value, x), F.conv2d(key, of_key, padding=1)
        sources = tuple(clip.unflatten(0, (b, t)) for clip in sources)
        x = x.unflatten(0, (b, t))
        frames = []
        for i in range(t):
            query = per_pixel(self.query, x[:, i])
            query_part = F.conv2d(query, of_query, self.offset_conv1.bias, padding=1)
            others = [j for j in range(t) if j != i]
            gathered = self._gather(query, query_part, sources, others)
            frames.append(feat[:, i] + self.conv_last(gathered))
        return torch.stack(frames, 1)

    def _gather(
        self, query: Tensor, query_part: Tensor, sources: tuple[Tensor, ...], others: list[int]
    ) -> Tensor:
        """Gather what one frame takes from the others.

        Args:
            query: ``(b, e, h, w)``.
            query_part: its part of ``offset_conv1``, ``(b, e, h, w)``.
            sources: keys, values, and the keys' part of ``offset_conv1``, ``(b, t, e, h, w)``.
            others: the frames to take from.

        Returns:
            ``(b, e, h, w)``.
        """
        b, _, h, w = query.shape
        at_once = len(others)
        if not torch.is_grad_enabled():
            at_once = max(1, OFFSET_VALUES // (b * self.conv_offset.out_channels * h * w))
        scores, values = [], []
        for start in range(0, len(others), at_once):
            part = others[start : start + at_once]
            key, value, key_part = (clip[:, part].flatten(0, 1) for clip in sources)
            asked, asked_part = (x.repeat_interleave(len(part), 0) for x in (query, query_part))
            offset, mask = self._offsets(asked_part + key_part)
            # One head, scores without 1/sqrt(channels) and without a position bias, and masks count
            # in them: other than the Swin blocks around, and as the published weights need it.
            score, taken = attend_best_taps(
                asked, key, value, offset, mask, groups=self.groups, top=TOP
            )
            scores.append(score.unflatten(0, (b, -1)))
            values.append(taken.unflatten(0, (b, -1)))
        share = torch.cat(scores, 1).softmax(1)  # over the other frames
        return (torch.cat(values, 1) * share[:, :, None]).sum(1)

    def _offsets(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """Output of ``offset_conv1``, ``(n, e, h, w)`` -> offset and mask of each pair."""
        feat = F.leaky_relu(self.offset_conv2(F.leaky_relu(first, 0.1)), 0.1)
        made = self.conv_offset(feat)
        offset, mask = made.tensor_split((2 * self.groups * TAPS,), dim=1)
        return offset, mask.sigmoid()


def per_pixel(layer: nn.Linear, x: Tensor) -> Tensor:
    """A linear layer over the channels of ``(b, c, h, w)``, without a copy of the map."""
    return F.conv2d(x, layer.weight[:, :, None, None], layer.bias)
