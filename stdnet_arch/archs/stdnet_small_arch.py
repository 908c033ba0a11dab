"""STDNet-S and STDNet-T: the same network, smaller; sizes chosen by their speed on a CPU."""

from collections.abc import Mapping
from typing import Any, ClassVar

from basicsr.utils.registry import ARCH_REGISTRY

from stdnet_arch.archs.stdnet_arch import STDNet


class Preset(STDNet):
    """STDNet with sizes that are settled.

    Args:
        scale: see :class:`~stdnet_arch.archs.stdnet_arch.STDNet`, as all arguments.
        init: ``balanced`` is for training from scratch.
        causal: forward passes only.
        use_checkpoint: less memory in training.
        head: ``residual`` or ``planes``.
        step: quantisation step of ``lq`` for ``planes``.
        refine: channels of the refiner for ``planes``; 0: none.

    Raises:
        ValueError: see STDNet.
    """

    # The passes take two thirds of the time at any width, most of it in the fusions' convolutions
    # at three times the channels. The heads at H x W come next. Costs: docs/performance.md.
    sizes: ClassVar[Mapping[str, Any]]

    def __init__(
        self,
        scale: int,
        init: str = "paper",
        causal: bool = False,
        use_checkpoint: bool = False,
        head: str = "residual",
        step: float = 0.0,
        refine: int = 0,
    ) -> None:
        chosen: dict[str, Any] = {
            "init": init,
            "causal": causal,
            "use_checkpoint": use_checkpoint,
            "head": head,
            "step": step,
            "refine": refine,
        }
        super().__init__(scale, **chosen, **self.sizes)


@ARCH_REGISTRY.register()
class STDNetS(Preset):
    """STDNet-S, at least 4 times as fast as the published size."""

    sizes: ClassVar[Mapping[str, Any]] = {
        "num_feat": 32, "head_feat": 16, "num_block": (3, 1), "num_round": 2,
    }  # fmt: skip


@ARCH_REGISTRY.register()
class STDNetT(Preset):
    """STDNet-T, at least 10 times as fast as the published size; it sees 4 frames on each side."""

    sizes: ClassVar[Mapping[str, Any]] = {
        "num_feat": 16, "head_feat": 16, "num_block": (5, 2), "num_round": 1,
    }  # fmt: skip
