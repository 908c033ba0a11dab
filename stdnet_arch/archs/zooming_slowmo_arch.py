"""Zooming Slow-Mo (Xiang et al., CVPR 2020): the one-stage baseline of space-time RGB video."""

import math

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.shared.alignment import COARSEST, FeaturePyramid, PairFusion, StateAlignment
from stdnet_arch.archs.shared.blocks import ResidualBlock, ResidualTrunk, leaky_relu
from stdnet_arch.archs.shared.conv_lstm import lstm_step
from stdnet_arch.ops.resize import interleave
from stdnet_arch.utils.shapes import check_frames, check_sides


@ARCH_REGISTRY.register()
class ZoomingSlowMo(nn.Module):
    """Interpolate missing features, pass a deformable ConvLSTM both ways, reconstruct.

    Built from the paper and a list of layer sizes; the number of parameters is the authors'.

    Args:
        scale: H / h, a power of 2; 4 in the paper.
        num_feat: channels.
        num_extract: residual blocks before the interpolation.
        num_recon: residual blocks after the recurrence.
        groups: offset groups.

    Raises:
        ValueError: ``scale`` is no power of 2.
    """

    halo = None  # a recurrence over the whole clip, in both directions
    multiple_of = COARSEST
    min_frames = 2
    lq_channels = 3
    time_scale = 2

    def __init__(
        self,
        scale: int = 4,
        num_feat: int = 64,
        num_extract: int = 5,
        num_recon: int = 40,
        groups: int = 8,
    ) -> None:
        super().__init__()
        if scale < 2 or scale & (scale - 1):
            raise ValueError(f"scale must be a power of 2 (4 in the paper), got {scale}")
        self.scale = scale
        self.extraction = ResidualTrunk(3, num_feat, num_extract)
        self.pyramid = FeaturePyramid(num_feat)
        self.pair = PairFusion(num_feat, groups)
        self.recurrence = DeformableConvLSTM(num_feat, groups)
        self.fusion = nn.Conv2d(2 * num_feat, num_feat, 1)
        self.reconstruction = nn.Sequential(*(ResidualBlock(num_feat) for _ in range(num_recon)))
        steps: list[nn.Module] = []
        for _ in range(int(math.log2(scale))):
            conv = nn.Conv2d(num_feat, 4 * num_feat, 3, padding=1)
            steps += [conv, nn.PixelShuffle(2), leaky_relu()]
        self.upsample = nn.Sequential(*steps)
        self.head = nn.Sequential(
            nn.Conv2d(num_feat, num_feat, 3, padding=1),
            leaky_relu(),
            nn.Conv2d(num_feat, 3, 3, padding=1),
        )

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve a clip in space and time.

        Args:
            lq: every second frame, ``(b, n, 3, h, w)`` RGB in [0, 1], ``n >= 2``; sides are
                multiples of 4.
            guide: none; the argument is there for the common call.

        Returns:
            ``pred``, ``(b, 2n - 1, 3, H, W)``.

        Raises:
            TypeError, ValueError: see :mod:`stdnet_arch.utils.shapes`.
        """
        if guide is not None:
            raise TypeError("ZoomingSlowMo takes no guide, got one; leave it out")
        check_frames(lq, "lq", self.lq_channels, min_frames=self.min_frames)
        check_sides(lq, "lq", self.multiple_of)
        b, n = lq.shape[:2]
        given = self.extraction(lq.flatten(0, 1))
        feat = interleave(given.unflatten(0, (b, n)), self._between(given, b))
        both_ways = torch.cat((feat, feat.flip(1)))  # (2*b, t, c, h, w)
        ahead, back = self.recurrence(both_ways).chunk(2)
        fused = self.fusion(torch.cat((ahead, back.flip(1)), 2).flatten(0, 1))
        pred = self.head(self.upsample(self.reconstruction(fused)))
        return {"pred": pred.unflatten(0, (b, 2 * n - 1))}

    def _between(self, given: Tensor, b: int) -> Tensor:
        """``(b * n, c, h, w)`` -> features between neighbours, ``(b, n - 1, c, h, w)``."""
        clips = [level.unflatten(0, (b, -1)) for level in self.pyramid(given)]
        earlier = [x[:, :-1].flatten(0, 1) for x in clips]
        later = [x[:, 1:].flatten(0, 1) for x in clips]
        return self.pair(earlier, later).unflatten(0, (b, -1))


class DeformableConvLSTM(nn.Module):
    """A ConvLSTM whose state and memory are aligned to each frame before they meet it.

    Args:
        num_feat: channels of frames, state and memory.
        groups: offset groups.
    """

    def __init__(self, num_feat: int, groups: int) -> None:
        super().__init__()
        self.align_state = StateAlignment(num_feat, groups)
        self.align_memory = StateAlignment(num_feat, groups)
        self.gates = nn.Conv2d(2 * num_feat, 4 * num_feat, 3, padding=1)

    def forward(self, feat: Tensor) -> Tensor:
        """``(b, t, c, h, w)`` -> the states after each frame, ``(b, t, c, h, w)``."""
        state = torch.zeros_like(feat[:, 0])
        memory = torch.zeros_like(state)
        states = []
        for i in range(feat.shape[1]):
            state = self.align_state(feat[:, i], state)
            memory = self.align_memory(feat[:, i], memory)
            state, memory = lstm_step(self.gates(torch.cat((feat[:, i], state), 1)), memory)
            states.append(state)
        return torch.stack(states, 1)
