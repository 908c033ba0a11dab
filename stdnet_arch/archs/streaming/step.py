"""One frame of a stream as a function of tensors: what is kept goes in and comes out.

For programs without this package: a runtime that knows no Python streams a video with it, exactly.
"""

import torch
from torch import Tensor, nn

from stdnet_arch.archs.contract import contract_of


class StreamStep(nn.Module):
    """A network that streams, frame by frame, with its memory in the open.

    ``forward(lq, guide, *state)`` takes ``lq (1, 1, h, w)``, ``guide (1, 3, H, W)`` and what is
    kept, in the order of :meth:`start`. It returns the maps named in :attr:`gives`, ``(1, 1, H,
    W)`` each, and what is kept for the next frame, in the same order.

    A network with :attr:`delay` gives the frame that came so many steps before. It takes one more
    input behind ``guide``: ``here (1,)``, 1 for a frame. After the last frame come ``delay`` steps
    with any ``lq`` and ``guide`` and a ``here`` of 0, which bring the predictions that remain.

    Args:
        net: the network, in evaluation mode.
    """

    delay: int = 0
    """Steps between a frame and its prediction."""
    gives: tuple[str, ...]
    """Maps that a step makes of its frame: ``pred``, and of some networks ``error``."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.gives = ("pred", "error") if contract_of(net).expects_error else ("pred",)

    def start(self, h: int, w: int) -> dict[str, Tensor]:
        """Return the state before the first frame, by name.

        Args:
            h: rows of ``lq``.
            w: columns of ``lq``.
        """
        raise NotImplementedError


class FrameStep(StreamStep):
    """A network that sees every frame by itself and keeps nothing."""

    def start(self, h: int, w: int) -> dict[str, Tensor]:  # noqa: ARG002  nothing is kept
        """See :class:`StreamStep`."""
        return {}

    def forward(self, lq: Tensor, guide: Tensor) -> tuple[Tensor, ...]:
        """See :class:`StreamStep`."""
        made = self.net(lq[:, None], guide[:, None])
        return tuple(made[name][:, 0] for name in self.gives)


def open_step(net: nn.Module) -> StreamStep:
    """The step of a network: its own (a method ``open_step``), or a frame by itself.

    Args:
        net: a network of this plugin, in evaluation mode.

    Raises:
        ValueError: the network has no step.
    """
    if hasattr(net, "open_step"):
        return net.open_step()  # type: ignore[operator]
    if contract_of(net).halo == 0:
        return FrameStep(net)
    raise ValueError(
        f"a step of a stream needs a network that streams by itself (STDNet, DFlowDepth, "
        f"PlaneBlend) or sees each frame by itself; {type(net).__name__} does neither: use windows"
    )


@torch.no_grad()
def run_steps(step: StreamStep, lq: Tensor, guide: Tensor) -> Tensor:
    """Run a whole clip step by step.

    Args:
        step: result of :func:`open_step`.
        lq: ``(t, 1, h, w)``.
        guide: ``(t, 3, H, W)``.

    Returns:
        Predictions, ``(t, 1, H, W)``.
    """
    state = [x.to(lq) for x in step.start(*lq.shape[-2:]).values()]
    given = []
    for i in range(len(lq) + step.delay):
        k = min(i, len(lq) - 1)
        here = [lq.new_full((1,), float(i < len(lq)))] if step.delay else []
        outputs = step(lq[k : k + 1], guide[k : k + 1], *here, *state)
        state = list(outputs[len(step.gives) :])
        given.append(outputs[0])
    return torch.cat(given[step.delay :])
