"""View-temporal attention (VTAM): what the other view shows at the same time and at other times."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.svsrnet.fusion import PlainResidualBlock
from stdnet_arch.ops.matching.occlusion import clean_mask
from stdnet_arch.ops.resize import pad_to_multiple, unpad

SEEN = 0.1
"""Least sum of attention that a pixel must get from the other view to count as seen by it."""


class CrossAttention(nn.Module):
    """Queries from one map, keys from another, whose own features are gathered.

    A subclass says which pixels may look at which.

    Args:
        num_feat: channels.
    """

    def __init__(self, num_feat: int) -> None:
        super().__init__()
        self.block = PlainResidualBlock(num_feat)
        self.conv_query = nn.Conv2d(num_feat, num_feat, 1)
        self.conv_key = nn.Conv2d(num_feat, num_feat, 1)

    def forward(self, feat: Tensor, other: Tensor) -> tuple[Tensor, ...]:
        """Two ``(b, c, h, w)`` -> ``other`` gathered at the pixels of ``feat``, the same shape.

        A further map, if there is one, is ``(b, 1, h, w)``.
        """
        query, key = self.conv_query(self.block(feat)), self.conv_key(self.block(other))
        return self.gather(query, key, other)

    def gather(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Three ``(b, c, h, w)`` -> see :meth:`forward`."""
        raise NotImplementedError


class ParallaxAttention(CrossAttention):
    """Pixels look along their row, as in rectified views (PASSRnet, Wang et al., CVPR 2019).

    The second result says which pixels the other view sees, too.

    Args:
        num_feat: channels.
        tidies: clean that mask of specks by
            :func:`~stdnet_arch.ops.matching.occlusion.clean_mask`.
    """

    def __init__(self, num_feat: int, tidies: bool = True) -> None:
        super().__init__(num_feat)
        self.tidies = tidies

    def gather(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Warp the other view; see :class:`CrossAttention`."""
        rows = [x.permute(0, 2, 3, 1) for x in (query, key, value)]  # (b, h, w, c)
        score = rows[0] @ rows[1].mT  # (b, h, w, w of the other view)
        gathered = (score.softmax(-1) @ rows[2].to(score.dtype)).permute(0, 3, 1, 2)
        # What the other view's pixels look at, summed over them: near 0 for what they do not see.
        seen = score.detach().softmax(-2).sum(-1).unsqueeze(1) > SEEN
        seen = clean_mask(seen) if self.tidies else seen
        return gathered, seen.to(value.dtype)


class GlobalAttention(CrossAttention):
    """Every pixel looks at every pixel, without keeping the ``(h * w)^2`` scores."""

    def gather(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """See :class:`CrossAttention`."""
        q, k, v = (x.flatten(2).mT.unsqueeze(1) for x in (query, key, value.to(query.dtype)))
        gathered = F.scaled_dot_product_attention(q, k, v, scale=1.0)  # (b, 1, h * w, c)
        return (gathered.squeeze(1).mT.unflatten(2, query.shape[-2:]),)


class WindowCrossAttention(CrossAttention):
    """Pixels look around within their window; scores are divided by the root of the channels.

    Args:
        num_feat: channels.
        window: side of a window; the last ones of a frame may be smaller.
    """

    def __init__(self, num_feat: int, window: int) -> None:
        super().__init__(num_feat)
        self.window = window

    def gather(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """See :class:`CrossAttention`."""
        b, _, h, w = query.shape
        inside = torch.ones_like(query[:1, :1])
        maps = [query, key, value.to(query.dtype), inside]
        padded = [pad_to_multiple(x, self.window, "zeros") for x in maps]
        padding, (H, W) = padded[0][1], padded[0][0].shape[-2:]
        q, k, v, known = (self._cut(x) for x, _ in padded)
        mask = (known > 0).mT.repeat(b, 1, 1)  # (windows, 1, n): pixels that may be looked at
        gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        rows, columns = H // self.window, W // self.window
        frames = gathered.unflatten(1, (self.window, self.window)).unflatten(0, (b, rows, columns))
        return (unpad(frames.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3), padding),)

    def _cut(self, x: Tensor) -> Tensor:
        """``(b, c, H, W)`` -> ``(b * windows, n, c)``."""
        size = self.window
        tiles = x.unflatten(3, (-1, size)).unflatten(2, (-1, size))  # (b, c, rows, n, columns, n)
        return tiles.permute(0, 2, 4, 3, 5, 1).flatten(0, 2).flatten(1, 2)


class ViewTemporalAttention(nn.Module):
    """Gather from the other view at the same time and at other times, and fuse.

    Args:
        num_feat: channels.
        same_time: attention to the other view at the same time.
        other_times: attentions to it at other times, two of them.
        has_mask: ``same_time`` says which pixels are seen.
        shares_fusion: one convolution does what two are there for, as in the authors' code.
    """

    def __init__(
        self,
        num_feat: int,
        same_time: CrossAttention,
        other_times: Sequence[CrossAttention],
        has_mask: bool,
        shares_fusion: bool = False,
    ) -> None:
        super().__init__()
        maps = len(other_times) + 1
        self.same_time = same_time
        self.other_times = nn.ModuleList(other_times)
        self.conv_pairs = nn.ModuleList(nn.Conv2d(2 * num_feat, num_feat, 1) for _ in other_times)
        self.conv_times = nn.Conv2d(maps * num_feat, num_feat, 1)
        self.conv_same = nn.Conv2d(2 * num_feat + has_mask, num_feat, 1)
        self.conv_all = None if shares_fusion else nn.Conv2d(maps * num_feat, num_feat, 1)
        self.conv_out1 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv_out2 = nn.Conv2d(num_feat, num_feat, 1)

    def forward(self, center: Tensor, same: Tensor, others: Sequence[Tensor]) -> Tensor:
        """Fuse into the features of the centre frame.

        Args:
            center: this view, ``(b, c, h, w)``.
            same: the other view at the same time.
            others: the other view at other times.

        Returns:
            ``(b, c, h, w)``.
        """
        warped, *seen = self.same_time(center, same)
        gathered = [
            layer(center, other)[0] for layer, other in zip(self.other_times, others, strict=True)
        ]
        times = self.conv_times(torch.cat((*gathered, center), 1))
        parallax = _activate(self.conv_same(torch.cat((warped, times, *seen), 1)))
        pairs = [
            _activate(conv(torch.cat((one, center), 1)))
            for conv, one in zip(self.conv_pairs, gathered, strict=True)
        ]
        conv_all = self.conv_times if self.conv_all is None else self.conv_all
        out = _activate(conv_all(torch.cat((*pairs, parallax), 1)))
        return _activate(self.conv_out2(self.conv_out1(out)))


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.1)
