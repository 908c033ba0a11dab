"""Spatial-temporal deformable feature aggregation (STDFA): STDAN, section III-C, Eqs. 1-9."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.ops.deform_attention import attend_best_taps

TAPS = 9
TOP = 2
"""Taps that a query takes from each other frame."""


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
        self.conv_last = nn.Conv2d(embed_feat, num_feat, 3, padding=1)

    def forward(self, feat: Tensor) -> Tensor:
        """``(b, t, c, h, w)`` -> ``(b, t, c, h, w)``, ``t >= 2``; cost grows with ``t ** 2``."""
        b, t = feat.shape[:2]
        x = self.conv_first(feat.flatten(0, 1))
        query, key, value = self._project(x)  # (b*t, e, h, w) each
        # The first convolution sees a query and a key side by side: it is the sum of a convolution
        # of each, t of which serve all t * (t - 1) pairs.
        of_query, of_key = self.offset_conv1.weight.chunk(2, dim=1)
        query_part = F.conv2d(query, of_query, self.offset_conv1.bias, padding=1)
        key_part = F.conv2d(key, of_key, padding=1)
        clips = [x.unflatten(0, (b, t)) for x in (query, key, value, query_part, key_part)]
        gathered = torch.stack([self._gather(i, *clips) for i in range(t)], 1)
        return feat + self.conv_last(gathered.flatten(0, 1)).unflatten(0, (b, t))

    def _project(self, x: Tensor) -> list[Tensor]:
        pixels = x.permute(0, 2, 3, 1)
        maps = (self.query(pixels), self.key(pixels), self.value(pixels))
        return [y.permute(0, 3, 1, 2).contiguous() for y in maps]

    def _gather(  # noqa: PLR0913  the five maps belong together
        self,
        i: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        query_part: Tensor,
        key_part: Tensor,
    ) -> Tensor:
        """What frame ``i`` takes from the others: ``(b, t, e, h, w)`` each -> ``(b, e, h, w)``."""
        b, t = query.shape[:2]
        others = [j for j in range(t) if j != i]
        offset, mask = self._offsets(query_part[:, i : i + 1] + key_part[:, others])
        chosen = attend_best_taps(
            query[:, i : i + 1].expand(-1, t - 1, -1, -1, -1).flatten(0, 1),
            key[:, others].flatten(0, 1),
            value[:, others].flatten(0, 1),
            offset,
            mask,
            groups=self.groups,
            top=TOP,
        )
        share = chosen.score.unflatten(0, (b, t - 1)).softmax(1)  # over the other frames
        return (chosen.value.unflatten(0, (b, t - 1)) * share[:, :, None]).sum(1)

    def _offsets(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """Output of ``offset_conv1``, ``(b, t - 1, e, h, w)`` -> offset and mask of each pair."""
        feat = F.leaky_relu(self.offset_conv2(F.leaky_relu(first.flatten(0, 1), 0.1)), 0.1)
        made = self.conv_offset(feat)
        offset, mask = made.tensor_split((2 * self.groups * TAPS,), dim=1)
        return offset, mask.sigmoid()
