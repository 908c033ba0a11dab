"""STDNet-S and STDNet-T: the same network, smaller; sizes chosen by their speed on a CPU."""

from typing import Any

from basicsr.utils.registry import ARCH_REGISTRY

from stdnet_arch.archs.stdnet_arch import STDNet

# The passes take two thirds of the time at any width, most of it in the fusions' convolutions at
# three times the channels; the heads at H x W come next. What each size costs: docs/performance.md.
SIZES: dict[str, dict[str, Any]] = {
    "S": {"num_feat": 32, "head_feat": 16, "num_block": (3, 1), "num_round": 2},
    "T": {"num_feat": 16, "head_feat": 16, "num_block": (5, 2), "num_round": 1},
}


@ARCH_REGISTRY.register()
class STDNetS(STDNet):
    """STDNet-S, at least 4 times as fast as the published size.

    Args:
        scale: see :class:`~stdnet_arch.archs.stdnet_arch.STDNet`, as all arguments.
        init: ``balanced`` is for training from scratch.
        causal: forward passes alone.
        use_checkpoint: less memory in training.

    Raises:
        ValueError: see STDNet.
    """

    def __init__(
        self,
        scale: int,
        init: str = "paper",
        causal: bool = False,
        use_checkpoint: bool = False,
    ) -> None:
        super().__init__(
            scale, init=init, causal=causal, use_checkpoint=use_checkpoint, **SIZES["S"]
        )


@ARCH_REGISTRY.register()
class STDNetT(STDNet):
    """STDNet-T, at least 10 times as fast as the published size; it sees 4 frames on each side.

    Args:
        scale: see :class:`~stdnet_arch.archs.stdnet_arch.STDNet`, as all arguments.
        init: ``balanced`` is for training from scratch.
        causal: forward passes alone.
        use_checkpoint: less memory in training.

    Raises:
        ValueError: see STDNet.
    """

    def __init__(
        self,
        scale: int,
        init: str = "paper",
        causal: bool = False,
        use_checkpoint: bool = False,
    ) -> None:
        super().__init__(
            scale, init=init, causal=causal, use_checkpoint=use_checkpoint, **SIZES["T"]
        )
