"""A network that sees depth around 0 with a spread of 1, and answers in the same units."""

from collections.abc import Mapping
from typing import Any

from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from stdnet_arch.archs.checkpoints.adapters import load_any
from stdnet_arch.archs.checkpoints.loading import build_arch
from stdnet_arch.archs.contract import contract_of

IN_DEPTH = ("pred", "stage_depth")
"""Outputs that are depth."""


@ARCH_REGISTRY.register()
class Standardized(nn.Module):
    """``mean + spread * net((lq - mean) / spread, guide)``.

    Depth that is divided by its greatest value leaves the networks edges of some hundredths. That
    is about as large as what a step of Adam does to the last layer: trained from scratch they hang
    at interpolation. In units of the depth's own spread they need fewer steps. The two numbers are
    constants of the training data, as a photograph network's mean colour is. So results do not
    depend on how a clip is cut.

    Args:
        scale: H / h.
        net: ``type`` and arguments of another arch of depth.
        mean: about the mean of depth, in units of the depth range.
        spread: about the standard deviation of depth within a crop, in the same units.

    Raises:
        ValueError: ``spread`` is not positive, or ``net`` is of RGB.
    """

    def __init__(self, scale: int, net: Mapping[str, Any], mean: float, spread: float) -> None:
        super().__init__()
        if not spread > 0:
            raise ValueError(f"spread must be > 0, in units of the depth range; got {spread}")
        self.net = build_arch({**net, "scale": scale}, "net")
        self.scale, self.mean, self.spread = scale, mean, spread
        contract = contract_of(self.net)
        for name, value in contract._asdict().items():
            setattr(self, name, value)
        if contract.lq_channels != 1:
            raise ValueError(f"net must be of depth, got {net['type']} of RGB: {dict(net)}")

    def forward(self, lq: Tensor, guide: Tensor | None = None) -> dict[str, Tensor]:
        """Run the network on standardised depth.

        Args:
            lq: low-resolution depth, ``(b, t, 1, h, w)`` in [0, 1].
            guide: as the network takes it.

        Returns:
            What the network returns; what is depth of it in [0, 1] again.
        """
        out = self.net((lq - self.mean) / self.spread, guide)
        depth = {key: self.mean + self.spread * out[key] for key in IN_DEPTH if key in out}
        return {**out, **depth}


def load_weights(net: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a checkpoint of a network or, into a :class:`Standardized`, of the network inside.

    Args:
        net: changed in place.
        state: the state of ``net`` or, without names that begin with ``net.``, of ``net.net``.

    Raises:
        RuntimeError, ValueError: it does not fit.
    """
    is_inner = isinstance(net, Standardized) and not any(name.startswith("net.") for name in state)
    load_any(net.net if is_inner else net, state)  # type: ignore[arg-type]
