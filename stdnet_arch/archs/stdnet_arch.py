"""STDNet (Wang et al., AAAI 2026, arXiv 2508.01259): the wiring of the paper's Fig. 2."""

from collections.abc import Sequence

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.plane_blend.planes_head import PlanesHead
from stdnet_arch.archs.stdnet.folded import Foldable
from stdnet_arch.archs.stdnet.initialization import balance
from stdnet_arch.archs.stdnet.regularizer import DifferenceRegularizer
from stdnet_arch.archs.stdnet.stage import STAGES, Stage, StageOutput, blend, pass_names
from stdnet_arch.archs.stdnet.step import STDNetStep
from stdnet_arch.archs.stdnet.streaming import STDNetStream
from stdnet_arch.archs.stdnet.temporal_difference import NEIGHBOURS
from stdnet_arch.ops.precision import at_least_float32
from stdnet_arch.ops.resize import replicate_up
from stdnet_arch.utils.shapes import check_clip

INITS = ("paper", "balanced")
HEADS = ("residual", "planes")
SMALLEST = 1e-4
"""Depth that stands for a hole where depth is seen as its logarithm."""


@ARCH_REGISTRY.register()
class STDNet(nn.Module):
    """SpatioTemporal Difference Network for video depth super-resolution.

    Two stages: the first is guided by RGB, the second by the first one's depth, confidence and
    features.

    Args:
        scale: H / h: 4, 8 or 16. Depth enters at H/4 x W/4, replicated; the networks for all
            scales are alike.
        num_feat: channels of every feature map, a multiple of 16; 64 in the paper.
        head_feat: channels of the prediction heads at H x W, where a narrow network spends most of
            its time. 64 in the paper at every ``num_feat``.
        init: ``paper``, or ``balanced`` (:func:`stdnet_arch.archs.stdnet.initialization.balance`),
            for training from scratch; what it changes is in docs/results.md.
        num_block: residual blocks of each trunk and reconstruction, attention blocks of each fusion
            of two frames; 5 and 2 in the paper.
        num_round: rounds of passes in each stage, backward and forward; 2 in the paper. Each one
            sees 4 frames further in both directions.
        causal: only forward passes: no frame looks ahead, and on a stream each prediction comes
            with its frame.
        use_checkpoint: in training, compute features again in backward instead of keeping them: the
            same gradients, in less memory.
        head: ``residual``, the paper's: each stage regresses a residual on bilinear depth, and both
            are blended. ``planes``, ours: the last features weigh planes of the neighbouring LR
            pixels (:class:`~stdnet_arch.archs.plane_blend.planes_head.PlanesHead`). The stages
            then see log depth, in which an edge is a ratio, so ``lq`` may have any range. Results
            do not scale with the unit, as PlaneBlend's do.
        step: with ``head="planes"``, quantisation step of ``lq``, in its unit, if ``forward`` is
            not told; 0: continuous.
        refine: with ``head="planes"``, channels of the part that takes the steps out of ``lq``
            before planes are fitted; 0: none.

    Raises:
        ValueError: ``scale`` is not a multiple of 4, ``num_feat`` not one of 16, ``init`` or
            ``head`` unknown, or a number of blocks or rounds below 1. Or ``refine`` is below 0, or
            there is a ``step`` or ``refine`` without ``head="planes"``.
    """

    multiple_of = 1  # lq sides must be divisible by this

    def __init__(  # noqa: PLR0913  one keyword per choice, as archs have
        self,
        scale: int,
        num_feat: int = 64,
        head_feat: int = 64,
        init: str = "paper",
        num_block: Sequence[int] = (5, 2),
        num_round: int = 2,
        causal: bool = False,
        use_checkpoint: bool = False,
        head: str = "residual",
        step: float = 0.0,
        refine: int = 0,
    ) -> None:
        super().__init__()
        _check_arguments(scale, num_feat, init, num_block, num_round)
        if head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(HEADS)}, got {head!r}")
        for name, value in (("step", step), ("refine", refine)):
            if value and head != "planes":
                raise ValueError(f"{name} is for head='planes'; got {name}={value}, head={head!r}")
        self.scale = scale
        self.causal = causal  # halo is only of frames before
        # A pass reads the pass before it and never its own frames. So nothing is recurrent, all
        # frames of a pass run as one batch, and a frame depends on finitely many others.
        self.halo = STAGES * num_round * NEIGHBOURS  # frames of context on each side
        sizes = (num_block[0], num_block[1]), pass_names(num_round, causal)
        self.guided_stage = Stage(3, num_feat, head_feat, 0, *sizes)
        self.refining_stage = Stage(2, num_feat, head_feat, num_feat, *sizes)
        for stage in (self.guided_stage, self.refining_stage):
            stage.use_checkpoint = use_checkpoint
        # 195 parameters that only DifferenceLoss reads. The authors keep them in another network,
        # and their published checkpoints come without.
        self.regularizer = DifferenceRegularizer(num_feat)
        if init == "balanced":
            balance(self)
        # After balancing, which would undo its start as a bilinear interpolation.
        self.planes_head = PlanesHead(num_feat, scale, refine=refine) if head == "planes" else None
        self.expects_error = self.any_range = head == "planes"
        if self.planes_head is not None:
            self.step = float(step)

    def forward(self, lq: Tensor, guide: Tensor, step: Tensor | None = None) -> dict[str, Tensor]:
        """Super-resolve a clip of any length.

        A clip of one frame uses none of the parameters of the passes (with DDP, training on single
        frames needs ``find_unused_parameters: true``).

        Args:
            lq: low-resolution depth, ``(b, t, 1, h, w)`` in [0, 1]; with ``head="planes"`` of any
                range, in the unit of the training. What is below 2e-4 is a hole to that head.
            guide: RGB, ``(b, t, 3, H, W)`` in [0, 1].
            step: with ``head="planes"``, the quantisation step of each clip of ``lq``, in its unit,
                ``(b,)``; None: the network's own.

        Returns:
            ``pred``, ``(b, t, 1, H, W)``; and, stage by stage along a leading axis of 2:
            ``stage_depth`` and ``stage_confidence`` (softmax weights), ``(2, b, t, 1, H, W)``, and
            what ``DifferenceLoss`` reads: ``sigma``, ``(2, b, t, 1, H/4, W/4)``; ``phi_1`` and
            ``phi_2``, ``(2, b, t - 1 or t - 2, 1, H/4, W/4)``, empty for clips that are too short.
            With ``head="planes"`` ``pred`` is the mean of the planes instead of the stages' blend,
            and ``error`` the spread of the candidates, shape of ``pred``.

        Raises:
            TypeError, ValueError: see :func:`stdnet_arch.utils.shapes.check_clip`. Or ``step`` is
                given without ``head="planes"``.
        """
        if step is not None and self.planes_head is None:
            raise ValueError("step is for head='planes'; this network's head is residual")
        check_clip(lq, guide, self.scale, min_side=2 if self.scale == 4 else 1)
        # Features live at H/4 x W/4 whatever the scale, so that one network fits x4, x8 and x16.
        base = replicate_up(self.see(lq), self.scale // 4)
        coarse = self.guided_stage(base, guide)
        # RGB is not read again: the second stage sees it only through the first one's features.
        fine = self.refining_stage(
            base, torch.cat((coarse.depth, coarse.confidence), 2), coarse.feat
        )
        maps = {**self._blend(coarse, fine), **self._difference_maps(coarse, fine)}
        if self.planes_head is None:
            return maps
        stage_depth = maps["stage_depth"].exp()
        return {**maps, "stage_depth": stage_depth, **self.weigh_planes(base, fine.feat, step)}

    def see(self, lq: Tensor) -> Tensor:
        """Return depth as the stages see it: with ``head="planes"`` its logarithm.

        Args:
            lq: low-resolution depth, any shape.
        """
        if self.planes_head is None:
            return lq
        return at_least_float32(lq).clamp_min(SMALLEST).log()

    def weigh_planes(
        self, base: Tensor, feat: Tensor, step: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Predict with ``head="planes"``; see :meth:`PlanesHead.of_clip`.

        Args:
            base: depth as the stages see it, ``(b, t, 1, H/4, W/4)``.
            feat: features of the last stage, ``(b, t, c, H/4, W/4)``.
            step: see :meth:`forward`.
        """
        assert self.planes_head is not None
        every = self.scale // 4
        depth = base[..., ::every, ::every].exp()
        depth = depth.masked_fill(depth < 2 * SMALLEST, 0)
        return self.planes_head.of_clip(depth, feat, self.step if step is None else step)

    def fuse(self, on: bool = True) -> "STDNet":
        """Go to evaluation mode, in which all that is linear is folded, unless ``on`` is False.

        Same results up to rounding (relative 1e-5), fewer multiplications. As it costs nothing, it
        is on by default; training mode and gradients always take the unfolded form. The state dict
        does not change, and new weights count at once. In the folded form submodules run partly,
        so hooks on them may not fire.

        Args:
            on: true to fold in evaluation mode without gradients.

        Returns:
            The network itself.
        """
        for module in self.modules():
            if isinstance(module, Foldable):
                module.folds = on
        return self.eval()

    @staticmethod
    def _blend(*stages: StageOutput) -> dict[str, Tensor]:
        """The prediction, and what it is blended from, stages along a leading axis."""
        depth = torch.stack([stage.depth for stage in stages])
        pred, confidence = blend(depth, torch.stack([stage.confidence for stage in stages]))
        return {"pred": pred, "stage_depth": depth, "stage_confidence": confidence}

    def open_stream(self) -> STDNetStream:
        """Super-resolve frame by frame, in constant memory; see :class:`STDNetStream`."""
        return STDNetStream(self)

    def open_step(self) -> STDNetStep:
        """One frame of a stream as a function of tensors; see :class:`STDNetStep`."""
        return STDNetStep(self)

    def _difference_maps(self, *stages: StageOutput) -> dict[str, Tensor]:
        """Stack the maps that the difference regularisation reads, stages along a leading axis."""
        sigma, phi = zip(
            *(self.regularizer(stage.sigma, stage.phi) for stage in stages), strict=True
        )
        phi_1, phi_2 = zip(*phi, strict=True)
        maps = {"sigma": sigma, "phi_1": phi_1, "phi_2": phi_2}
        return {name: torch.stack(stacked) for name, stacked in maps.items()}


def _check_arguments(
    scale: int, num_feat: int, init: str, num_block: Sequence[int], num_round: int
) -> None:
    if scale < 4 or scale % 4:
        raise ValueError(f"scale must be a multiple of 4 (4, 8, 16 in the paper), got {scale}")
    if num_feat < 16 or num_feat % 16:
        raise ValueError(f"num_feat must be a multiple of 16 (channel attention), got {num_feat}")
    if init not in INITS:
        raise ValueError(f"init must be one of {', '.join(INITS)}, got {init!r}")
    if isinstance(num_block, int) or len(num_block) != 2 or min(*num_block, num_round) < 1:
        raise ValueError(
            "num_block must be two numbers (trunk, fusion) and num_round one, each at least 1; "
            f"got {num_block} and {num_round}"
        )
