"""SVSRNet (Xiao et al., ACM MM 2021): super-resolution of stereo video, both views at once."""

import math

import torch
import torch.nn.functional as F
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import ResidualBlock, ResidualTrunk, leaky_relu
from stdnet_arch.archs.svsrnet.attention import (
    GlobalAttention,
    ParallaxAttention,
    ViewTemporalAttention,
)
from stdnet_arch.archs.svsrnet.fusion import CENTER, SpaceTimeFusion, windows_of
from stdnet_arch.ops.resize import upsample
from stdnet_arch.utils.shapes import check_frames

VIEWS = ("left", "right")
NEIGHBORS = (0, 2)
"""In a window of three frames: those that are not the centre."""
RELEASED_NEIGHBORS = (0, 1)


@ARCH_REGISTRY.register()
class SVSRNet(nn.Module):
    """Each frame of either view from three frames of both.

    The views of a clip lie behind one another as channels: red, green, blue of the left one, then
    of the right one. Views must be rectified: a point lies on the same row of both.

    Built after published facts of the network. The authors' code declares 4,613,686 parameters and
    uses 3,564,958 of them, and ``as_released`` has just these: the left fusion and the left
    enlargement serve both views. Of the other view's other times the past frame and the centre one
    are looked at (not the future one). One of two fusing convolutions does the work of both. The
    authors' weights and their number of parameters fit only that form. Without it every declared
    part does what its name says, with 4,563,766 parameters.

    Args:
        scale: H / h, a power of 2; 4 in the paper.
        num_feat: channels, a multiple of ``groups``.
        num_extract: residual blocks before the fusion.
        num_recon: residual blocks after it.
        groups: offset groups of deformable convolutions.
        as_released: see above.
        tidies_masks: occlusion masks lose their specks, on the CPU.

    Raises:
        ValueError: ``scale`` is no power of 2, or ``num_feat`` no multiple of ``groups``.
    """

    halo = CENTER
    multiple_of = 1
    lq_channels = 3 * len(VIEWS)

    def __init__(
        self,
        scale: int = 4,
        num_feat: int = 64,
        num_extract: int = 5,
        num_recon: int = 10,
        groups: int = 8,
        as_released: bool = False,
        tidies_masks: bool = True,
    ) -> None:
        super().__init__()
        if scale < 2 or scale & (scale - 1):
            raise ValueError(f"scale must be a power of 2 (4 in the paper), got {scale}")
        self.scale = scale
        self.neighbors = RELEASED_NEIGHBORS if as_released else NEIGHBORS
        self.extraction = ResidualTrunk(3, num_feat, num_extract)
        shared = VIEWS[:1] if as_released else VIEWS
        self.fusions = nn.ModuleDict({v: SpaceTimeFusion(num_feat, groups) for v in shared})
        self.attentions = nn.ModuleDict({
            view: ViewTemporalAttention(
                num_feat,
                ParallaxAttention(num_feat, tidies_masks),
                [GlobalAttention(num_feat) for _ in self.neighbors],
                has_mask=True,
                shares_fusion=as_released,
            )
            for view in VIEWS
        })  # fmt: skip
        self.conv_merge = nn.ModuleDict({v: nn.Conv2d(2 * num_feat, num_feat, 1) for v in VIEWS})
        self.reconstructions = nn.ModuleDict(
            {v: nn.Sequential(*(ResidualBlock(num_feat) for _ in range(num_recon))) for v in VIEWS}
        )
        self.enlargements = nn.ModuleDict({v: _enlargement(num_feat, scale) for v in shared})
        self.heads = nn.ModuleDict({v: _head(num_feat) for v in VIEWS})

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve both views of a clip.

        Args:
            lq: RGB of the left and of the right view, ``(b, t, 6, h, w)`` in [0, 1].
            guide: none; the argument is there for the common call.

        Returns:
            ``pred``, ``(b, t, 6, H, W)``.

        Raises:
            TypeError, ValueError: see :mod:`stdnet_arch.utils.shapes`.
        """
        if guide is not None:
            raise TypeError("SVSRNet takes no guide, got one; both views go into lq")
        check_frames(lq, "lq", self.lq_channels)
        views = dict(zip(VIEWS, self._windows(lq), strict=True))  # (b * t, 3, c, h, w) each
        base = upsample(lq, self.scale, "bilinear")
        turns = zip(VIEWS, reversed(VIEWS), strict=True)
        out = [self._view(view, views[view], views[other]) for view, other in turns]
        return {"pred": base + torch.cat(out, 1).unflatten(0, lq.shape[:2])}

    def _windows(self, lq: Tensor) -> list[Tensor]:
        """Features of the three frames around each frame, per view."""
        b, t = lq.shape[:2]
        feat = self.extraction(lq.unflatten(2, (len(VIEWS), 3)).flatten(0, 2))
        feat = feat.unflatten(0, (b, t, len(VIEWS)))
        around = torch.tensor(windows_of(t), device=lq.device)
        windows = feat[:, around].flatten(0, 1)  # (b * t, 3, views, c, h, w)
        return list(windows.unbind(2))

    def _view(self, view: str, frames: Tensor, others: Tensor) -> Tensor:
        """``(b * t, 3, c, h, w)`` of this view and of the other one -> what is added to RGB."""
        fused = _chosen(self.fusions, view)(frames)
        times = [others[:, i] for i in self.neighbors]
        across = self.attentions[view](frames[:, CENTER], others[:, CENTER], times)
        merged = F.leaky_relu(self.conv_merge[view](torch.cat((fused, across), 1)), 0.1)
        large = _chosen(self.enlargements, view)(self.reconstructions[view](merged))
        return self.heads[view](large)


def _chosen(parts: nn.ModuleDict, view: str) -> nn.Module:
    """A view's part, or the one that serves both."""
    return parts[view if view in parts else VIEWS[0]]


def _enlargement(num_feat: int, scale: int) -> nn.Sequential:
    steps: list[nn.Module] = []
    for _ in range(int(math.log2(scale))):
        conv = nn.Conv2d(num_feat, 4 * num_feat, 3, padding=1)
        steps += [conv, nn.PixelShuffle(2), leaky_relu()]
    return nn.Sequential(*steps)


def _head(num_feat: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(num_feat, num_feat, 3, padding=1),
        leaky_relu(),
        nn.Conv2d(num_feat, 3, 3, padding=1),
    )
