"""A clip as a stack of slices in time, and the way back to frames at high resolution."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import ResidualTrunk, leaky_relu


def to_slices(feat: Tensor) -> Tensor:
    """One x-t slice per row, with the rows above and below it as further channels.

    Args:
        feat: ``(b, t, c, h, w)``.

    Returns:
        ``(b * h, 3 * c, t, w)``; beyond the frame there are zeros.
    """
    h = feat.shape[3]
    padded = F.pad(feat, (0, 0, 1, 1))
    around = torch.cat([padded[..., k : k + h, :] for k in range(3)], 2)  # (b, t, 3 * c, h, w)
    return around.permute(0, 3, 2, 1, 4).flatten(0, 1)


def shuffle_along(x: Tensor, factor: int, dim: int) -> Tensor:
    """Pixel shuffle in one dimension: channels become neighbours.

    Args:
        x: ``(b, c * factor, h, w)``.
        factor: ratio of the new side to the old one.
        dim: 2 or 3, which side.

    Returns:
        ``(b, c, h * factor, w)`` or ``(b, c, h, w * factor)``; pixel ``factor * i + k`` of channel
        ``c`` is pixel ``i`` of channel ``factor * c + k``.
    """
    parts = x.unflatten(1, (-1, factor))  # (b, c, factor, h, w)
    return parts.movedim(2, dim + 1).flatten(dim, dim + 1)


class SliceUpsampling(nn.Module):
    """Super-resolve the x-t slices of a clip in both of their dimensions, then retarget to frames.

    In the words of the abstract: temporal profiles are super-resolved in space and time at once,
    and a feature shuffling recovers the dimension that a slice does not have.

    Args:
        in_feat: channels of the clip.
        num_feat: channels within.
        out_feat: channels of the frames that come out.
        num_block: residual blocks on the slices.
        scale: H / h.
        time_scale: 2 makes a line between each two lines of a slice.
    """

    def __init__(
        self,
        in_feat: int,
        num_feat: int,
        out_feat: int,
        num_block: int,
        scale: int,
        time_scale: int,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.trunk = ResidualTrunk(3 * in_feat, num_feat, num_block)
        if time_scale == 2:
            self.lengthen = nn.Sequential(
                nn.ConvTranspose2d(num_feat, num_feat, 3, stride=(2, 1), padding=1), leaky_relu()
            )
        else:
            self.lengthen = nn.Sequential()
        self.conv_expand = nn.Conv2d(num_feat, scale * scale * out_feat, 3, padding=1)

    def forward(self, feat: Tensor) -> Tensor:
        """``(b, n, in_feat, h, w)`` -> ``(b, t, out_feat, H, W)``, ``t`` is ``n`` or ``2n - 1``."""
        b = len(feat)
        slices = self.conv_expand(self.lengthen(self.trunk(to_slices(feat))))
        wide = shuffle_along(slices, self.scale, 3)  # (b * h, scale * out_feat, t, W)
        frames = wide.unflatten(0, (b, -1)).permute(0, 3, 2, 1, 4)  # (b, t, scale * out_feat, h, W)
        return shuffle_along(frames.flatten(0, 1), self.scale, 2).unflatten(0, (b, -1))
