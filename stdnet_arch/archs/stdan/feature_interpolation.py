"""Long short-term feature interpolation (LSTFI): features of the missing frames, STDAN III-B."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stdnet_arch.archs.shared.alignment import FeaturePyramid, PairFusion, StateAlignment


class FeatureInterpolation(nn.Module):
    """Features between each two neighbours, from both and from all frames before and after.

    A recurrence runs over the pairs of neighbours in both directions, with the same weights. The
    alignment of the pairs does not depend on its state and is computed for all pairs and both
    directions at once. The two recurrences run side by side as a batch.

    Args:
        num_feat: channels.
        groups: offset groups.
    """

    def __init__(self, num_feat: int, groups: int = 8) -> None:
        super().__init__()
        self.pyramid = FeaturePyramid(num_feat)
        self.pair = PairFusion(num_feat, groups)
        self.state = StateAlignment(num_feat, groups)
        self.conv_state = nn.Conv2d(2 * num_feat, num_feat, 1)
        self.conv_h1 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.conv_h2 = nn.Conv2d(num_feat, num_feat, 3, padding=1)
        self.fusion = nn.Conv2d(2 * num_feat, num_feat, 1)

    def forward(self, feat: Tensor) -> Tensor:
        """``(b, n, c, h, w)`` of the given frames -> ``(b, n - 1, c, h, w)`` between them."""
        b, n = feat.shape[:2]
        short_term = self._align_pairs(feat)  # (2*b, n - 1, c, h, w)
        # The authors' code aligns also the zeros of the first step. Biases make features of them,
        # so the step cannot be left out.
        state = torch.zeros_like(short_term[:, 0])
        passed = []
        for i in range(n - 1):
            between = short_term[:, i]
            aligned = self.state(between, state)
            between = self.conv_state(torch.cat((aligned, between), 1))
            state = self.conv_h2(F.leaky_relu(self.conv_h1(between), 0.1))
            passed.append(between)
        ahead, back = torch.stack(passed, 1).chunk(2)
        # No activation behind this fusion: its result is a feature like those it stands between.
        both = torch.cat((ahead, back.flip(1)), 2).flatten(0, 1)
        return self.fusion(both).unflatten(0, (b, n - 1))

    def _align_pairs(self, feat: Tensor) -> Tensor:
        """Neighbours fused in the middle, ``(2 * b, n - 1, c, h, w)``: ahead, then back in time.

        Backward in time, the later frame of a pair comes first.
        """
        b, n = feat.shape[:2]
        clips = [level.unflatten(0, (b, n)) for level in self.pyramid(feat.flatten(0, 1))]
        earlier = [torch.cat((x[:, :-1], x.flip(1)[:, :-1])).flatten(0, 1) for x in clips]
        later = [torch.cat((x[:, 1:], x.flip(1)[:, 1:])).flatten(0, 1) for x in clips]
        return self.pair(earlier, later).unflatten(0, (2 * b, n - 1))
