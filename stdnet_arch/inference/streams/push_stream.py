"""Frames are pushed, predictions come out: networks on streams and on windows."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stdnet_arch.models.prediction import FULL_SIZE
from stdnet_arch.utils.windows import Context

NetworkFrame = tuple[Tensor, Tensor]
"""``lq (1, h, w)`` and ``guide (3, H, W)``, both in [0, 1]."""
Outputs = dict[str, Tensor]
"""Maps of one frame, ``(1, H, W)``: ``pred``, and of some networks ``error``."""


class PushStream(ABC):
    """Stream that a camera loop drives; made by :func:`stdnet_arch.inference.open_stream`."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.shapes: tuple[torch.Size, torch.Size] | None = None

    def push(self, lq: Tensor, guide: Tensor) -> list[Tensor]:
        """Take the next frame; give the predictions that are complete.

        Args:
            lq: ``(1, h, w)`` in [0, 1].
            guide: ``(3, H, W)`` in [0, 1].

        Returns:
            ``(1, H, W)`` each, in order; often none or one.
        """
        return self.push_chunk([(lq, guide)])

    def push_chunk(self, frames: Sequence[NetworkFrame]) -> list[Tensor]:
        """As :meth:`push`, with several frames at once."""
        return [outputs["pred"] for outputs in self.push_outputs(frames)]

    def flush(self) -> list[Tensor]:
        """There are no more frames: give the remaining predictions."""
        return [outputs["pred"] for outputs in self.flush_outputs()]

    @abstractmethod
    def push_outputs(self, frames: Sequence[NetworkFrame]) -> list[Outputs]:
        """As :meth:`push_chunk`, with all maps that the network makes of a frame."""

    @abstractmethod
    def flush_outputs(self) -> list[Outputs]:
        """As :meth:`flush`, with all maps."""

    @abstractmethod
    def move(self, device: torch.device | str) -> None:
        """Bring what is kept for later frames to a device; the next push brings it back.

        A network's own stream that cannot be moved stays where it is.
        """

    def _check(self, frames: Sequence[NetworkFrame]) -> None:
        """Raise ValueError if a frame has another shape than the first one."""
        for lq, guide in frames:
            self.shapes = self.shapes or (lq.shape, guide.shape)
            if (lq.shape, guide.shape) != self.shapes:
                first = " and ".join(str(tuple(shape)) for shape in self.shapes)
                raise ValueError(
                    f"all frames must be as the first one, lq and guide {first}; "
                    f"got {tuple(lq.shape)} and {tuple(guide.shape)}"
                )

    def _prepare(self, frames: Sequence[NetworkFrame]) -> tuple[list[Tensor], list[Tensor]]:
        """``lq (1, 1, h, w)`` and ``guide (1, 3, H, W)`` of each frame, on the network's device."""
        self._check(frames)
        device = device_of(self.net, frames[0][0].device)
        lqs, guides = zip(*frames, strict=True)
        return [x[None].to(device) for x in lqs], [x[None].to(device) for x in guides]


class FeatureStream(PushStream):
    """A network that runs on a stream by itself."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__(net)
        self.inner = net.open_stream()  # type: ignore[operator]
        self._away = False

    def push_outputs(self, frames: Sequence[NetworkFrame]) -> list[Outputs]:
        """See :class:`PushStream`."""
        if not frames:
            return []
        prepared = self._prepare(frames)
        self._return()
        return self._outputs(self.inner.push(*prepared))

    def flush_outputs(self) -> list[Outputs]:
        """See :class:`PushStream`."""
        self._return()
        return self._outputs(self.inner.push([], [], last=True))

    def _outputs(self, preds: Sequence[Tensor]) -> list[Outputs]:
        """Maps of the only clip."""
        made = maps_of_push(self.inner, preds)
        return [{name: value[0] for name, value in maps.items()} for maps in made]

    def move(self, device: torch.device | str) -> None:
        """See :class:`PushStream`."""
        if hasattr(self.inner, "to"):
            self.inner.to(device)
            self._away = True

    def _return(self) -> None:
        """Bring a stream that was moved back to its network."""
        if self._away:
            self.inner.to(device_of(self.net, "cpu"))
            self._away = False


class WindowStream(PushStream):
    """Any other network, on windows with context."""

    def __init__(self, net: nn.Module, context: Context) -> None:
        super().__init__(net)
        self.context = context
        self.lq: list[Tensor] = []
        self.guide: list[Tensor] = []
        self.done = 0  # frames at the start of what is kept that are only context

    def push_outputs(self, frames: Sequence[NetworkFrame]) -> list[Outputs]:
        """See :class:`PushStream`."""
        if frames:
            lq, guide = self._prepare(frames)
            self.lq += lq
            self.guide += guide
        return self._predict(len(self.lq) - self.context.after)

    def flush_outputs(self) -> list[Outputs]:
        """See :class:`PushStream`."""
        return self._predict(len(self.lq))

    def move(self, device: torch.device | str) -> None:
        """See :class:`PushStream`."""
        self.lq, self.guide = ([x.to(device) for x in kept] for kept in (self.lq, self.guide))

    @torch.no_grad()
    def _predict(self, stop: int) -> list[Outputs]:
        """Predictions up to ``stop``, an index into what is kept."""
        if stop <= self.done:
            return []
        self.move(device_of(self.net, self.lq[0].device))
        made = self.net(torch.stack(self.lq, dim=1), torch.stack(self.guide, dim=1))
        maps = {name: made[name][0] for name in FULL_SIZE if name in made}
        frames = range(self.done, stop)
        ready = [{name: value[i] for name, value in maps.items()} for i in frames]
        drop = max(stop - self.context.before, 0)
        self.lq, self.guide, self.done = self.lq[drop:], self.guide[drop:], stop - drop
        return ready


def maps_of_push(stream: object, preds: Sequence[Tensor]) -> list[Outputs]:
    """Join predictions with the ``further_maps`` that a network's own stream may have.

    Args:
        stream: a network's own stream.
        preds: predictions of its last push, ``(b, 1, H, W)`` each.

    Returns:
        Of each frame the maps of :data:`FULL_SIZE`, ``(b, 1, H, W)``.
    """
    further = getattr(stream, "further_maps", None) or [{}] * len(preds)
    made = [{"pred": pred, **more} for pred, more in zip(preds, further, strict=True)]
    return [{name: maps[name] for name in FULL_SIZE if name in maps} for maps in made]


def device_of(net: nn.Module, otherwise: torch.device | str) -> torch.device | str:
    """Return the device of a network's parameters; ``otherwise`` if it has none."""
    parameter = next(net.parameters(), None)
    return otherwise if parameter is None else parameter.device
