"""Guidance for networks that know nothing of it: their first convolutions see the guide, too."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from torch import Tensor, nn

from stdnet_arch.ops.deform_conv import ModulatedDeformConv


class GuidedConv(nn.Module):
    """``conv(x) + guide_conv(guide)``: the convolution of both, concatenated.

    The network around it calls it only with ``x``; the guide of each call waits in line
    (:func:`handing_out`).

    Args:
        conv: a convolution of the network.
        guide_channels: channels of the guide.
    """

    def __init__(self, conv: nn.Conv2d | nn.Conv3d, guide_channels: int) -> None:
        super().__init__()
        self.conv = conv
        options: Any = {"padding": conv.padding, "bias": False}
        self.guide_conv = type(conv)(
            guide_channels, conv.out_channels, cast(Any, conv.kernel_size), **options
        )
        self.waiting: deque[Tensor] = deque()

    def forward(self, x: Tensor) -> Tensor:
        """``(b, c, ...)`` -> ``(b, out, ...)``."""
        return self.conv(x) + self.guide_conv(self.waiting.popleft())


class GuidedFlow(nn.Module):
    """Flow between the pairs of frames that wait in line, whatever the network asks for.

    Args:
        estimator: ``(frame, other)`` to flow.
    """

    def __init__(self, estimator: nn.Module) -> None:
        super().__init__()
        self.estimator = estimator
        self.waiting: deque[tuple[Tensor, Tensor]] = deque()

    def forward(self, frame: Tensor, other: Tensor) -> Tensor:
        """Two ``(b, 3, h, w)`` -> ``(b, 2, h, w)``, px."""
        if self.waiting:
            frame, other = self.waiting.popleft()
        return self.estimator(frame, other)


@contextmanager
def handing_out(net: nn.Module, guides: Mapping[str, Sequence[Any]]) -> Iterator[None]:
    """Put guides in line for as long as a network runs.

    Args:
        net: with :class:`GuidedConv` and :class:`GuidedFlow` inside.
        guides: name of such a module to what its calls get, in their order.

    Raises:
        RuntimeError: the network did not ask for all of them.
    """
    lines = [cast(Any, net.get_submodule(name)).waiting for name in guides]
    for line, waiting in zip(lines, guides.values(), strict=True):
        line.extend(waiting)
    try:
        yield
        left = [name for name, line in zip(guides, lines, strict=True) if line]
        if left:
            raise RuntimeError(f"{type(net).__name__} did not ask for all guides of {left}")
    finally:
        for line in lines:
            line.clear()


def use_own_deformation(net: nn.Module) -> None:
    """Replace the toolbox's deformable convolutions by ours, with the same parameters.

    ``DCNv2Pack`` (basicsr/archs/arch_util.py:213) computes the same, but not in half precision on a
    CPU. It waits for the device at every call to look at the mean offset.
    """
    for name, module in list(net.named_modules()):
        if type(module).__name__ == "DCNv2Pack":
            theirs = cast(Any, module)
            own = ModulatedDeformConv(
                theirs.in_channels, theirs.out_channels, groups=theirs.deformable_groups
            )
            own.load_state_dict(theirs.state_dict())
            net.set_submodule(name, own)
