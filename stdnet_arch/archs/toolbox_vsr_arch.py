"""The toolbox's own video and single-image networks on depth, as competitors."""

from collections.abc import Mapping
from typing import Any, cast

from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.shared.flow import SpyNetFlow
from stdnet_arch.archs.toolbox.clip_runs import Hint, frames_around
from stdnet_arch.archs.toolbox.guided_convolution import GuidedFlow
from stdnet_arch.archs.toolbox.networks import NETWORKS, build
from stdnet_arch.ops.resize import replicate_up, upsample
from stdnet_arch.utils.shapes import check_clip, check_frames, check_sides


@ARCH_REGISTRY.register()
class ToolboxVSR(nn.Module):
    """Depth through a network of the toolbox, which is imported and neither copied nor changed.

    As in STDNet, depth is replicated to a quarter of the output's size and enlarged four times: one
    network serves x4, x8 and x16. The result is a residual on bilinear depth: the video networks
    have one of their own, the single-image networks get it. Depth as 3 channels is depth three
    times; three channels of a result are averaged. Guided networks see the RGB at their first
    convolutions, pixel-unshuffled to the size of the depth, as if it were concatenated with the
    depth. They estimate flow from it, too.

    Networks with batch normalisation (DUF, TOFlow) mix samples while they are trained.

    Args:
        scale: H / h, a multiple of 4.
        arch: ``BasicVSR``, ``IconVSR``, ``BasicVSRPlusPlus``, ``EDVR``, ``DUF``, ``TOFlow``; or, of
            single images, ``RCAN``, ``EDSR``, ``RRDBNet``, ``SwinIR``.
        channels: channels of depth, 1 or 3; EDVR and the single-image networks can take 1.
        is_guided: RGB is seen, too.
        flow_weights: a checkpoint of SPyNet for BasicVSR, IconVSR and BasicVSR++, or ``spynet``,
            the shipped one; None: random, trained with the rest. Nothing is ever downloaded.
        options: arguments of the toolbox's network (``num_feat``, ``num_block``, ...).

    Raises:
        ValueError, TypeError: an argument is not one of these; the message says which are.
    """

    def __init__(
        self,
        scale: int,
        arch: str,
        channels: int = 3,
        is_guided: bool = True,
        flow_weights: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if scale < 4 or scale % 4:
            raise ValueError(f"scale must be a multiple of 4 (4, 8, 16), got {scale}")
        if arch not in NETWORKS:
            raise ValueError(f"arch must be one of {', '.join(NETWORKS)}, got {arch!r}")
        self.arch = arch
        self.scale, self.channels, self.is_guided = scale, channels, is_guided
        self.halo = NETWORKS[arch].halo
        self.multiple_of = max(NETWORKS[arch].multiple_of // (scale // 4), 1)
        self.net = build(arch, channels, is_guided, options or {})
        if flow_weights is not None:
            self._load_flow(flow_weights)

    def _load_flow(self, weights: str) -> None:
        if self.halo is not None:
            raise ValueError(f"flow_weights are for networks with SPyNet; {self.arch} has none")
        flow = self.net.get_submodule("spynet")
        flow = flow.estimator if isinstance(flow, GuidedFlow) else flow
        cast(SpyNetFlow, flow).load(weights)

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve a clip of any length.

        Args:
            lq: low-resolution depth, ``(b, t, 1, h, w)`` in [0, 1]; sides are multiples of
                ``multiple_of``.
            guide: RGB, ``(b, t, 3, H, W)`` in [0, 1]; ignored by a network that is not guided.

        Returns:
            ``pred``, ``(b, t, 1, H, W)``.

        Raises:
            TypeError, ValueError: see :mod:`stdnet_arch.utils.shapes`.
        """
        check_frames(lq, "lq", channels=1)
        if self.is_guided:
            check_clip(lq, guide, self.scale)
        check_sides(lq, "lq", self.multiple_of)
        base = replicate_up(lq, self.scale // 4)
        hint = Hint.of(guide) if self.is_guided and guide is not None else None
        pred = self._run(base.expand(-1, -1, self.channels, -1, -1), hint)
        pred = pred.mean(2, keepdim=True)
        if not NETWORKS[self.arch].has_base:
            pred = pred + upsample(base, 4, "bilinear")
        return {"pred": pred}

    def _run(self, x: Tensor, hint: Hint | None) -> Tensor:
        """The network on ``x (b, t, c, H/4, W/4)``; clips that are too short run back and forth."""
        spec, t = NETWORKS[self.arch], x.shape[1]
        if t < spec.min_frames:
            frames = [frames_around(i, 0, t)[0] for i in range(spec.min_frames)]
            x, hint = x[:, frames], hint and hint.frames(frames)
        return spec.run(self.net, x.contiguous(), hint, spec.entries)[:, :t]
