"""Modulated deformable convolution as a layer (DCNv2, Zhu et al. 2019)."""

import torch
from torch import Tensor, nn

from stdnet_arch.ops.deform_sample import modulated_deform_conv


class ModulatedDeformConv(nn.Module):
    """A convolution that learns where to look and how much to trust it; stride 1.

    Offsets and mask come from a zero-initialised 3x3 convolution: training starts from the plain
    convolution times 1/2.

    Args:
        in_feat: channels in.
        out_feat: channels out.
        kernel: side of the window.
        groups: groups of ``in_feat / groups`` channels with their own offsets and mask.
        dilation: distance between taps, pixels; the window is padded so that sizes stay.
        offset_feat: channels of the map that offsets are made from; default ``in_feat``.
        bias: add a learned constant per channel out.

    Raises:
        ValueError: ``kernel`` is even or ``in_feat`` not a multiple of ``groups``.

    Example:
        >>> conv = ModulatedDeformConv(8, 16, groups=2)
        >>> tuple(conv(torch.rand(1, 8, 5, 6), torch.rand(1, 8, 5, 6)).shape)
        (1, 16, 5, 6)
    """

    def __init__(
        self,
        in_feat: int,
        out_feat: int,
        kernel: int = 3,
        groups: int = 8,
        *,
        dilation: int = 1,
        offset_feat: int | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, so that sizes stay, got {kernel}")
        if in_feat % groups:
            raise ValueError(f"in_feat must be a multiple of {groups} (groups), got {in_feat}")
        self.kernel, self.groups, self.dilation = kernel, groups, dilation
        taps = groups * kernel * kernel
        self.weight = nn.Parameter(torch.empty(out_feat, in_feat, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_feat)) if bias else None
        self.conv_offset = nn.Conv2d(offset_feat or in_feat, 3 * taps, 3, padding=1)
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")
        nn.init.zeros_(self.conv_offset.weight)
        nn.init.zeros_(self.conv_offset.get_parameter("bias"))

    def forward(self, x: Tensor, offset_feat: Tensor | None = None) -> Tensor:
        """Convolve.

        Args:
            x: ``(b, in_feat, h, w)``.
            offset_feat: map that makes offsets and mask, ``(b, offset_feat, h, w)``; default
                ``x`` itself.

        Returns:
            ``(b, out_feat, h, w)``.

        Raises:
            ValueError: channels or sizes do not fit, see :func:`deform_sample`.
        """
        taps = self.groups * self.kernel * self.kernel
        both = self.conv_offset(x if offset_feat is None else offset_feat)
        offset, mask = both.tensor_split((2 * taps,), dim=1)
        return modulated_deform_conv(
            x,
            offset,
            mask.sigmoid(),
            self.weight,
            self.bias,
            padding=self.dilation * (self.kernel // 2),
            dilation=self.dilation,
            groups=self.groups,
        )
