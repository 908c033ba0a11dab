"""Super-resolution of temporal profiles, inspired by STVSR-TP (Xiao et al., ACM MM 2020)."""

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.shared.blocks import ResidualBlock, leaky_relu
from stdnet_arch.archs.stdan.guidance import GuideEncoder, standardize
from stdnet_arch.archs.temporal_profile.slices import SliceUpsampling
from stdnet_arch.ops.resize import fill_in_time, upsample
from stdnet_arch.utils.shapes import check_clip, check_frames

MODALITIES = ("rgb", "depth")


@ARCH_REGISTRY.register()
class TemporalProfileNet(nn.Module):
    """Super-resolve the x-t and y-t slices of a clip instead of its frames; no motion is estimated.

    Inspired by the paper: its three modules (super-resolution of profiles, feature shuffling,
    refinement) are there, but it publishes no layer sizes, so these are ours. Rows and columns are
    sliced alike, with weights of their own, and fused. In ``depth`` RGB joins twice: at the low
    resolution beside depth, for the given frames, and at the high one, for all frames.

    Args:
        scale: H / h.
        modality: ``depth``, guided by RGB; or ``rgb``, frames in, frames out.
        time_scale: 2 makes a frame between each two, 1 none.
        num_feat: channels on slices.
        refine_feat: channels at high resolution.
        num_block: residual blocks on slices; each sees two frames more on either side.
        num_refine: residual blocks on frames at high resolution.

    Raises:
        ValueError: an argument is not one of these.
    """

    halo: int | None
    """``2 * num_block + 2``; None where frames are made, since then windows are cut otherwise."""
    multiple_of = 1

    def __init__(
        self,
        scale: int = 4,
        modality: str = "depth",
        time_scale: int = 1,
        num_feat: int = 64,
        refine_feat: int = 32,
        num_block: int = 10,
        num_refine: int = 5,
    ) -> None:
        super().__init__()
        _check_arguments(scale, modality, time_scale, num_block, num_refine)
        is_guided = modality == "depth"
        self.scale, self.time_scale = scale, time_scale
        self.lq_channels = 1 if is_guided else 3
        self.min_frames = time_scale
        self.halo = 2 * num_block + 2 if time_scale == 1 else None
        seen = self.lq_channels + (num_feat if is_guided else 0)
        sizes = (seen, num_feat, refine_feat, num_block, scale, time_scale)
        self.rows = SliceUpsampling(*sizes)
        self.columns = SliceUpsampling(*sizes)
        if is_guided:
            self.guide_encoder = GuideEncoder(scale, num_feat)
            self.conv_guide = nn.Sequential(nn.Conv2d(3, refine_feat, 3, padding=1), leaky_relu())
        self.conv_fuse = nn.Conv2d((3 if is_guided else 2) * refine_feat, refine_feat, 1)
        self.refinement = nn.Sequential(*(ResidualBlock(refine_feat) for _ in range(num_refine)))
        self.conv_last = nn.Conv2d(refine_feat, self.lq_channels, 3, padding=1)

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve a clip in space, and in time at ``time_scale`` 2.

        Args:
            lq: ``(b, n, 1, h, w)`` depth or ``(b, n, 3, h, w)`` RGB, in [0, 1]; at ``time_scale`` 2
                every second frame, ``n >= 2``.
            guide: with depth only, RGB of every frame, ``(b, t, 3, H, W)`` in [0, 1]; ``t`` is
                ``n``, or ``2n - 1``.

        Returns:
            ``pred``, ``(b, t, 1 or 3, H, W)``.

        Raises:
            TypeError, ValueError: see :mod:`stdnet_arch.utils.shapes`.
        """
        self._check(lq, guide)
        seen, unit = (lq, None) if guide is None else standardize_frames(lq)
        if guide is not None:
            seen = torch.cat((seen, self.guide_encoder(guide[:, :: self.time_scale])), 2)
        maps = [self.rows(seen), self.columns(seen.mT).mT]  # (b, t, refine_feat, H, W) each
        maps = [x.flatten(0, 1) for x in maps]
        if guide is not None:
            maps.append(self.conv_guide(guide.flatten(0, 1)))
        frames = self.conv_last(self.refinement(self.conv_fuse(torch.cat(maps, 1))))
        base = self._in_time(upsample(lq, self.scale, "bilinear"))
        out = frames.unflatten(0, base.shape[:2])
        return {"pred": base + (out if unit is None else self._in_time(unit) * out)}

    def _check(self, lq: Tensor, guide: Tensor | None) -> None:
        if self.lq_channels == 1:
            check_clip(lq, guide, self.scale, time_scale=self.time_scale)
        elif guide is not None:
            raise TypeError(
                "TemporalProfileNet of modality rgb takes no guide, got one; leave it out"
            )
        check_frames(lq, "lq", self.lq_channels, min_frames=self.min_frames)

    def _in_time(self, given: Tensor) -> Tensor:
        """``(b, n, ...)`` at every frame that comes out."""
        return fill_in_time(given) if self.time_scale == 2 else given


def standardize_frames(lq: Tensor) -> tuple[Tensor, Tensor]:
    """Depth of each frame around 0 with a spread of 1; see :func:`~.stdan.guidance.standardize`.

    Frame by frame, so that no frame depends on those beyond the halo.

    Args:
        lq: ``(b, t, 1, h, w)``; 0 is "no depth" and does not count.

    Returns:
        The clip, ``(b, t, 1, h, w)``, and the spreads, ``(b, t, 1, 1, 1)``, in units of ``lq``.
    """
    frames, spread = standardize(lq.flatten(0, 1).unsqueeze(1))
    clip = lq.shape[:2]
    return frames.squeeze(1).unflatten(0, clip), spread.squeeze(1).unflatten(0, clip)


def _check_arguments(
    scale: int, modality: str, time_scale: int, num_block: int, num_refine: int
) -> None:
    if modality not in MODALITIES:
        raise ValueError(f"modality must be one of {', '.join(MODALITIES)}, got {modality!r}")
    if time_scale not in {1, 2}:
        raise ValueError(f"time_scale must be 1 or 2, got {time_scale}")
    if min(scale, num_block) < 1 or num_refine < 0:
        raise ValueError(
            "scale and num_block must be at least 1 and num_refine at least 0, got "
            f"{scale}, {num_block} and {num_refine}"
        )
