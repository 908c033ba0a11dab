"""Swin transformer encoder of feature maps (Liu et al., ICCV 2021; residual groups of SwinIR)."""

import torch
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

WINDOW = 8
"""Side of an attention window; sides of a feature map must be multiples of it."""
NUM_HEADS = 6


class SwinEncoder(nn.Module):
    """Residual Swin groups between two conv3x3, ``num_feat`` channels in and out.

    Args:
        num_feat: channels outside.
        embed_feat: channels inside, a multiple of 6 (heads).
        num_group: residual groups.
        num_block: Swin blocks of a group.
        drop_path: share of blocks that are left out in training, per sample; grows linearly from 0
            in the first block to this in the last.
    """

    def __init__(
        self, num_feat: int, embed_feat: int, num_group: int, num_block: int, drop_path: float
    ) -> None:
        super().__init__()
        last = max(num_group * num_block - 1, 1)
        rates = [drop_path * block / last for block in range(num_group * num_block)]
        self.conv_first = nn.Conv2d(num_feat, embed_feat, 3, padding=1)
        self.norm_first = nn.LayerNorm(embed_feat)
        self.groups = nn.ModuleList(
            SwinGroup(embed_feat, rates[start : start + num_block])
            for start in range(0, len(rates), num_block)
        )
        self.norm = nn.LayerNorm(embed_feat)
        self.conv_after_body = nn.Conv2d(embed_feat, embed_feat, 3, padding=1)
        self.conv_last = nn.Conv2d(embed_feat, num_feat, 3, padding=1)

    def forward(self, feat: Tensor) -> Tensor:
        """``(b, c, h, w)`` -> ``(b, c, h, w)``; sides are multiples of 8."""
        x = self.conv_first(feat)
        tokens = self.norm_first(x.permute(0, 2, 3, 1))  # (b, h, w, c)
        h, w = feat.shape[-2:]
        mask = shift_mask(h, w, feat.device)
        for group in self.groups:
            tokens = group(tokens, mask)
        body = self.norm(tokens).permute(0, 3, 1, 2)
        return self.conv_last(x + self.conv_after_body(body))


class SwinGroup(nn.Module):
    """Swin blocks, plain and shifted in turn, and a conv3x3, plus the input.

    Args:
        embed_feat: channels.
        rates: drop rate of each block.
    """

    def __init__(self, embed_feat: int, rates: list[float]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            SwinBlock(embed_feat, is_shifted=bool(i % 2), drop=rate) for i, rate in enumerate(rates)
        )
        self.conv = nn.Conv2d(embed_feat, embed_feat, 3, padding=1)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """``(b, h, w, c)`` -> ``(b, h, w, c)``; ``mask``: see :func:`shift_mask`."""
        x = tokens
        for block in self.blocks:
            x = block(x, mask)
        return tokens + self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class SwinBlock(nn.Module):
    """Pre-norm attention within windows, then an MLP of twice the width.

    Args:
        embed_feat: channels.
        is_shifted: windows are moved by half a window.
        drop: probability that a sample skips the block in training.
    """

    def __init__(self, embed_feat: int, is_shifted: bool, drop: float) -> None:
        super().__init__()
        self.shift = WINDOW // 2 if is_shifted else 0
        self.norm1 = nn.LayerNorm(embed_feat)
        self.attn = WindowAttention(embed_feat)
        self.drop_path = StochasticDepth(drop, mode="row")
        self.norm2 = nn.LayerNorm(embed_feat)
        self.mlp = nn.Sequential(
            _linear(embed_feat, 2 * embed_feat), nn.GELU(), _linear(2 * embed_feat, embed_feat)
        )

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """``(b, h, w, c)`` -> ``(b, h, w, c)``; ``mask``: see :func:`shift_mask`."""
        h, w = tokens.shape[1:3]
        moved = self.norm1(tokens).roll((-self.shift, -self.shift), (1, 2))
        attended = self.attn(to_windows(moved), mask if self.shift else None)
        attended = from_windows(attended, h, w).roll((self.shift, self.shift), (1, 2))
        x = tokens + self.drop_path(attended)
        return x + self.drop_path(self.mlp(self.norm2(x)))


class WindowAttention(nn.Module):
    """Multi-head self-attention with a learned bias per relative position.

    Args:
        embed_feat: channels, a multiple of 6 (heads).
    """

    bias_index: Tensor

    def __init__(self, embed_feat: int) -> None:
        super().__init__()
        self.bias_table = nn.Parameter(torch.empty((2 * WINDOW - 1) ** 2, NUM_HEADS))
        nn.init.trunc_normal_(self.bias_table, std=0.02)
        self.register_buffer("bias_index", relative_position_index(), persistent=False)
        self.qkv = _linear(embed_feat, 3 * embed_feat)
        self.proj = _linear(embed_feat, embed_feat)

    def forward(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        """``(b, n, 64, c)`` -> ``(b, n, 64, c)``; ``mask``: ``(n, 64, 64)``, added to scores."""
        qkv = self.qkv(windows).unflatten(-1, (3, NUM_HEADS, -1))  # (b, n, 64, 3, heads, d)
        query, key, value = qkv.permute(3, 0, 1, 4, 2, 5)  # (b, n, heads, 64, d) each
        bias = self.bias_table[self.bias_index].permute(2, 0, 1)  # (heads, 64, 64)
        if mask is not None:
            bias = bias + mask[:, None].to(bias.dtype)  # (n, heads, 64, 64)
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2) + bias
        attended = scores.softmax(-1).to(value.dtype) @ value
        return self.proj(attended.transpose(2, 3).flatten(3))


def relative_position_index() -> Tensor:
    """Row of the bias table for each pair of a window's pixels, ``(64, 64)`` int64.

    Entry ``[i, j]`` is ``(row_i - row_j + 7) * 15 + (column_i - column_j + 7)``.
    """
    pixel = torch.arange(WINDOW * WINDOW)
    row, column = pixel // WINDOW, pixel % WINDOW
    down = row[:, None] - row + WINDOW - 1
    right = column[:, None] - column + WINDOW - 1
    return down * (2 * WINDOW - 1) + right


def shift_mask(h: int, w: int, device: torch.device | None = None) -> Tensor:
    """Mask pairs of pixels that only the cyclic shift made neighbours.

    Returns:
        ``(h * w / 64, 64, 64)``: 0 within a region, -100 across.
    """
    region = torch.zeros(h, w, device=device)
    for side, axis in ((h, 0), (w, 1)):
        place = torch.arange(side, device=device)
        part = (place >= side - WINDOW).float() + (place >= side - WINDOW // 2).float()
        region = 3 * region + (part[:, None] if axis == 0 else part)
    label = to_windows(region[None, :, :, None])[0, :, :, 0]  # (n, 64)
    return (label[:, None] != label[:, :, None]).float() * -100.0


def to_windows(x: Tensor) -> Tensor:
    """``(b, h, w, c)`` -> ``(b, h * w / 64, 64, c)``."""
    x = x.unflatten(2, (-1, WINDOW)).unflatten(1, (-1, WINDOW))  # (b, h/8, 8, w/8, 8, c)
    return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def from_windows(windows: Tensor, h: int, w: int) -> Tensor:
    """``(b, h * w / 64, 64, c)`` -> ``(b, h, w, c)``."""
    x = windows.unflatten(2, (WINDOW, WINDOW)).unflatten(1, (h // WINDOW, w // WINDOW))
    return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def _linear(in_feat: int, out_feat: int) -> nn.Linear:
    layer = nn.Linear(in_feat, out_feat)
    nn.init.trunc_normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer
